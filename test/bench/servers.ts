/** The servers that are compared: this one, bundled as in the image, and peers that have a start script. */
import { execFile, spawn } from 'node:child_process'
import { pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createSelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { eventually } from '../support/eventually.ts'

export type RunningServer = { readonly pid: number; readonly port: number; stop(): Promise<void> }
export type BenchServer = { readonly name: string; start(): Promise<RunningServer> }

/** Who logs in, here and at the peers. */
export type Account = { readonly user: string; readonly password: string }

export type OurServerOptions = {
  readonly account: Account
  /** `workers` of the configuration. */
  readonly workers: number | undefined
  /** Where files lie; a directory in memory shows the server and not the disk. */
  readonly filesDirectory: string
  /** More of `server.yaml`. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** By default 24200; the next one is that of the probes. */
  readonly port?: number
}

const defaultPort = 24_200

/** Starts the bundle with a configuration of its own; everything is removed at the end. */
export function ourServer({
  account,
  workers,
  filesDirectory,
  settings = {},
  port = defaultPort,
}: OurServerOptions): BenchServer {
  return {
    name: workers === undefined ? 'ftp-operator' : `ftp-operator, ${workers} workers`,
    async start() {
      const directory = await mkdtemp(join(tmpdir(), 'ftp-bench-'))
      const root = await mkdtemp(join(filesDirectory, 'ftp-bench-'))
      await promisify(execFile)(process.execPath, ['tools/build.ts', join(directory, 'dist')], { timeout: 60_000 })
      const more = { ...(workers === undefined ? {} : { workers }), ...settings }
      await configure(join(directory, 'config'), root, account, port, more)
      const server = spawn(
        process.execPath,
        [join(directory, 'dist', 'server.mjs'), 'serve', '--config', join(directory, 'config')],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      )
      const exited = once(server, 'exit')
      const stop = async () => {
        server.kill('SIGKILL')
        await exited
        await Promise.all([directory, root].map(path => rm(path, { recursive: true, force: true })))
      }
      try {
        await eventually(() => accepts(port), 'the server listens', 15_000)
      } catch (error) {
        await stop()
        throw error
      }
      return { pid: server.pid ?? 0, port, stop }
    },
  }
}

/** A peer: `DIRECTORY/NAME.sh start` prints `pid=… port=…` once it listens, `stop` ends it. */
export function peer(directory: string, name: string): BenchServer {
  const script = (action: 'start' | 'stop') =>
    promisify(execFile)(join(directory, `${name}.sh`), [action], { timeout: 120_000 })
  return {
    name,
    async start() {
      const { stdout } = await script('start')
      const values = new Map(stdout.split(/\s+/).map(word => word.split('=', 2) as [string, string]))
      const pid = Number(values.get('pid'))
      if (!(pid > 0)) throw new Error(`${name}.sh start printed no pid=…: ${stdout}`)
      return {
        pid,
        port: Number(values.get('port')),
        async stop() {
          await script('stop')
        },
      }
    },
  }
}

async function configure(
  directory: string,
  root: string,
  { user, password }: Account,
  port: number,
  more: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { certificate, key } = await createSelfSignedCertificate({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    addresses: ['127.0.0.1'],
    validDays: 30,
    now: Date.now(),
  })
  const settings = {
    root,
    listeners: [{ name: 'ftp', port, addresses: ['127.0.0.1'] }],
    passive: { ports: { first: port + 800, last: port + 7799 } },
    limits: { maxSessions: 100_000, maxSessionsPerAddress: 100_000 },
    logging: { level: 'warn', format: 'json' },
    probes: { port: port + 1, addresses: ['127.0.0.1'] },
    ...more,
  }
  const users = [{ name: user, home: '/', passwordHash: cheapHash(password) }]
  await Promise.all([
    mkdir(join(directory, 'users'), { recursive: true }),
    mkdir(join(directory, 'tls'), { recursive: true }),
  ])
  await Promise.all([
    writeFile(join(directory, 'server.yaml'), JSON.stringify(settings)),
    writeFile(join(directory, 'users', 'users.json'), JSON.stringify({ users })),
    writeFile(join(directory, 'tls', 'tls.crt'), certificate),
    writeFile(join(directory, 'tls', 'tls.key'), key),
  ])
}

/** Servers are compared, not hashes: one iteration. */
function cheapHash(password: string): string {
  const salt = Buffer.from('benchmark of ftp')
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  return `$pbkdf2-sha256$i=1$${text(salt)}$${text(pbkdf2Sync(password, salt, 1, 32, 'sha256'))}`
}

async function accepts(candidate: number): Promise<boolean> {
  const socket = connect(candidate, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}
