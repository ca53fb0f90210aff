import { once } from 'node:events'
import { type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import tls, { type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import {
  acceptOn,
  connectedPair,
  python,
  testCertificate,
  testSessionTls,
  tlsVersions,
} from '../support/data-connections.ts'

let certificate: CertificateFiles
beforeAll(async () => {
  certificate = await testCertificate()
})

const never = new AbortController().signal

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

async function secured(version: tls.SecureVersion) {
  const session = testSessionTls(certificate)
  const { client: socket, server } = await connectedPair()
  const listenersBefore = listenerCounts(server)
  const below = overSocket(socket)
  const client: TLSSocket = tls.connect({
    socket: below,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  })
  client.on('error', () => {})
  const [channel] = await Promise.all([session.secureControl(server, never), once(client, 'secureConnect')])
  let received = ''
  client.on('data', data => {
    received += String(data)
  })
  const ended = once(client, 'end').then(() => received)
  return { session, channel, client, socket, ended, listenersBefore }
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

describe.each(tlsVersions)('SecureChannel.unwrap over %s', version => {
  it('goes on in clear text after close_notify of both', async () => {
    const { channel, client, socket, ended, listenersBefore } = await secured(version)
    const unwrapping = channel.unwrap('200 clear\r\n', never)
    expect(await endTls(client, ended)).toBe('200 clear\r\n')
    const clear = await unwrapping
    socket.removeAllListeners('data')
    socket.write('NOOP\r\n')
    expect(await readText(clear, 6)).toBe('NOOP\r\n')
    clear.write('200 ok\r\n')
    expect(await readText(socket, 8)).toBe('200 ok\r\n')
    expect(listenerCounts(clear)).toEqual(listenersBefore)
    clear.destroy()
  })

  it('hands on clear text that comes in one segment with close_notify, or in place of it', async () => {
    for (const closes of [true, false]) {
      const { channel, client, socket, ended } = await secured(version)
      const unwrapping = channel.unwrap('200 clear\r\n', never)
      socket.cork()
      if (closes) client.end()
      await ended
      socket.write('PWD\r\nNOOP\r\n')
      socket.uncork()
      expect(await readText(await unwrapping, 11)).toBe('PWD\r\nNOOP\r\n')
      socket.destroy()
    }
  })

  it('drops what was sent under TLS before the client ended it', async () => {
    const { channel, client, socket } = await secured(version)
    const unwrapping = channel.unwrap('200 clear\r\n', never)
    const ended = once(client, 'finish')
    client.write('DELE everything\r\n')
    client.end()
    await ended
    const clear = await unwrapping
    socket.write('NOOP\r\n')
    expect(await readText(clear, 6)).toBe('NOOP\r\n')
    socket.destroy()
  })

  it('secures the same socket again', async () => {
    const { session, channel, client, socket, ended } = await secured(version)
    const unwrapping = channel.unwrap('220 again\r\n', never)
    await endTls(client, ended)
    const clear = await unwrapping
    socket.removeAllListeners('data')
    const second = tls.connect({ socket, rejectUnauthorized: false, minVersion: version, maxVersion: version })
    const again = await session.secureControl(clear, never)
    again.stream.write('220 under TLS\r\n')
    expect(String((await once(second, 'data'))[0])).toBe('220 under TLS\r\n')
    again.destroy()
  })

  it('rejects when the connection ends instead, and when the signal aborts', async () => {
    const first = await secured(version)
    const gone = first.channel.unwrap('200 clear\r\n', never)
    first.socket.end()
    await expect(gone).rejects.toThrow('connection ended')
    const second = await secured(version)
    const stop = new AbortController()
    const aborted = second.channel.unwrap('200 clear\r\n', stop.signal)
    stop.abort(new Error('too late'))
    await expect(aborted).rejects.toThrow('too late')
    expect(second.channel.socket.destroyed).toBe(true)
    first.socket.destroy()
    second.socket.destroy()
  })
})

it('unwraps for Python’s ssl module, as ftplib does with CCC', async () => {
  const session = testSessionTls(certificate)
  const commands: string[] = []
  const listener = await acceptOn(async socket => {
    const channel = await session.secureControl(socket, never)
    await once(channel.stream, 'data')
    channel.stream.removeAllListeners('data')
    const clear = await channel.unwrap('200 clear\r\n', never)
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
