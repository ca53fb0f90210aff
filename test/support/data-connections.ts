/** What the tests of data connections and TLS share: certificates, configurations, files in memory, raw clients. */
import { spawn } from 'node:child_process'
import { generateKeyPair } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import forge from 'node-forge'
import { Value } from 'typebox/value'
import type { CertificateFiles, Configuration } from '../../server/config/configuration.ts'
import { type ServerConfiguration, serverSchema } from '../../server/config/schema.ts'
import { acceptBare, ReceivedConnections } from '../../server/data/bare-acceptance.ts'
import { BareConnection } from '../../server/data/bare-connection.ts'
import { loadSocketCalls, type SocketCalls } from '../../server/data/kernel/socket-calls.ts'
import type { ReadableFile, WritableFile } from '../../server/storage/storage.ts'
import { loadOpenSsl, type OpenSsl } from '../../server/tls/openssl/openssl.ts'
import { createSelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { SessionTls } from '../../server/tls/session-tls.ts'

/** An authority, and a certificate for clients that it has signed. */
export async function clientCertificateFor(
  commonName: string,
): Promise<{ authority: string; certificate: string; key: string }> {
  const generate = promisify(generateKeyPair)
  const make = async () =>
    generate('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
  const [root, client] = await Promise.all([make(), make()])
  const issue = (subject: string, publicKey: string, extension: object) => {
    const certificate = forge.pki.createCertificate()
    certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
    certificate.serialNumber = '01'
    certificate.validity.notBefore = new Date(Date.now() - 60_000)
    certificate.validity.notAfter = new Date(Date.now() + 3_600_000)
    certificate.setSubject([{ name: 'commonName', value: subject }])
    certificate.setIssuer([{ name: 'commonName', value: `authority of ${commonName}` }])
    certificate.setExtensions([extension])
    certificate.sign(forge.pki.privateKeyFromPem(root.privateKey), forge.md.sha256.create())
    return forge.pki.certificateToPem(certificate)
  }
  return {
    authority: issue(`authority of ${commonName}`, root.publicKey, {
      name: 'basicConstraints',
      cA: true,
      critical: true,
    }),
    certificate: issue(commonName, client.publicKey, { name: 'extKeyUsage', clientAuth: true }),
    key: client.privateKey,
  }
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'
export const tlsVersions: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']

export async function testCertificate(commonName = 'localhost'): Promise<CertificateFiles> {
  const { certificate, key } = await createSelfSignedCertificate({
    commonName,
    dnsNames: ['localhost'],
    addresses: ['127.0.0.1'],
    validDays: 1,
    now: Date.now(),
  })
  return { certificate, key, authority: undefined }
}

/** The defaults, with the sections given in place of theirs. */
export function testConfiguration(
  sections: {
    readonly [Name in 'passive' | 'active' | 'limits' | 'tls']?: Partial<ServerConfiguration[Name]>
  },
): Configuration {
  const server = Value.Parse(serverSchema, Value.Default(serverSchema, structuredClone(sections)))
  return { hash: '', server, users: new Map(), certificate: undefined, hosts: new Map() }
}

export function testSessionTls(
  certificate: CertificateFiles,
  settings: Partial<ServerConfiguration['tls']> = {},
  handshakeTimeoutSeconds = 5,
  openssl?: OpenSsl,
): SessionTls {
  return new SessionTls({
    certificate,
    settings: testConfiguration({ tls: settings }).server.tls,
    handshakeTimeoutSeconds,
    openssl,
  })
}

/** The calls for sockets, which are there where tests run. */
export function testSocketCalls(): SocketCalls {
  const calls = loadSocketCalls()
  if (calls === undefined) throw new Error('no calls for sockets')
  return calls
}

/** OpenSSL as it is called directly. */
export function testOpenSsl(): OpenSsl {
  const openssl = loadOpenSsl(testSocketCalls())
  if (openssl === undefined) throw new Error('no calls for OpenSSL')
  return openssl
}

/** A server on a free port of 127.0.0.1 that accepts as the passive ports do. */
export async function acceptOn(
  onSocket: (socket: Socket) => void | Promise<void>,
): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => {
    sockets.add(socket)
    void onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Both ends of one new connection. */
export async function connectedPair(
  connectClient: (port: number) => Socket = port => connect({ port, host: '127.0.0.1', allowHalfOpen: true }),
): Promise<{ client: Socket; server: Socket }> {
  const accepted = Promise.withResolvers<Socket>()
  const listener = await acceptOn(accepted.resolve)
  const client = connectClient(listener.port)
  client.on('error', () => {})
  const server = await accepted.promise
  if (client.connecting) await once(client, 'connect')
  server.once('close', listener.close)
  return { client, server }
}

/** The same, without a socket of Node's on the server's end. */
export async function barePair(calls = testSocketCalls()): Promise<{ client: Socket; server: BareConnection }> {
  const { promise, resolve } = Promise.withResolvers<BareConnection>()
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  acceptBare(listener, calls, connection => {
    resolve(connection)
    return true
  })
  const client = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  const server = await promise
  if (client.connecting) await once(client, 'connect')
  listener.close()
  return { client, server }
}

/** The same for a connection that another process would have accepted. */
export async function receivedPair(): Promise<{ client: Socket; server: BareConnection }> {
  const received = new ReceivedConnections(loadSocketCalls())
  // By the first it is found what the others are made of.
  const first = await barePair()
  const socket = received.take(handedOver(first.server))
  if (socket instanceof BareConnection) throw new Error('the first one is not a socket')
  socket.destroy()
  first.client.destroy()
  const { client, server } = await barePair()
  const connection = received.take(handedOver(server))
  if (!(connection instanceof BareConnection)) throw new Error('the second one is not bare')
  return { client, server: connection }
}

/** Its descriptor as another process would have it. */
function handedOver(connection: BareConnection): number {
  const descriptor = loadSocketCalls()?.duplicate(connection.descriptor ?? -1)
  if (descriptor === undefined) throw new Error('no descriptor')
  connection.close()
  return descriptor
}

export function tlsClient(port: number, version: TlsVersion, options: tls.ConnectionOptions = {}): TLSSocket {
  const client = tls.connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...options,
  })
  client.on('error', () => {})
  return client
}

export class MemoryWritable implements WritableFile {
  readonly path = '/upload'
  readonly #chunks: Buffer[] = []
  state: 'open' | 'finished' | 'abandoned' = 'open'
  onWrite: (bytes: Uint8Array) => Promise<void> = async () => {}

  async write(bytes: Uint8Array): Promise<void> {
    await this.onWrite(bytes)
    this.#chunks.push(Buffer.from(bytes))
  }
  async finish(): Promise<void> {
    this.state = 'finished'
  }
  async abandon(): Promise<void> {
    this.state = 'abandoned'
  }
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

export class MemoryReadable implements ReadableFile {
  readonly size: number
  readonly offset = 0
  readonly #bytes: Buffer
  #position = 0
  closed = false
  onRead: () => Promise<void> = async () => {}

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.size = bytes.length
  }
  async read(buffer: Uint8Array): Promise<number> {
    await this.onRead()
    const part = this.#bytes.subarray(this.#position, this.#position + buffer.length)
    buffer.set(part)
    this.#position += part.length
    return part.length
  }
  async close(): Promise<void> {
    this.closed = true
  }
}

/** Bytes that show where one is missing or doubled. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE(at, at)
  return bytes
}

export async function readAll(stream: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Runs a Python program to its end; rejects with what it wrote to stderr. */
export async function python(program: string, ...args: readonly string[]): Promise<string> {
  const child = spawn('python3', ['-c', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.on('data', data => {
    output += data
  })
  child.stderr.on('data', data => {
    errors += data
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`python3 ended with ${code}: ${errors}`)
  return output
}
