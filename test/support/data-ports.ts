/** Both ends of data connections, as clients set them up by hand. */
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { FtpReply } from './ftp-client.ts'

/** What a reply to PASV says, as RFC 1123 section 4.1.2.6 has clients find it. */
export function passiveTarget({ code, text }: FtpReply): { readonly address: string; readonly port: number } {
  const numbers = /\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)/.exec(text)?.slice(1).map(Number)
  if (code !== 227 || numbers === undefined) throw new Error(`${code} ${text}`)
  const [, , , , high = 0, low = 0] = numbers
  return { address: numbers.slice(0, 4).join('.'), port: high * 256 + low }
}

/** What a reply to EPSV says. */
export function extendedPassivePort({ code, text }: FtpReply): number {
  const port = /\(\|\|\|(\d+)\|\)/.exec(text)?.[1]
  if (code !== 229 || port === undefined) throw new Error(`${code} ${text}`)
  return Number(port)
}

/** Connects; rejects if nobody listens. */
export async function connectTo(port: number, host = '127.0.0.1', localAddress?: string): Promise<Socket> {
  const socket = connect({ port, host, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) })
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => undefined)
  return socket
}

/** Resolves once it is clear that nobody there talks to whoever connects: the connection is refused, or reset at once. */
export async function nobodyAt(port: number, host = '127.0.0.1'): Promise<void> {
  const socket = await connectTo(port, host).catch(() => undefined)
  if (socket === undefined || socket.closed) return
  const received: Buffer[] = []
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Port ${port} keeps a connection.`)), 5000)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  if (received.length > 0) throw new Error(`Port ${port} sent ${Buffer.concat(received).length} bytes.`)
}

export type ActivePort = {
  readonly port: number
  /** Resolves when the server has connected. */
  readonly accepted: Promise<Socket>
}

/** Listens for one data connection. */
export async function listenForData(host = '127.0.0.1'): Promise<ActivePort> {
  const server = createServer()
  onTestFinished(() => void server.close())
  const accepted = new Promise<Socket>(resolve => {
    server.once('connection', socket => {
      socket.on('error', () => undefined)
      onTestFinished(() => void socket.destroy())
      resolve(socket)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, resolve)
  })
  const bound = server.address()
  return { port: typeof bound === 'object' && bound !== null ? bound.port : 0, accepted }
}

/** The argument of PORT for a port of this machine. */
export function hostPort(port: number): string {
  return `127,0,0,1,${port >> 8},${port & 255}`
}
