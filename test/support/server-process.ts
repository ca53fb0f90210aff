/** The real program as a child process, for tests of signals, exit codes and resources. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import type { ServerStatus } from '../../server/telemetry/status.ts'
import { eventually } from './eventually.ts'
import { type Descriptors, openDescriptors } from './process-measures.ts'
import { freePort, passiveRange, simpleUser } from './server.ts'

export type ServerProcessOptions = {
  /** `server.yaml`, merged over a small default: one listener `ftp` on 127.0.0.1, no delay after failures. */
  readonly server?: Record<string, unknown>
  readonly users?: readonly Record<string, unknown>[]
  /** More files, by path within the configuration directory. */
  readonly files?: Readonly<Record<string, string>>
  /** Highest number of open files (`ulimit -n`). */
  readonly maxDescriptors?: number
  /** A module that the process loads before anything else. */
  readonly preload?: string
  /** Added to the environment of the tests. */
  readonly environment?: Readonly<Record<string, string>>
  /** Directory of the files; by default a new one. */
  readonly root?: string
  /** Port of the listener `ftp`; by default a free one. */
  readonly port?: number
  readonly probesPort?: number
  /** What the program is told to read; by default a new directory with the files above. */
  readonly configurationDirectory?: string
}

export type ServerProcess = {
  readonly port: number
  readonly probesPort: number
  readonly root: string
  readonly configurationDirectory: string
  readonly pid: number
  /** All that it wrote so far. */
  readonly output: () => { readonly stdout: string; readonly stderr: string }
  readonly signal: (name: NodeJS.Signals) => void
  /** Resolves to the exit code when the process has ended. */
  readonly exited: Promise<number | null>
  readonly probe: (path: string) => Promise<Response>
  readonly status: () => Promise<ServerStatus>
  readonly residentBytes: () => Promise<number>
  readonly descriptors: () => Promise<Descriptors>
  /** Ends the process by force, if it still runs, and removes its files. */
  readonly dispose: () => Promise<void>
}

/** Starts the program and waits until it is ready. Rejects with what it said, if it ends before. */
export async function startServerProcess(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryStart(options)
    } catch (error) {
      // Somebody else took the port between choosing and using it.
      const another = options.port === undefined && options.probesPort === undefined && attempt < 5
      if (!another || !(error instanceof Error && error.message.includes('EADDRINUSE'))) throw error
    }
  }
}

async function tryStart(options: ServerProcessOptions): Promise<ServerProcess> {
  const server = await launchServerProcess(options)
  const ended = server.exited.then(code => {
    throw new Error(`exit code ${code}: ${JSON.stringify(server.output())}`)
  })
  try {
    await Promise.race([
      // It takes 1.5 s of a processor, of which a busy machine may give it a fiftieth; if it ends, that is known at once.
      eventually(async () => (await server.probe('/readyz')).ok && isIts(server), 'the server is ready', 75_000),
      ended,
    ])
  } catch (error) {
    await server.dispose()
    throw error
  }
  ended.catch(() => undefined)
  return server

  /** Whether the probes are not those of another server, which has taken their port. */
  async function isIts({ port, status }: ServerProcess): Promise<boolean> {
    if (options.server?.['listeners'] !== undefined || options.configurationDirectory !== undefined) return true
    return (await status()).listeners.some(listener => listener.port === port)
  }
}

/** Starts the program, without waiting for anything. */
export async function launchServerProcess(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'ftp-operator-'))
  const configurationDirectory = join(directory, 'config')
  const root = options.root ?? join(directory, 'data')
  await mkdir(root, { recursive: true })
  const [port, probesPort] = await Promise.all([
    options.port ?? freePort('127.0.0.1'),
    options.probesPort ?? freePort('127.0.0.1'),
  ])
  const settings = {
    listeners: [{ name: 'ftp', port, addresses: ['127.0.0.1'] }],
    probes: { port: probesPort, addresses: ['127.0.0.1'] },
    passive: { ports: passiveRange(port, probesPort) },
    limits: { failedLoginDelayMilliseconds: 0 },
    root,
    ...options.server,
  }
  const files = {
    'server.yaml': stringify(settings),
    'users/users.yaml': stringify({ users: options.users ?? [simpleUser('alice')] }),
    ...options.files,
  }
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(configurationDirectory, file)), { recursive: true })
    await writeFile(join(configurationDirectory, file), content)
  }
  const child = start(options.configurationDirectory ?? configurationDirectory, options)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const exited = once(child, 'close').then(() => child.exitCode)
  const pid = child.pid ?? 0
  const probe = (path: string) => fetch(`http://127.0.0.1:${probesPort}${path}`)
  return {
    port,
    probesPort,
    root,
    configurationDirectory,
    pid,
    output: () => ({ stdout, stderr }),
    signal: name => void child.kill(name),
    exited,
    probe,
    status: async () => (await (await probe('/status')).json()) as ServerStatus,
    residentBytes: async () => residentBytes(await readFile(`/proc/${pid}/status`, 'utf8')),
    descriptors: () => openDescriptors(pid),
    async dispose() {
      child.kill('SIGKILL')
      await exited
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const program = join(import.meta.dirname, '../../server/main.ts')

function start(
  configurationDirectory: string,
  { maxDescriptors, preload, environment }: ServerProcessOptions,
): ChildProcess {
  const flags = preload === undefined ? [] : ['--import', preload]
  const command = [process.execPath, ...flags, program, 'serve', '--config', configurationDirectory]
  const limit = maxDescriptors === undefined ? '' : `ulimit -n ${maxDescriptors} && `
  return spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
}

function residentBytes(status: string): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new Error('The process is gone.')
  return Number(kilobytes) * 1024
}
