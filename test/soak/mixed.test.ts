/** A crowd of mixed clients on a server whose configuration changes all the time: in the end it takes what it took, and every file was whole. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { selfSigned } from '../support/certificates.ts'
import { keptPorts, noSessions } from '../support/endurance.ts'
import { eventually } from '../support/eventually.ts'
import { startCrowd } from '../support/mixed-clients.ts'
import { type Measures, measure } from '../support/process-measures.ts'
import { replaceFile } from '../support/replace-file.ts'
import { passiveRange, simpleUser } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const minutes = Number(process.env['SOAK_MINUTES'] ?? 30)
const clientCount = Number(process.env['SOAK_CLIENTS'] ?? 300)
/** Of the range of 400 that is free; with few of them sessions share ports. */
const portCount = Number(process.env['SOAK_PORTS'] ?? 400)
const userCount = 30
const changeMilliseconds = 4000
const sampleMilliseconds = Math.max(1000, (minutes * 60_000) / 180)
const megabyte = 1_048_576
/** By which the median of the last third may be above that of the middle third. */
const allowedGrowth = { part: 0.1, bytes: 12 * megabyte }

let server: ServerProcess
let settings: Record<string, unknown>

const users = (isGuestThere: boolean, extra: number) => [
  ...Array.from({ length: userCount }, (_, index) => simpleUser(`user-${index}`, { home: `/user-${index}` })),
  simpleUser('guest', { home: '/guest', disabled: !isGuestThere }),
  ...Array.from({ length: extra }, (_, index) => simpleUser(`extra-${index}`)),
]

beforeAll(async () => {
  const { certificate, key } = await selfSigned('localhost')
  server = await startServerProcess({
    server: settingsFor(0, 0),
    users: users(true, 0),
    files: { 'tls/tls.crt': certificate, 'tls/tls.key': key },
  })
  settings = { listeners: [{ name: 'ftp', port: server.port, addresses: ['127.0.0.1'] }] }
  settings = { ...settings, probes: { port: server.probesPort, addresses: ['127.0.0.1'] }, root: server.root }
})

afterAll(async () => {
  await server?.dispose()
})

/** What varies of the settings, in a way that nobody should notice. */
function settingsFor(turn: number, port: number) {
  return {
    limits: {
      maxSessions: 5000 + turn,
      maxSessionsPerAddress: 5000,
      idleTimeoutSeconds: 200 + (turn % 100),
      // Both together are shorter than clients wait for a reply.
      handshakeTimeoutSeconds: 4,
      passiveAcceptTimeoutSeconds: 5,
      failedLoginDelayMilliseconds: turn % 200,
      transferStallTimeoutSeconds: 60 + (turn % 60),
    },
    logging: { level: turn % 10 === 3 ? 'info' : 'warn', format: 'json' },
    passive: { ports: fewOf(passiveRange(port, port)) },
  }
}

function fewOf({ first }: ReturnType<typeof passiveRange>): ReturnType<typeof passiveRange> {
  return { first, last: first + portCount - 1 }
}

/** One change after another: users, settings, a new certificate. */
async function change(turn: number): Promise<void> {
  const kind = turn % 3
  if (kind === 0) return replaceFile(server, 'users/users.yaml', stringify({ users: users(turn % 2 === 0, turn % 7) }))
  if (kind === 1) {
    const all = { ...settings, ...settingsFor(turn, server.port) }
    return replaceFile(server, 'server.yaml', stringify(all))
  }
  const { certificate, key } = await selfSigned('localhost')
  await replaceFile(server, 'tls/tls.key', key)
  await replaceFile(server, 'tls/tls.crt', certificate)
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}

test(`${clientCount} mixed clients and constant changes of the configuration for ${minutes} minutes leave nothing behind`, {
  timeout: minutes * 60_000 + 120_000,
}, async () => {
  const fresh = await measure(server.pid)
  const end = new AbortController()
  const crowd = startCrowd({
    port: server.port,
    clients: clientCount,
    userOf: client => `user-${client % userCount}`,
    guest: 'guest',
    signal: end.signal,
  })
  const ownBefore = process.cpuUsage()
  const started = performance.now()
  const elapsed = () => performance.now() - started
  const samples: Measures[] = []
  let changes = 0
  while (elapsed() < minutes * 60_000 && crowd.surprises.length === 0) {
    if (elapsed() > samples.length * sampleMilliseconds) samples.push(await measure(server.pid))
    if (elapsed() > changes * changeMilliseconds) await change((changes += 1))
    await delay(200)
  }
  const busySeconds = elapsed() / 1000
  const busy = await measure(server.pid)
  end.abort()
  await crowd.gone
  await noSessions(server, 60_000)
  const third = Math.floor(samples.length / 3)
  const trend = (field: keyof Measures) => ({
    middle: median(samples.slice(third, 2 * third).map(sample => sample[field])),
    last: median(samples.slice(2 * third).map(sample => sample[field])),
  })
  const memory = trend('residentBytes')
  const [descriptors, threads] = [trend('descriptors'), trend('threads')]
  const settled = await measure(server.pid)
  const own = process.cpuUsage(ownBefore)
  console.info(
    JSON.stringify({
      changes,
      done: Object.fromEntries(crowd.done),
      megabytes: {
        fresh: Math.round(fresh.residentBytes / megabyte),
        middle: Math.round(memory.middle / megabyte),
        last: Math.round(memory.last / megabyte),
        settled: Math.round(settled.residentBytes / megabyte),
      },
      descriptors: { fresh: fresh.descriptors, ...descriptors, settled: settled.descriptors },
      threads: { fresh: fresh.threads, ...threads, settled: settled.threads },
      listening: { fresh: fresh.listening, settled: settled.listening },
      cores: {
        server: Number(((busy.processorSeconds - fresh.processorSeconds) / busySeconds).toFixed(2)),
        clients: Number(((own.user + own.system) / 1e6 / busySeconds).toFixed(2)),
      },
    }),
  )
  expect(crowd.surprises).toEqual([])
  // All kinds of things were done.
  expect(crowd.done.size).toBeGreaterThanOrEqual(14)
  expect(server.output().stdout).not.toContain('"fault"')
  expect(server.output().stderr).toBe('')
  // Ports that sessions share stay open, so many at most, until the configuration wants none of them.
  expect(settled.listening).toBeLessThanOrEqual(fresh.listening + keptPorts)
  const last = settingsFor(changes, server.port)
  const unshared = { ...settings, ...last, passive: { ...last.passive, sharing: 'off' } }
  await replaceFile(server, 'server.yaml', stringify(unshared))
  // One for the probe that asks, and one that it may just have left.
  await eventually(
    async () => {
      const closed = await measure(server.pid)
      return closed.descriptors <= fresh.descriptors + 2 && closed.listening <= fresh.listening
    },
    'descriptors and passive ports are closed',
    60_000,
  )
  expect(threads.last).toBeLessThanOrEqual(threads.middle)
  expect(settled.threads).toBeLessThanOrEqual(threads.middle)
  expect(memory.last).toBeLessThan(memory.middle * (1 + allowedGrowth.part) + allowedGrowth.bytes)
})
