/** Changes of the files are in force within a second, however they come about. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type LoadResult, loadConfiguration } from '../../server/config/load.ts'
import { ConfigurationWatcher } from '../../server/config/watch.ts'
import type { SelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { selfSigned, selfSignedBetween } from '../support/certificates.ts'
import { KubeletVolume } from '../support/kubelet-volume.ts'
import { ownTimeout } from '../support/own-time.ts'

const hash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
// The second of the promise, and as much again; not counting what a machine does besides.
const deadlineMilliseconds = 2000

let directory: string
let watcher: ConfigurationWatcher | undefined
let reported: LoadResult[]
let faults: unknown[]
let wake: () => void

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'configuration-watch-'))
  reported = []
  faults = []
  wake = () => undefined
})
afterEach(async () => {
  await watcher?.close()
  watcher = undefined
  await rm(directory, { recursive: true, force: true })
  if (faults.length > 0) throw new AggregateError(faults)
})

async function start(pollIntervalMilliseconds?: number, now?: number): Promise<LoadResult> {
  const initial = await open(pollIntervalMilliseconds, now)
  await watcher?.watching
  return initial
}

/** Notifications alone must do: looking comes too late for the deadline. */
const rarely = 60_000

async function open(pollIntervalMilliseconds?: number, now?: number): Promise<LoadResult> {
  const initial = await loadConfiguration(directory, undefined, now)
  const own = reported
  watcher = new ConfigurationWatcher({
    directory,
    initial,
    onChange: result => {
      own.push(result)
      wake()
    },
    onFault: error => faults.push(error),
    ...(pollIntervalMilliseconds === undefined ? {} : { pollIntervalMilliseconds }),
  })
  return initial
}

/** Waits until the last report is as wanted. */
async function expectReport(wanted: (result: LoadResult) => boolean): Promise<LoadResult> {
  using timeout = ownTimeout(deadlineMilliseconds)
  const late = timeout.signal
  for (;;) {
    const result = reported.at(-1)
    if (result !== undefined && wanted(result)) return result
    const next = Promise.withResolvers<void>()
    wake = next.resolve
    late.addEventListener('abort', () => next.reject(new Error(`not in time: ${JSON.stringify(result?.problems)}`)))
    if (late.aborted) throw new Error('not in time')
    await next.promise
  }
}

const users = (...names: readonly string[]) =>
  JSON.stringify({ users: names.map(name => ({ name, passwordHash: hash })) })
const hasUser = (name: string) => (result: LoadResult) => result.configuration?.users.has(name) === true
const hasBanner = (banner: string) => (result: LoadResult) => result.configuration?.server.banner === banner

describe('volumes as the kubelet lays them out', () => {
  let one: { readonly certificate: string; readonly key: string }
  let other: { readonly certificate: string; readonly key: string }
  beforeAll(async () => {
    ;[one, other] = await Promise.all([selfSigned('one'), selfSigned('other')])
  })

  test('are read, and a swap of each is in force in time', async () => {
    const team = new KubeletVolume(join(directory, 'users', 'team'))
    const tls = new KubeletVolume(join(directory, 'tls'))
    await team.write({ 'users.yaml': users('alice'), 'more/users.htpasswd': `bob:${hash}` })
    await tls.write({ 'tls.crt': one.certificate, 'tls.key': one.key })
    const { configuration, problems } = await start(rarely)
    expect(problems).toEqual([])
    expect([...(configuration?.users.keys() ?? [])].toSorted()).toEqual(['alice', 'bob'])
    expect(configuration?.certificate?.key).toBe(one.key)

    await team.write({ 'users.yaml': users('carol'), 'more/users.htpasswd': `bob:${hash}` })
    const swapped = await expectReport(hasUser('carol'))
    expect([...(swapped.configuration?.users.keys() ?? [])].toSorted()).toEqual(['bob', 'carol'])

    await tls.write({ 'tls.crt': other.certificate, 'tls.key': other.key })
    const renewed = await expectReport(result => result.configuration?.certificate?.certificate === other.certificate)
    expect(renewed.configuration?.certificate?.key).toBe(other.key)

    await team.write({ 'new.yaml': users('dave') })
    const renamed = await expectReport(hasUser('dave'))
    expect([...(renamed.configuration?.users.keys() ?? [])]).toEqual(['dave'])
    expect(reported.flatMap(result => result.problems)).toEqual([])
  })

  test('may be the root itself, with other volumes mounted within', async () => {
    const root = new KubeletVolume(directory)
    await root.write({ 'server.yaml': 'banner: one' })
    await new KubeletVolume(join(directory, 'users', 'a')).write({ 'users.yaml': users('alice') })
    const initial = await start()
    expect(initial.problems).toEqual([])
    expect(hasBanner('one')(initial) && hasUser('alice')(initial)).toBe(true)
  })

  test('swapped over and over never show a certificate with the key of another, nor a user missing', async () => {
    const tls = new KubeletVolume(join(directory, 'tls'))
    const team = new KubeletVolume(join(directory, 'users', 'team'))
    await tls.write({ 'tls.crt': one.certificate, 'tls.key': one.key })
    await team.write({ 'a.yaml': users('alice'), 'b.yaml': users('user0') })
    await start()
    for (let round = 1; round <= 60; round++) {
      const { certificate, key } = round % 2 === 0 ? one : other
      await Promise.all([
        tls.write({ 'tls.crt': certificate, 'tls.key': key }),
        team.write({ 'a.yaml': users('alice'), 'b.yaml': users(`user${round}`) }),
      ])
    }
    await expectReport(hasUser('user60'))
    expect(reported.flatMap(result => result.problems)).toEqual([])
    expect(reported.every(hasUser('alice'))).toBe(true)
  })

  test('are read from one version each, however often they are swapped meanwhile', async () => {
    const tls = new KubeletVolume(join(directory, 'tls'))
    const team = new KubeletVolume(join(directory, 'users', 'team'))
    const swap = async (version: number) => {
      const { certificate, key } = version % 2 === 0 ? one : other
      await tls.write({ 'tls.crt': certificate, 'tls.key': key })
      // The user moves from one file to the other, and is in one of them at any time.
      await team.write(
        version % 2 === 0
          ? { 'a.yaml': users('alice'), 'b.yaml': users() }
          : { 'a.yaml': users(), 'b.yaml': users('alice') },
      )
    }
    let round = 0
    const swapUntil = async (last: number) => {
      while (round < last) await swap(++round)
    }
    await swap(0)
    const swaps = swapUntil(150)
    let loads = 0
    for (;;) {
      // Without what was good before, nothing can stand in for what is mixed up or missing.
      const result = await loadConfiguration(directory, undefined)
      expect(result.problems).toEqual([])
      expect(hasUser('alice')(result)).toBe(true)
      expect(result.configuration?.certificate).toBeDefined()
      loads++
      if (round === 150) break
    }
    await swaps
    expect(loads).toBeGreaterThan(10)
  })

  test('with the password of a user beside the list follow it', async () => {
    const secret = new KubeletVolume(join(directory, 'users', 'secret'))
    const list = '{users: [{name: alice, passwordFile: alice.password}]}'
    await secret.write({ 'users.yaml': list, 'alice.password': 'one' })
    await start(rarely)
    await secret.write({ 'users.yaml': list, 'alice.password': 'two' })
    await expectReport(({ configuration }) => {
      const credential = configuration?.users.get('alice')?.credential
      return credential?.kind === 'password' && credential.password === 'two'
    })
  })
})

describe('files that a person changes', () => {
  test('by writing in place, again and again', async () => {
    await writeFile(join(directory, 'server.yaml'), 'banner: one')
    await start(rarely)
    for (const banner of ['two', 'three', 'four']) {
      await writeFile(join(directory, 'server.yaml'), `banner: ${banner}`)
      await expectReport(hasBanner(banner))
    }
  })

  test('by an editor that replaces them, again and again', async () => {
    await writeFile(join(directory, 'server.yaml'), 'banner: one')
    await start(rarely)
    for (const banner of ['two', 'three', 'four']) {
      await writeFile(join(directory, '.server.yaml.swp'), `banner: ${banner}`)
      await rename(join(directory, '.server.yaml.swp'), join(directory, 'server.yaml'))
      await expectReport(hasBanner(banner))
    }
  })

  test('by making and removing directories', async () => {
    await start(rarely)
    await mkdir(join(directory, 'users', 'new'), { recursive: true })
    await writeFile(join(directory, 'users', 'new', 'a.yaml'), users('alice'))
    await expectReport(hasUser('alice'))
    await rm(join(directory, 'users'), { recursive: true })
    await expectReport(result => !hasUser('alice')(result))
    await mkdir(join(directory, 'users', 'new'), { recursive: true })
    await writeFile(join(directory, 'users', 'new', 'a.yaml'), users('bob'))
    await expectReport(hasUser('bob'))
  })

  test('by replacing the whole directory', async () => {
    await writeFile(join(directory, 'server.yaml'), 'banner: one')
    await start()
    await rename(directory, `${directory}-old`)
    await expectReport(({ problems }) => problems.some(({ file }) => file === '.'))
    expect(reported.every(hasBanner('one'))).toBe(true)
    await mkdir(directory)
    await writeFile(join(directory, 'server.yaml'), 'banner: two')
    await expectReport(hasBanner('two'))
    await rm(`${directory}-old`, { recursive: true })
  })

  test('outside of the directory, where a user’s password is', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'configuration-password-'))
    await writeFile(join(outside, 'password'), 'one')
    await mkdir(join(directory, 'users'))
    await writeFile(
      join(directory, 'users', 'a.yaml'),
      JSON.stringify({ users: [{ name: 'alice', passwordFile: join(outside, 'password') }] }),
    )
    await start(rarely)
    await writeFile(join(outside, 'password'), 'two')
    await expectReport(({ configuration }) => {
      const credential = configuration?.users.get('alice')?.credential
      return credential?.kind === 'password' && credential.password === 'two'
    })
    await rm(outside, { recursive: true })
  })

  test('without end: they are in force all the same', async () => {
    await writeFile(join(directory, 'server.yaml'), 'banner: one')
    await start(rarely)
    let count = 0
    const busy = setInterval(() => void writeFile(join(directory, `.busy${count++ % 2}`), String(count)), 5)
    try {
      await writeFile(join(directory, 'server.yaml'), 'banner: two')
      await expectReport(hasBanner('two'))
    } finally {
      clearInterval(busy)
    }
  })
})

test('a change between the first load and the watch is not lost', async () => {
  await writeFile(join(directory, 'server.yaml'), 'banner: one')
  await open()
  // The watcher has not looked yet: its first step waits for the next turn.
  await writeFile(join(directory, 'server.yaml'), 'banner: two')
  await expectReport(hasBanner('two'))
})

test('a file whose directory cannot be watched is found by looking', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'configuration-linked-'))
  const target = join(outside, 'server.yaml')
  await writeFile(target, 'banner: one')
  // As a bind-mounted file: what happens to it never shows in the directory it is in.
  await symlink(target, join(directory, 'server.yaml'))
  await start(50)
  for (const banner of ['two', 'three', 'four']) {
    await writeFile(target, `banner: ${banner}`)
    await expectReport(hasBanner(banner))
  }
  await rm(outside, { recursive: true })
})

test('a bad change is reported with what stays in force, and its repair too', async () => {
  await writeFile(join(directory, 'server.yaml'), 'banner: one')
  await start()
  await writeFile(join(directory, 'server.yaml'), 'banner: [one')
  const bad = await expectReport(({ problems }) => problems.length > 0)
  expect(hasBanner('one')(bad)).toBe(true)
  await writeFile(join(directory, 'server.yaml'), 'banner: one')
  const good = await expectReport(({ problems }) => problems.length === 0)
  expect(hasBanner('one')(good)).toBe(true)
})

test('a certificate that comes to its time is told of without any change of files', async () => {
  const now = Date.now()
  await writeCertificate('tls', await selfSignedBetween(now + 1500, now + 86_400_000))
  await writeCertificate('tls/host', await selfSignedBetween(now - 86_400_000, now + 1500))
  const { problems } = await start(20, now)
  expect(problems).toEqual([
    { file: 'tls/tls.crt', path: '', message: expect.stringMatching(/^must be valid by now: it is from \d{4}-/) },
  ])
  const later = await expectReport(result => result.problems.every(({ file }) => file === 'tls/host/tls.crt'))
  expect(later.problems).toEqual([
    { file: 'tls/host/tls.crt', path: '', message: expect.stringMatching(/^must be renewed: it expired at \d{4}-/) },
  ])
})

async function writeCertificate(name: string, { certificate, key }: SelfSignedCertificate): Promise<void> {
  await mkdir(join(directory, name), { recursive: true })
  await writeFile(join(directory, name, 'tls.crt'), certificate)
  await writeFile(join(directory, name, 'tls.key'), key)
}

test('a touch that changes nothing is not reported', async () => {
  await writeFile(join(directory, 'server.yaml'), 'banner: one')
  await start()
  await writeFile(join(directory, 'server.yaml'), 'banner: one')
  await writeFile(join(directory, 'unrelated'), 'x')
  await writeFile(join(directory, 'server.yaml'), 'banner: two')
  await expectReport(hasBanner('two'))
  const banners = reported.map(({ configuration }) => configuration?.server.banner)
  expect(banners.filter(banner => banner === 'one')).toEqual([])
  expect(banners.filter(banner => banner === 'two')).toHaveLength(1)
})

test('a watcher that is closed reports nothing any more', async () => {
  await writeFile(join(directory, 'server.yaml'), 'banner: one')
  await start(20)
  await watcher?.close()
  const silent = reported
  reported = []
  await writeFile(join(directory, 'server.yaml'), 'banner: two')
  // By the time another one has seen the next change, the first would have seen this one.
  await start(20)
  await writeFile(join(directory, 'server.yaml'), 'banner: three')
  await expectReport(hasBanner('three'))
  expect(silent).toEqual([])
})
