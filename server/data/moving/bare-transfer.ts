/** What small transfers do with a connection that has no socket. */
import { callIn } from '../../deadlines.ts'
import type { BareConnection } from '../bare-connection.ts'

/** Bytes that have come, and whether more can: `lost` where the connection was cut behind them. */
export type Received = { readonly count: number; readonly then: 'more' | 'end' | 'lost' }

/** Takes what has come, as soon as something has. */
export function receiveSome(connection: BareConnection, buffer: Uint8Array): Promise<Received> {
  return new Promise(resolve => {
    let count = 0
    const settle = (then: Received['then']): void => {
      connection.ignore()
      resolve({ count, then })
    }
    const onReadable = (): void => {
      while (count < buffer.length) {
        const taken = connection.receive(count === 0 ? buffer : buffer.subarray(count))
        if (taken === 0) return settle('end')
        if (taken === 'lost') return settle('lost')
        if (taken === 'nothing yet') return count > 0 ? settle('more') : undefined
        count += taken
      }
      settle('more')
    }
    connection.watch(onReadable, () => settle('lost'))
  })
}

/** After our half was ended: drops what comes, until the client has ended its own or has had its time. It is closed then. */
export function closedByOther(connection: BareConnection, milliseconds: number): Promise<void> {
  return new Promise(resolve => {
    connection.watchStall(0, () => {})
    const patience = callIn(milliseconds, () => connection.close())
    const onReadable = (): void => {
      const taken = connection.receive(dropped)
      if (taken === 0 || taken === 'lost') connection.close()
    }
    connection.watch(onReadable, () => {
      patience.end()
      resolve()
    })
  })
}

/** Nobody reads what is in it: so one is enough for all. In one turn of the event loop no more is taken of a connection. */
const dropped = new Uint8Array(1024)
