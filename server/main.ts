/** The server's program: arguments, environment, signals. The only file here that knows the process. */
import { type ChildProcess, fork } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { getHeapStatistics } from 'node:v8'
import packageJson from '../package.json' with { type: 'json' }
import { type Application, startApplication } from './application.ts'
import { hashPasswordCommand } from './auth/hash-password-command.ts'
import { embeddedVariables, environmentProblem } from './config/embedded.ts'
import { embeddedServer } from './embedded-server.ts'
import { messageOf } from './error-message.ts'
import { makeBlanks } from './kinds.ts'
import { loadReleaseProgramPages } from './upkeep/program-pages.ts'
import { Tidying } from './upkeep/tidying.ts'
import { loadTrimMemory } from './upkeep/trim-memory.ts'
import { coresGiven } from './workers/count.ts'
import type { ToWorker } from './workers/messages.ts'
import { runWorker } from './workers/worker.ts'
import { argumentsFor, descriptorsGiven, inOrder, type WorkerDescriptors } from './workers/worker-descriptors.ts'

const defaultDirectory = '/etc/ftp-server'

const usage = `Usage: ftp-server serve [--config DIR]
       ftp-server hash-password [--algorithm argon2id|scrypt]
       ftp-server import pure-ftpd|proftpd|vsftpd [options] | --help
       ftp-server --help | --version

serve          Serves FTP. DIR holds server.yaml, users/ and tls/, and is followed as it changes.
               By default FTP_SERVER_CONFIG, then ${defaultDirectory} if there is one; otherwise
               one user with a generated password, set up by the environment:
               ${Object.values(embeddedVariables).join(', ')},
               FTP_SERVER_PASSWORD or FTP_SERVER_PASSWORD_FILE.
hash-password  Reads a password and prints its hash for a user list.
import         Reads the users of another server and prints a user list.
`

/** How the program starts itself as a worker process; of no use to people. */
const workerCommand = 'worker'

/** Of a file of another server. */
const maxSourceBytes = 64 * 1024 * 1024

/** Files wait in them: the runtime's own default of 4 is few for that. Asked for before the first is needed, which is when all are started. */
const threadsVariable = 'UV_THREADPOOL_SIZE'
const defaultThreads = '16'

process.exitCode = await main(process.argv.slice(2))

async function main([command = 'serve', ...argv]: readonly string[]): Promise<number | undefined> {
  process.env[threadsVariable] ??= defaultThreads
  switch (command) {
    case 'serve':
      return serve(argv)
    case 'hash-password':
      return hashPasswordCommand({ input: process.stdin, output: process.stdout, error: process.stderr, argv })
    case 'import':
      return importUsers(argv)
    case workerCommand:
      return work(argv)
    case '--help':
    case '-h':
    case 'help':
      process.stdout.write(usage)
      return 0
    case '--version':
      process.stdout.write(`${packageJson.version}\n`)
      return 0
    default:
      process.stderr.write(`Unknown command: ${command}\n\n${usage}`)
      return 2
  }
}

/** Resolves to an exit code if the server can't start, and to none while it runs. */
async function serve(argv: readonly string[]): Promise<number | undefined> {
  const options = serveOptions(argv)
  if ('wrong' in options) {
    process.stderr.write(`${options.wrong}\n\n${usage}`)
    return 2
  }
  if (options.help === true) {
    process.stdout.write(usage)
    return 0
  }
  try {
    const directory =
      options.config ?? variable('FTP_SERVER_CONFIG') ?? (existsSync(defaultDirectory) ? defaultDirectory : undefined)
    const embedded = directory === undefined ? await embeddedServer({ variable, readFile }) : undefined
    const application = await startApplication({
      source:
        embedded === undefined
          ? { directory: directory ?? defaultDirectory }
          : { configuration: embedded.configuration, locate: environmentProblem },
      output: process.stdout,
      version: packageJson.version,
      runtime: process.versions.node,
      startWorker,
      cores: coresGiven(availableParallelism(), processorQuota()),
      threads: threadsGiven(),
    })
    stopOnSignals(application)
    if (embedded !== undefined) process.stderr.write(embedded.greeting)
    tidyAtRest()
    return undefined
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    return 1
  }
}

type ServeOptions = { readonly config?: string | undefined; readonly help?: boolean | undefined }

function serveOptions(argv: readonly string[]): ServeOptions | { readonly wrong: string } {
  try {
    const options = { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
    return parseArgs({ args: [...argv], options }).values
  } catch (error) {
    return { wrong: messageOf(error) }
  }
}

/** Of the environment. An empty one is none, as Compose makes it of `${VARIABLE:-}`. */
function variable(name: string): string | undefined {
  const value = process.env[name]
  return value === '' ? undefined : value
}

/** For as long as the process runs. Programs may collect where Node was told so (`--expose-gc`), as in the image. */
function tidyAtRest(): void {
  makeBlanks()
  const collect = globalThis.gc
  let last = performance.eventLoopUtilization()
  new Tidying({
    // Without a descriptor left, process.memoryUsage() throws: it reads a file.
    used: () => getHeapStatistics().used_heap_size,
    busy: () => {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, last)
      last = now
      return utilization
    },
    collect:
      collect &&
      (() => {
        makeBlanks()
        collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
      }),
    trim: loadTrimMemory(),
    release: loadReleaseProgramPages(() => readFileSync('/proc/self/smaps', 'latin1')),
  })
}

/** A process of the same program, whose log goes where this one's goes. It needs no password of the environment. */
function startWorker(descriptors: WorkerDescriptors): ChildProcess {
  const { FTP_SERVER_PASSWORD: _, FTP_SERVER_PASSWORD_FILE: __, ...env } = process.env
  return fork(fileURLToPath(import.meta.url), [workerCommand, ...argumentsFor(descriptors)], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...inOrder(descriptors)],
    env,
  })
}

/** As libuv reads it. */
function threadsGiven(): number {
  const given = Number.parseInt(process.env[threadsVariable] ?? '', 10)
  return Math.min(Math.max(Number.isNaN(given) ? 1 : given, 1), 1024)
}

/** Of the control group, version 2 or 1; undefined where there is none. */
function processorQuota(): string | undefined {
  const read = (file: string): string => readFileSync(`/sys/fs/cgroup/${file}`, 'utf8')
  try {
    return existsSync('/sys/fs/cgroup/cpu.max')
      ? read('cpu.max')
      : `${read('cpu/cpu.cfs_quota_us').trim()} ${read('cpu/cpu.cfs_period_us')}`
  } catch {
    return undefined
  }
}

/** Serves what the supervisor sends, until it says stop or is gone. */
async function work(argv: readonly string[]): Promise<number> {
  if (process.send === undefined) {
    process.stderr.write('The server starts its workers by itself: set `workers` in its configuration.\n')
    return 2
  }
  // Signals of a terminal go to all processes: it is the supervisor who tells its workers what to do.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  tidyAtRest()
  await runWorker({
    channel: {
      // One that is gone does not listen, and `disconnect` tells of it.
      send: messages => process.connected && process.send?.(messages, undefined, {}, () => undefined),
      onMessage: listener => process.on('message', (message, socket) => listener(message as ToWorker, socket)),
      onLost: listener => process.once('disconnect', listener),
    },
    output: process.stdout,
    version: packageJson.version,
    runtime: process.versions.node,
    threads: threadsGiven(),
    descriptors: descriptorsGiven(argv),
  })
  // What clients leave open must not keep a process that nobody needs.
  process.exit(0)
}

async function importUsers(argv: readonly string[]): Promise<number> {
  // A server starts without it.
  const { importCommand } = await import('./import/import-command.ts')
  return importCommand({ output: process.stdout, error: process.stderr, argv, read: readSource })
}

/** For `import`: a whole file, or undefined if there is none. */
async function readSource(path: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    if (size > maxSourceBytes) throw new Error(`must have at most ${maxSourceBytes} bytes`)
    return await file.readFile()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function stopOnSignals(application: Application): void {
  let stopping = false
  const stop = (): void => {
    // Who asks twice does not want to wait.
    if (stopping) process.exit(1)
    stopping = true
    application.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  // Its terminal has gone; or, where there is none, somebody means the files, which are followed anyhow.
  process.on('SIGHUP', isatty(0) ? stop : () => undefined)
}
