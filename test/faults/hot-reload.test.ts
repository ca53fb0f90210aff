/** Everything in the configuration changes under running transfers, as the kubelet changes it. */

import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { selfSigned } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { MountedConfiguration } from '../support/mounted-configuration.ts'
import { runPacedSession } from '../support/paced-session.ts'
import { freePort, simpleUser } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const ranges = [
  { first: 13_000, last: 13_399 },
  { first: 13_400, last: 13_799 },
] as const
const untouched = [simpleUser('alice', { home: '/alice' })]
let directory: string
let configuration: MountedConfiguration
let server: ServerProcess
let settings: Record<string, unknown>
let certificates: readonly Awaited<ReturnType<typeof selfSigned>>[]

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ftp-operator-reload-'))
  await mkdir(join(directory, 'data'))
  const [port, probesPort] = await Promise.all([freePort('127.0.0.1'), freePort('127.0.0.1')])
  configuration = new MountedConfiguration(join(directory, 'config'))
  settings = {
    listeners: [{ name: 'ftp', port, addresses: ['127.0.0.1'] }],
    probes: { port: probesPort, addresses: ['127.0.0.1'] },
    passive: { ports: ranges[0] },
    limits: { failedLoginDelayMilliseconds: 0 },
    root: join(directory, 'data'),
  }
  certificates = await Promise.all(['one', 'two', 'three'].map(name => selfSigned(name)))
  await configuration.setServer(settings)
  await configuration.setUsers(untouched)
  await configuration.setCertificate(certificate(0))
  server = await startServerProcess({ port, probesPort, configurationDirectory: configuration.directory })
})

afterAll(async () => {
  await server.dispose()
  await rm(directory, { recursive: true })
})

function certificate(number: number) {
  const found = certificates[number % certificates.length]
  if (found === undefined) throw new Error('There are no certificates.')
  return found
}

/** A fresh connection from an address of its own. */
function connect(localAddress: string): Promise<FtpClient> {
  return FtpClient.connect(server.port, '127.0.0.1', { localAddress })
}

async function canLogIn(user: string): Promise<boolean> {
  const client = await connect('127.0.0.78')
  try {
    return (await client.login(user)).code === 230
  } catch {
    return false
  } finally {
    client.close()
  }
}

async function fingerprint(): Promise<string | undefined> {
  const client = await connect('127.0.0.79')
  try {
    await client.startTls()
    return client.tls?.getPeerX509Certificate()?.fingerprint256
  } finally {
    client.close()
  }
}

async function isAdmitted(): Promise<boolean> {
  const client = await FtpClient.open(server.port, '127.0.0.1', { localAddress: '127.0.0.77' })
  try {
    return (await client.reply()).code === 220
  } finally {
    client.close()
  }
}

async function passivePort(client: FtpClient): Promise<number> {
  return Number(/\|(\d+)\|/.exec((await client.send('EPSV')).text)?.[1])
}

type Change = { readonly write: () => Promise<void>; readonly isInForce: () => Promise<boolean> }

/** Every fourth one is of the same kind. `witness` is a session that stays; another one from 127.0.0.77 is there as well. */
function change(number: number, witness: FtpClient): Change {
  const round = Math.floor(number / 4)
  const limits = { failedLoginDelayMilliseconds: 0, maxSessionsPerAddress: round % 2 === 0 ? 1 : 50 }
  const kinds: readonly Change[] = [
    {
      write: () => configuration.setUsers([...untouched, simpleUser(`guest-${round}`)]),
      isInForce: async () => (await canLogIn(`guest-${round}`)) && !(await canLogIn(`guest-${round - 1}`)),
    },
    {
      write: () => configuration.setCertificate(certificate(round + 1)),
      isInForce: async () =>
        (await fingerprint()) === new X509Certificate(certificate(round + 1).certificate).fingerprint256,
    },
    {
      write: () => configuration.setServer({ ...settings, limits, passive: { ports: ranges[round % 2] } }),
      isInForce: async () => (await isAdmitted()) === (round % 2 === 1),
    },
    {
      write: () => configuration.setServer({ ...settings, limits, passive: { ports: ranges[(round + 1) % 2] } }),
      isInForce: async () => {
        const port = await passivePort(witness)
        const range = ranges[(round + 1) % 2]
        return range !== undefined && port >= range.first && port <= range.last
      },
    },
  ]
  const kind = kinds[number % kinds.length]
  if (kind === undefined) throw new Error('There are no changes.')
  return kind
}

const mistakes: readonly { readonly file: string; readonly write: () => Promise<void> }[] = [
  { file: 'server.yaml', write: () => configuration.setServer('limits: { maxSessions: none }') },
  { file: 'users/users.yaml', write: () => configuration.setUsers('users: [') },
  {
    file: 'tls/',
    write: () => configuration.setCertificate({ certificate: certificate(0).certificate, key: certificate(1).key }),
  },
]

/** A broken file changes nothing, and both the status and the log name it. Whoever calls it repairs the file. */
async function breakSomething({ file, write }: (typeof mistakes)[number]): Promise<void> {
  const before = await server.status()
  const written = server.output().stdout.length
  await write()
  const status = await eventually(async () => {
    const now = await server.status()
    return now.problems.some(problem => problem.file.startsWith(file)) && now
  }, `the status names ${file}`)
  expect(status.hash).toBe(before.hash)
  expect(status.users.accepted).toBe(before.users.accepted)
  await eventually(() => {
    const said = server.output().stdout.slice(written)
    return said.includes('configuration refused') && said.includes(`"file":"${file}`)
  }, `the log names ${file}`)
}

const longBytes = 80_000_000
const staggered = (index: number) => (turn: number) => 150_000 + 120_000 * ((index * 7 + turn * 3) % 20)

test('200 transfers run through 100 changes', async () => {
  const witness = await connect('127.0.0.76')
  await witness.login()
  const neighbour = await connect('127.0.0.77')
  await neighbour.login()
  const home = join(directory, 'data/alice')
  let changed = false
  let transfersDuringChanges = 0
  const shared = {
    port: server.port,
    home,
    hurry: () => changed,
    onTransfer: () => {
      if (!changed) transfersDuringChanges += 1
    },
  }
  const transfers = Array.from({ length: 20 }, async (_, index) => {
    const name = `session-${index}`
    const secure = index % 2 === 0
    // Two uploads and two downloads last as long as there are changes.
    const begin = index < 18 ? 'upload' : 'download'
    if (begin === 'download') await writeFile(join(home, name), Buffer.alloc(longBytes, name))
    if (index < 16) return runPacedSession({ ...shared, name, secure, begin, transfers: 12, size: staggered(index) })
    return runPacedSession({ ...shared, name, secure, begin, transfers: 2, size: () => longBytes })
  })
  // A transfer that fails is to end the test at once.
  const failure = Promise.all(transfers).then(() => new Promise<never>(() => undefined))
  const took: number[] = []
  const changes = (async () => {
    // Some of the limits to come would not let them in.
    await eventually(async () => (await server.status()).sessionCount === 22, 'all sessions are there')
    for (let number = 0; number < 100; number += 1) {
      // Spread over the transfers, however fast they are.
      await eventually(() => transfersDuringChanges >= 1.8 * number, 'the transfers go on', 30_000)
      const { write, isInForce } = change(number, witness)
      await write()
      const from = performance.now()
      const since = await eventually(async () => {
        const asked = performance.now()
        return (await isInForce()) && asked
      }, `change ${number} is in force`)
      took.push(since - from)
      const mistake = mistakes[(number / 8) % mistakes.length]
      if (mistake !== undefined) {
        await breakSomething(mistake)
        await configuration.setServer(settings)
        await configuration.setUsers(untouched)
        await configuration.setCertificate(certificate(0))
        await eventually(async () => (await server.status()).problemCount === 0, 'the files are whole again')
      }
    }
  })()
  await Promise.race([changes, failure])
  changed = true
  const counts = await Promise.all(transfers)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200)
  for (const client of [witness, neighbour]) {
    expect((await client.send('NOOP')).code).toBe(200)
    client.close()
  }
  expect(took).toHaveLength(100)
  // Each within its deadline; a machine that is busy otherwise may hold up some.
  expect(took.toSorted((a, b) => a - b)[took.length / 2]).toBeLessThan(1000)
  expect(server.output().stdout).not.toContain('"fault"')
  expect(server.output().stderr).toBe('')
})
