/** A server for real clients: a listener for each kind of TLS on IPv4 and IPv6, a user for each test, a certificate to verify. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from '../certificates.ts'
import { freePort, type LogLine, password, simpleUser, startServer, type TestServer } from '../server.ts'
import { type Connection, isImplicit, type Target } from './client.ts'

export type ListenerName = 'ftp' | 'required' | 'implicit'

export type ClientServer = {
  readonly server: TestServer
  /** A directory for the clients' files. */
  readonly local: string
  /** A directory of the user's own, on both sides; the home is what the user sees as `/`. */
  readonly directories: (user: string) => Promise<{ readonly local: string; readonly home: string }>
  readonly target: (connection: Connection, user: string, listener?: ListenerName) => Target
  /** Lines about one user's sessions, in order. */
  readonly log: (user: string) => readonly LogLine[]
  readonly stop: () => Promise<void>
}

export type ClientServerOptions = {
  readonly users: readonly string[]
  readonly ipv6: boolean
  /** Processes that serve the sessions; 1 by default. */
  readonly workers?: number
  /** The section `tls` of `server.yaml`. */
  readonly tls?: Record<string, unknown>
  /** More entries of the list of users. */
  readonly otherUsers?: readonly Record<string, unknown>[]
  /** `tls/ca.crt`: whose client certificates are believed. */
  readonly clientAuthority?: string
}

export async function startClientServer(options: ClientServerOptions): Promise<ClientServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryStart(options)
    } catch (error) {
      // Somebody else took a port between choosing and using it.
      if (attempt === 5 || !(error instanceof Error && error.message.includes('EADDRINUSE'))) throw error
    }
  }
}

async function tryStart(options: ClientServerOptions): Promise<ClientServer> {
  const addresses = options.ipv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']
  const [ftp, required, implicit] = await Promise.all([
    freePort('127.0.0.1'),
    freePort('127.0.0.1'),
    freePort('127.0.0.1'),
  ])
  const { certificate, key } = await selfSigned('localhost')
  const server = await startServer({
    server: {
      listeners: [
        { name: 'ftp', port: ftp, addresses, tls: 'explicit' },
        { name: 'required', port: required, addresses, tls: 'required' },
        { name: 'implicit', port: implicit, addresses, tls: 'implicit' },
      ],
      limits: { failedLoginDelayMilliseconds: 0, maxSessionsPerAddress: 500 },
      tls: options.tls ?? {},
      workers: options.workers ?? 1,
      logging: { level: 'debug', format: 'json' },
    },
    users: [...options.users.map(name => simpleUser(name, { home: `/${name}` })), ...(options.otherUsers ?? [])],
    files: {
      'tls/tls.crt': certificate,
      'tls/tls.key': key,
      ...(options.clientAuthority === undefined ? {} : { 'tls/ca.crt': options.clientAuthority }),
    },
  })
  const local = await mkdtemp(join(tmpdir(), 'ftp-clients-'))
  const authority = join(local, 'authority.crt')
  await writeFile(authority, certificate)

  return {
    server,
    local,
    async directories(user) {
      const made = { local: join(local, user), home: join(server.root, user) }
      await mkdir(made.local, { recursive: true })
      await mkdir(made.home, { recursive: true })
      return made
    },
    target(connection, user, listener = isImplicit(connection) ? 'implicit' : 'ftp') {
      const port = server.application.server.ports.get(listener)
      if (port === undefined) throw new Error(`There is no listener ${listener}.`)
      return { ...connection, port, user, password, authority }
    },
    log: user => server.log().filter(line => line.user === user),
    async stop() {
      await server.stop()
      await rm(local, { recursive: true, force: true })
    },
  }
}
