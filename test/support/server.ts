/** A server of our own for a test: a real configuration directory, real sockets, its log in memory. */
import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'
import { type Application, startApplication } from '../../server/application.ts'
import type { LogDestination } from '../../server/telemetry/logger.ts'
import type { ServerStatus } from '../../server/telemetry/status.ts'
import { argumentsFor, inOrder, type WorkerDescriptors } from '../../server/workers/worker-descriptors.ts'
import { eventually } from './eventually.ts'

/** Password of every user of `simpleUser`. */
export const password = 'correct horse'
/** argon2id of `password`, cheap so that tests are quick. */
const passwordHash = '$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MjZP1+1U9JUbDWvDvtLyEsZiNXOKEUxfi6O2oe46uxA'

const memory = '/dev/shm'

export type TestServerOptions = {
  /** `server.yaml`, merged over a small default: one listener `ftp` with explicit TLS, no delay after failures, MODE Z. */
  readonly server?: Record<string, unknown>
  /** Entries of `users/users.yaml`; by default one user `alice` with home `/`. */
  readonly users?: readonly Record<string, unknown>[]
  /** More files, by path within the configuration directory. */
  readonly files?: Readonly<Record<string, string>>
  /** Local address of the listener. */
  readonly address?: string
  /** Where its files are: in memory, if the system has a place for that; by default wherever temporary files are. */
  readonly volume?: 'memory' | undefined
  /** `off`: files are sent as on a system without sendfile. */
  readonly sendfile?: 'off' | undefined
  /** `off`: workers ask the supervisor about files that are written to, and get sockets by the channel, as on a system that is not Linux. */
  readonly descriptors?: 'off' | undefined
}

export type LogLine = { readonly level: string; readonly msg: string } & Readonly<Record<string, unknown>>

export type TestServer = {
  readonly application: Application
  readonly port: number
  readonly probesPort: number
  /** The directory of the files. */
  readonly root: string
  readonly configurationDirectory: string
  /** Writes a file of the configuration, as an editor does: beside it, then renamed. */
  readonly configure: (file: string, content: string | Record<string, unknown>) => Promise<void>
  /** Resolves when the hash of the configuration in force differs from before. */
  readonly reconfigure: (file: string, content: string | Record<string, unknown>) => Promise<void>
  readonly log: () => readonly LogLine[]
  readonly status: () => Promise<ServerStatus>
  readonly stop: () => Promise<void>
}

/** A user with the password `password`. */
export function simpleUser(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, passwordHash, home: '/', ...more }
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryStart(options)
    } catch (error) {
      // Somebody else took the port between choosing and using it.
      if (attempt === 5 || !(error instanceof Error && error.message.includes('EADDRINUSE'))) throw error
    }
  }
}

async function tryStart(options: TestServerOptions): Promise<TestServer> {
  const inMemory = options.volume === 'memory' && existsSync(memory)
  const directory = await mkdtemp(join(inMemory ? memory : tmpdir(), 'ftp-operator-'))
  const root = join(directory, 'data')
  const configurationDirectory = join(directory, 'config')
  const address = options.address ?? '127.0.0.1'
  const [port, probesPort] = await Promise.all([freePort(address), freePort(address)])
  await mkdir(root)
  await write('server.yaml', {
    listeners: [{ name: 'ftp', port, addresses: [address] }],
    probes: { port: probesPort, addresses: [address] },
    passive: { ports: passiveRange(port, probesPort) },
    limits: { failedLoginDelayMilliseconds: 0 },
    transfers: { deflate: { enabled: true } },
    root,
    ...options.server,
  })
  await write('users/users.yaml', { users: options.users ?? [simpleUser('alice')] })
  for (const [file, content] of Object.entries(options.files ?? {})) await write(file, content)

  const lines: LogLine[] = []
  const output = { write: (text: string) => lines.push(JSON.parse(text) as LogLine) }
  const source = { directory: configurationDirectory }
  const application = await startApplication({
    source,
    output,
    version: '0.0.0-test',
    runtime: process.versions.node,
    sendfile: options.sendfile,
    startWorker: startWorkerOf(output, options),
    cores: 2,
    threads: 4,
  }).catch(async error => {
    await rm(directory, { recursive: true, force: true })
    throw error
  })

  async function write(file: string, content: string | Record<string, unknown>): Promise<void> {
    const path = join(configurationDirectory, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(`${path}~`, typeof content === 'string' ? content : stringify(content))
    await rename(`${path}~`, path)
  }

  return {
    application,
    port: application.server.ports.get('ftp') ?? port,
    probesPort: application.probesPort() ?? 0,
    root,
    configurationDirectory,
    configure: write,
    async reconfigure(file, content) {
      const before = application.server.configuration.hash
      await write(file, content)
      await eventually(() => application.server.configuration.hash !== before, 'the configuration is in force')
    },
    log: () => lines,
    async status() {
      const response = await fetch(
        `http://${address.includes(':') ? `[${address}]` : address}:${application.probesPort()}/status`,
      )
      return (await response.json()) as ServerStatus
    },
    async stop() {
      // Whoever is still there would get time to go on.
      for (const connection of application.server.connections) connection.cutOff('the test is over')
      await application.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Starts the real program as a worker, with its log beside that of the supervisor. */
function startWorkerOf(
  output: LogDestination,
  options: TestServerOptions,
): (descriptors: WorkerDescriptors) => ChildProcess {
  return given => {
    const descriptors = options.descriptors === 'off' ? { lockFiles: [], sockets: undefined } : given
    const program = join(import.meta.dirname, '../../server/main.ts')
    const stdio = ['ignore', 'pipe', 'inherit', 'ipc', ...inOrder(descriptors)] as const
    const child = fork(program, ['worker', ...argumentsFor(descriptors)], {
      serialization: 'advanced',
      stdio: [...stdio],
      execArgv: [],
    })
    if (child.stdout !== null) createInterface(child.stdout).on('line', line => output.write(line))
    return child
  }
}

/** A range of 400 ports that holds neither of the two. */
export function passiveRange(...taken: readonly number[]): { first: number; last: number } {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 30) * 400
    if (taken.every(port => port < first || port > first + 399)) return { first, last: first + 399 }
  }
}

/** A TCP port that nobody listens on just now; rejects if a certain one is wanted and somebody does. */
export async function freePort(address: string, wanted?: number): Promise<number> {
  if (wanted !== undefined) return listenBriefly(address, wanted)
  for (let tries = 0; tries < portsOfWorker; tries += 1) {
    const port = await listenBriefly(address, nextPort()).catch(() => undefined)
    if (port !== undefined) return port
  }
  throw new Error(`no port of this worker is free at ${address}`)
}

/** So many in a row, at 127.0.0.1. */
export async function freePortRange(count: number): Promise<{ readonly first: number; readonly last: number }> {
  for (let tries = 0; tries < portsOfWorker; tries += 1) {
    const first = nextPort()
    if (first + count > firstPort + portsOfWorker) continue
    const ports = Array.from({ length: count }, (_, index) => first + index)
    const found = await Promise.allSettled(ports.map(port => listenBriefly('127.0.0.1', port)))
    portsGiven += count - 1
    if (found.every(({ status }) => status === 'fulfilled')) return { first, last: first + count - 1 }
  }
  throw new Error(`no ${count} ports of this worker are free in a row`)
}

/** Each process that runs tests has its own, below those that the system chooses for clients: nobody takes one before it is used. */
const portsOfWorker = 600
const firstPort = 8000 + ((Number(process.env['VITEST_POOL_ID'] ?? 1) - 1) % 20) * portsOfWorker
let portsGiven = Math.floor(Math.random() * portsOfWorker)

function nextPort(): number {
  portsGiven += 1
  return firstPort + (portsGiven % portsOfWorker)
}

function listenBriefly(address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, address, () => server.close(() => resolve(port)))
  })
}
