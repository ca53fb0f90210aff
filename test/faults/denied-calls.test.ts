/** Containers in which the kernel does not do all that it could: profiles that forbid calls, and kernels that have none. Whatever is missing is done another way. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const preload = pathToFileURL(join(import.meta.dirname, '../support/denied-calls.js')).href
const memory = '/dev/shm'
const large = randomBytes(3_000_000)
const cleanups: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** With files in memory, where most is done at once. */
async function start(denied: string, workers: number): Promise<ServerProcess> {
  const root = existsSync(memory) ? await mkdtemp(join(memory, 'ftp-operator-')) : undefined
  if (root !== undefined) cleanups.push(() => rm(root, { recursive: true, force: true }))
  const server = await startServerProcess({
    preload,
    environment: { DENIED_CALLS: denied },
    server: { workers },
    ...(root !== undefined && { root }),
  })
  cleanups.push(() => server.dispose())
  const areReady = async () => (await server.status()).workers.filter(({ state }) => state === 'ready').length
  if (workers > 1) await eventually(async () => (await areReady()) === workers, 'the workers are ready', 60_000)
  return server
}

async function logIn(server: ServerProcess): Promise<FtpClient> {
  const client = await FtpClient.connect(server.port)
  cleanups.push(() => client.close())
  return client
}

/** What a client does, as far as the kernel has a part in it. */
async function workWith(client: FtpClient, name: string, tls?: ConnectionOptions): Promise<void> {
  await client.send('TYPE I')
  for (const content of [Buffer.from('small'), large]) {
    expect((await client.upload(`STOR ${name}`, content, tls)).end.code).toBe(226)
    expect((await client.download(`RETR ${name}`, tls)).bytes.equals(content)).toBe(true)
  }
  expect((await client.download('LIST', tls)).bytes.toString()).toContain(name)
  expect((await client.download('MLSD', tls)).bytes.toString()).toContain(`size=${large.length};`)
  await client.send(`SITE CPFR ${name}`)
  expect((await client.send(`SITE CPTO ${name}-copy`)).code).toBe(250)
  await client.send(`RNFR ${name}-copy`)
  expect((await client.send(`RNTO ${name}-renamed`)).code).toBe(250)
  expect((await client.download(`RETR ${name}-renamed`, tls)).bytes.equals(large)).toBe(true)
  expect((await client.send(`DELE ${name}-renamed`)).code).toBe(250)
}

const calls = [
  'splice=EPERM',
  'splice=EINVAL',
  'sendfile=ENOSYS',
  'openat2=ENOSYS',
  'memfd_create=EPERM',
  'fcntl:36=EINVAL fcntl:37=EINVAL fcntl:38=EINVAL',
  'fcntl:1031=EPERM',
  'statx=EPERM',
  'copy_file_range=ENOSYS',
]

describe.runIf(hasFilters()).each([1, 2])('With %i process(es), a server', workers => {
  test.each(calls)('does all that it does without %s', async denied => {
    const server = await start(denied, workers)
    const clients = await Promise.all([logIn(server), logIn(server)])
    const [plain, secure] = clients
    await plain.login()
    await secure.loginSecurely()
    await workWith(plain, 'plain')
    await workWith(secure, 'secure', {})
    expect(server.output().stderr).toBe('')
    expect(server.output().stdout).not.toMatch(/"fault"|"level":"error"/)
  })
})

test.runIf(hasFilters())('A server that can’t lock what it has made for that closes it', async () => {
  const server = await start('fcntl:36=EINVAL', 2)
  const paths = (await readdir(`/proc/${server.pid}/fd`)).map(name => readlink(`/proc/${server.pid}/fd/${name}`))
  const open = (await Promise.allSettled(paths)).flatMap(path => (path.status === 'fulfilled' ? path.value : []))
  expect(open.filter(path => path.includes('ftp-uploads'))).toEqual([])
  expect(open).not.toEqual([])
})

/** Filters are set by the package that makes the calls as well. */
function hasFilters(): boolean {
  try {
    createRequire(import.meta.url)('koffi')
    return platform() === 'linux' && ['x64', 'arm64'].includes(arch())
  } catch {
    return false
  }
}
