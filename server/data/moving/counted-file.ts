/** Files whose bytes are counted, where what goes over the connection is something else: in TYPE A, and in other modes and structures. */
import type { ReadableFile, WritableFile } from '../../storage/storage.ts'
import type { Transfer } from './transfer.ts'

export type CountedTransfer = {
  readonly transfer: Transfer
  /** Bytes of the file so far. */
  readonly fileBytes: () => number
}

/** The transfer of a file, which is read and written, not moved by the kernel. Undefined for a listing. */
export function countFile(transfer: Transfer): CountedTransfer | undefined {
  let bytes = 0
  const count = (more: number): void => {
    bytes += more
  }
  const fileBytes = () => bytes
  if (transfer.kind === 'send-file')
    return { transfer: { ...transfer, file: readCounted(transfer.file, count) }, fileBytes }
  if (transfer.kind === 'receive-file')
    return { transfer: { ...transfer, file: writeCounted(transfer.file, count) }, fileBytes }
  return undefined
}

function readCounted(file: ReadableFile, count: (bytes: number) => void): ReadableFile {
  return {
    size: file.size,
    offset: file.offset,
    async read(buffer) {
      const bytes = await file.read(buffer)
      count(bytes)
      return bytes
    },
    close: () => file.close(),
  }
}

function writeCounted(file: WritableFile, count: (bytes: number) => void): WritableFile {
  return {
    path: file.path,
    write(bytes) {
      count(bytes.length)
      return file.write(bytes)
    },
    finish: () => file.finish(),
    abandon: () => file.abandon(),
  }
}
