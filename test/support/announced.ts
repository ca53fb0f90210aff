/** Clients behind a proxy that speaks the PROXY protocol, at an address of the loopback network. */
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'
import { connectTo } from './data-ports.ts'
import { FtpClient } from './ftp-client.ts'
import type { TestServer } from './server.ts'

/** What the servers of these tests trust. */
export const proxyAddress = '127.0.0.9'
export const trusted = { trustedNetworks: [`${proxyAddress}/32`] }

/** Announced by a header, and nothing more. */
export async function announced({ port }: Pick<TestServer, 'port'>, header: string | Uint8Array): Promise<FtpClient> {
  const client = await FtpClient.open(port, '127.0.0.1', { localAddress: proxyAddress })
  onTestFinished(() => client.close())
  client.write(header)
  return client
}

/** A data connection that the proxy announces. */
export async function announcedData(port: number, header: string | Uint8Array): Promise<Socket> {
  const socket = await connectTo(port, '127.0.0.1', proxyAddress)
  socket.write(header)
  return socket
}

/** A connection whose header leaves in one piece with the first bytes of the client, as a proxy sends what it has. */
export function announcedInOnePiece(port: number, header: Uint8Array): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: proxyAddress, noDelay: true })
  const joined = new JoinedHeader(socket, header)
  onTestFinished(() => void joined.destroy())
  // All that clients use of it.
  return joined as unknown as Socket
}

class JoinedHeader extends Duplex {
  readonly #socket: Socket
  #header: Uint8Array

  constructor(socket: Socket, header: Uint8Array) {
    super()
    this.#socket = socket
    this.#header = header
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    socket.on('error', () => this.destroy())
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const bytes = Buffer.concat([this.#header, chunk])
    this.#header = Buffer.alloc(0)
    this.#socket.write(bytes, done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
