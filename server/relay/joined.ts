/** Two connections as one: bytes and ends go both ways, and what breaks on one side breaks on the other. */
import type { Socket } from 'node:net'

export type Joined = {
  readonly result: 'complete' | 'broken'
  /** Bytes that came from the first, and from the second. */
  readonly fromFirst: number
  readonly fromSecond: number
}

/** Takes two connected sockets that may be half open. Resolves when both are closed. */
export async function joinSockets(first: Socket, second: Socket): Promise<Joined> {
  const broken = [closed(first, second), closed(second, first)]
  first.pipe(second)
  second.pipe(first)
  const result = (await Promise.all(broken)).includes('broken') ? 'broken' : 'complete'
  return { result, fromFirst: first.bytesRead, fromSecond: second.bytesRead }
}

/** An upload in clear text has no other end than that of its connection: one that was lost must not look like one that was closed. */
function closed(socket: Socket, other: Socket): Promise<'complete' | 'broken'> {
  return new Promise(resolve => {
    const settle = (): void => {
      const isWhole = socket.readableEnded && socket.writableFinished && socket.errored === null
      if (!isWhole && !other.destroyed) other.resetAndDestroy()
      resolve(isWhole ? 'complete' : 'broken')
    }
    socket.on('error', ignore)
    if (socket.destroyed) settle()
    else socket.once('close', settle)
  })
}

function ignore(): void {}
