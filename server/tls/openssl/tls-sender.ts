/** The worker thread that reads files and sends them under TLS: for one connection at a time, which nobody else uses meanwhile. */
import { parentPort } from 'node:worker_threads'
import { loadLibrary } from '../../data/kernel/native.ts'

/** `ssl` is where OpenSSL has the connection. */
export type SendRequest = {
  readonly ssl: bigint
  readonly file: number
  readonly position: number
  readonly bytes: number
}

/** As many as are read and written in the usual way where this is at an end: OpenSSL wants what it could not send to be given again. */
const pieceBytes = 65_536

/** So long a thread serves one client: others may wait for it. */
const turnMilliseconds = 250

const { func } = loadLibrary()
const write = func('int SSL_write(void *ssl, const void *bytes, int count)')
const read = func('long pread(int fd, void *bytes, size_t count, int64_t offset)')
const buffer = Buffer.allocUnsafeSlow(pieceBytes)

parentPort?.on('message', (request: SendRequest) => parentPort?.postMessage(send(request)))
parentPort?.postMessage('ready')

/** Gives how many bytes were sent; whoever sends the next ones is told why no more were. */
function send({ ssl, file, position, bytes }: SendRequest): number {
  const end = performance.now() + turnMilliseconds
  for (let sent = 0; ; ) {
    const count =
      sent < bytes && performance.now() < end
        ? read(file, buffer, Math.min(bytes - sent, pieceBytes), position + sent)
        : 0
    if (count <= 0 || write(ssl, buffer, count) !== count) return sent
    sent += count
  }
}
