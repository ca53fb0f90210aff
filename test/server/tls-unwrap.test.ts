import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import tls, { type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import { InputMemory } from '../../server/control/input/control-input.ts'
import { SecureLine } from '../../server/control/input/secure-line.ts'
import type { BareConnection } from '../../server/data/bare-connection.ts'
import { bareOf } from '../../server/data/bare-connection.ts'
import type { SessionTls } from '../../server/tls/session-tls.ts'
import {
  acceptOn,
  barePair,
  connectedPair,
  python,
  testCertificate,
  testOpenSsl,
  testSessionTls,
  tlsVersions,
} from '../support/data-connections.ts'

let certificate: CertificateFiles
beforeAll(async () => {
  certificate = await testCertificate()
})

const never = new AbortController().signal

/** With a socket of Node's under Node's TLS, or bare under OpenSSL's own. */
const ways = ['with sockets', 'bare'] as const
type Way = (typeof ways)[number]
const openssl = testOpenSsl()

/** The server's end under TLS. */
type Secure = {
  /** Resolves to the same in clear text. */
  readonly unwrap: (reply: string, signal: AbortSignal) => Promise<Clear>
  readonly write: (text: string) => void
  readonly isClosed: () => boolean
}

type Clear = {
  /** What is not read yet is to be read from it. */
  readonly socket: () => Socket
  readonly secure: () => Promise<Secure>
}

async function secureSocket(session: SessionTls, socket: Socket): Promise<Secure> {
  const listenersBefore = listenerCounts(socket)
  const channel = await session.secureControl(socket, never)
  return {
    async unwrap(reply, signal) {
      const clear = await channel.unwrap(reply, signal)
      expect(listenerCounts(clear)).toEqual(listenersBefore)
      return { socket: () => clear, secure: () => secureSocket(session, clear) }
    },
    write: text => void channel.stream.write(text),
    isClosed: () => channel.socket.destroyed,
  }
}

async function secureBare(session: SessionTls, bare: BareConnection): Promise<Secure> {
  const line = new SecureLine(await session.secureBareControl(bare, never), new InputMemory(), () => {})
  return {
    async unwrap(reply, signal) {
      await line.unwrap(Buffer.from(reply), signal)
      return { socket: () => bare.socket(), secure: () => secureBare(session, bare) }
    },
    write: text => line.write(Buffer.from(text)),
    isClosed: () => bare.closed,
  }
}

/** A TLS client over a stream of its own, so that the socket below stays usable when TLS ends. */
function overSocket(socket: Socket): Duplex {
  const below = new Duplex({
    read() {
      socket.resume()
    },
    write(chunk, _encoding, done) {
      socket.write(chunk, done)
    },
    final(done) {
      done()
    },
  })
  socket.on('data', chunk => {
    if (!below.push(chunk)) socket.pause()
  })
  return below
}

async function secured(way: Way, version: tls.SecureVersion) {
  const session = testSessionTls(certificate, {}, 5, openssl)
  const { socket, secure } = await pair(way, session)
  const client: TLSSocket = tls.connect({
    socket: overSocket(socket),
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  })
  client.on('error', () => {})
  const [server] = await Promise.all([secure(), once(client, 'secureConnect')])
  let received = ''
  client.on('data', data => {
    received += String(data)
  })
  const ended = once(client, 'end').then(() => received)
  return { server, client, socket, ended }
}

async function pair(way: Way, session: SessionTls): Promise<{ socket: Socket; secure: () => Promise<Secure> }> {
  if (way === 'with sockets') {
    const { client, server } = await connectedPair()
    return { socket: client, secure: () => secureSocket(session, server) }
  }
  const { client, server } = await barePair(openssl.socketCalls)
  return { socket: client, secure: () => secureBare(session, server) }
}

function listenerCounts(socket: Socket): readonly number[] {
  return ['data', 'end', 'error', 'close', 'timeout'].map(event => socket.listenerCount(event))
}

/** Sends close_notify, and waits until it is on the way and the server's has come. */
async function endTls(client: TLSSocket, ended: Promise<string>): Promise<string> {
  const finished = once(client, 'finish')
  client.end()
  await finished
  return ended
}

async function readText(socket: Socket, length: number): Promise<string> {
  let text = ''
  for (;;) {
    const [chunk] = await once(socket.resume(), 'data')
    text += String(chunk)
    if (text.length >= length) return text
  }
}

describe.each(ways.flatMap(way => tlsVersions.map(version => ({ way, version }))))(
  'TLS that ends over $version, $way,',
  ({ way, version }) => {
    it('goes on in clear text after close_notify of both', async () => {
      const { server, client, socket, ended } = await secured(way, version)
      const unwrapping = server.unwrap('200 clear\r\n', never)
      expect(await endTls(client, ended)).toBe('200 clear\r\n')
      const clear = (await unwrapping).socket()
      socket.removeAllListeners('data')
      socket.write('NOOP\r\n')
      expect(await readText(clear, 6)).toBe('NOOP\r\n')
      clear.write('200 ok\r\n')
      expect(await readText(socket, 8)).toBe('200 ok\r\n')
      clear.destroy()
    })

    it('hands on clear text that comes in one segment with close_notify, or in place of it', async () => {
      for (const closes of [true, false]) {
        const { server, client, socket, ended } = await secured(way, version)
        const unwrapping = server.unwrap('200 clear\r\n', never)
        socket.cork()
        if (closes) client.end()
        await ended
        socket.write('PWD\r\nNOOP\r\n')
        socket.uncork()
        expect(await readText((await unwrapping).socket(), 11)).toBe('PWD\r\nNOOP\r\n')
        socket.destroy()
      }
    })

    it('drops what was sent under TLS before the client ended it', async () => {
      const { server, client, socket } = await secured(way, version)
      const unwrapping = server.unwrap('200 clear\r\n', never)
      const ended = once(client, 'finish')
      client.write('DELE everything\r\n')
      client.end()
      await ended
      const clear = (await unwrapping).socket()
      socket.write('NOOP\r\n')
      expect(await readText(clear, 6)).toBe('NOOP\r\n')
      socket.destroy()
    })

    it('secures the same connection again', async () => {
      const { server, client, socket, ended } = await secured(way, version)
      const unwrapping = server.unwrap('220 again\r\n', never)
      await endTls(client, ended)
      const clear = await unwrapping
      socket.removeAllListeners('data')
      const second = tls.connect({ socket, rejectUnauthorized: false, minVersion: version, maxVersion: version })
      const again = await clear.secure()
      again.write('220 under TLS\r\n')
      expect(String((await once(second, 'data'))[0])).toBe('220 under TLS\r\n')
      second.destroy()
    })

    it('rejects when the connection ends instead, and when the signal aborts', async () => {
      const first = await secured(way, version)
      const gone = first.server.unwrap('200 clear\r\n', never)
      first.socket.end()
      await expect(gone).rejects.toThrow('connection ended')
      const second = await secured(way, version)
      const stop = new AbortController()
      const aborted = second.server.unwrap('200 clear\r\n', stop.signal)
      stop.abort(new Error('too late'))
      await expect(aborted).rejects.toThrow('too late')
      expect(second.server.isClosed()).toBe(true)
      first.socket.destroy()
      second.socket.destroy()
    })
  },
)

it.each(ways)('unwraps for Python’s ssl module, as ftplib does with CCC, %s', async way => {
  const session = testSessionTls(certificate, {}, 5, openssl)
  const commands: string[] = []
  const listener = await acceptOn(async socket => {
    const bare = way === 'bare' ? bareOf(socket, openssl.socketCalls)?.connection : undefined
    const secure = await (bare === undefined ? secureSocket(session, socket) : secureBare(session, bare))
    // Its command is among what is dropped.
    const clear = (await secure.unwrap('200 clear\r\n', never)).socket()
    clear.on('data', data => commands.push(String(data)))
    clear.on('end', () => clear.end())
    clear.write('220 hello\r\n')
    clear.resume()
  })
  const output = await python(
    `
import socket, ssl, sys
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
plain = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
secure = context.wrap_socket(plain)
secure.sendall(b'CCC\\r\\n')
print(secure.recv(100).decode().strip())
clear = secure.unwrap()
print(clear.recv(100).decode().strip())
clear.sendall(b'NOOP\\r\\n')
clear.shutdown(socket.SHUT_WR)
clear.recv(100)
`,
    String(listener.port),
  )
  listener.close()
  expect(output.split('\n').slice(0, 2)).toEqual(['200 clear', '220 hello'])
  expect(commands.join('')).toBe('NOOP\r\n')
})
