/** Small files in memory: read, sent and ended by three system calls, without another turn of the event loop. */
import type { ReadableFile } from '../../storage/storage.ts'
import type { DataConnection } from '../data-connection.ts'
import type { TransferMeans } from '../means.ts'

/** Whether all is with the kernel, and FIN in the same packet. If not, some bytes may be: the file goes on behind them. */
export function sendAtOnce(file: ReadableFile, connection: DataConnection, { socketCalls, passing }: TransferMeans) {
  if (socketCalls === undefined) return false
  if (file.size - file.offset >= passing.length) return false
  const passed = pass(file, passing, bytes => connection.sendAtOnce(bytes, socketCalls))
  if (passed === undefined || passed.taken < passed.read || passed.read === passing.length) return false
  return connection.endAtOnce(socketCalls)
}

/** A file that can't be read says so again in the usual way. */
function pass(file: ReadableFile, buffer: Uint8Array, send: (bytes: Uint8Array) => number) {
  try {
    return file.passAtOnce?.(buffer, send)
  } catch {
    return undefined
  }
}
