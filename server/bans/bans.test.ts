import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import type { ServerConfiguration } from '../config/schema.ts'
import { validateServer } from '../config/validate.ts'
import { Bans, type BanTelemetry } from './bans.ts'

const client = '198.51.100.7'

function configured(bans: object = {}, state: object = {}): ServerConfiguration {
  const result = validateServer({ bans, state })
  if (!result.valid) throw new Error(JSON.stringify(result.violations))
  return result.value
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bans-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'state')
}

type Told = [keyof BanTelemetry, ...unknown[]]

async function opened(configuration: ServerConfiguration, clock = { now: Date.now() }, instance = 'one') {
  const told: Told[] = []
  const begun: string[] = []
  const telemetry: BanTelemetry = {
    offended: (...what) => told.push(['offended', ...what]),
    banned: (...what) => told.push(['banned', ...what]),
    banEnded: (...what) => told.push(['banEnded', ...what]),
    bansTakenOver: (...what) => told.push(['bansTakenOver', ...what]),
    bansInForce: () => undefined,
    banFilesIgnored: (...what) => told.push(['banFilesIgnored', ...what]),
    banSharing: (...what) => told.push(['banSharing', ...what]),
  }
  const bans = new Bans({ configuration, telemetry, instance, now: () => clock.now, onBegun: who => begun.push(who) })
  onTestFinished(() => bans.close())
  await bans.open()
  return { bans, told, begun, clock, provoke: (who = client) => offendTwice(bans, who) }
}

function offendTwice(bans: Bans, who: string): void {
  for (let time = 1; time <= 2; time += 1) bans.offended(who, 'other-protocol')
}

describe('A client', () => {
  test('is banned from the threshold on, which is told, and let in again when the ban is over', async () => {
    const { bans, told, begun, clock, provoke } = await opened(configured())
    bans.offended(client, 'other-protocol')
    expect(bans.isBanned(client)).toBe(false)
    provoke()
    expect([bans.isBanned(client), bans.isBanned('198.51.100.8'), bans.size]).toEqual([true, false, 1])
    expect(begun).toEqual([client])
    bans.offended(client, 'wrong-password', 'alice')
    expect(begun).toEqual([client, client])
    expect(told.map(([what]) => what)).toEqual(['offended', 'offended', 'banned', 'offended', 'offended'])
    clock.now += 600_000
    expect(bans.isBanned(client)).toBe(false)
    await bans.tick()
    expect(told.at(-1)).toMatchObject(['banEnded', { client, count: 1 }, 'over'])
    expect(bans.size).toBe(0)
    provoke()
    expect([...bans.inForce()]).toMatchObject([{ client, count: 2 }])
  })

  test('with IPv6 is banned with its /64', async () => {
    const { bans } = await opened(configured())
    bans.offended('2001:db8:1:2::1', 'other-protocol')
    bans.offended('2001:db8:1:2:ffff::1', 'other-protocol')
    expect(bans.isBanned('2001:db8:1:2::3')).toBe(true)
    expect(bans.isBanned('2001:db8:1:3::1')).toBe(false)
  })

  test.each([
    '127.0.0.1',
    '::1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.1.1',
    '100.127.0.1',
    'fd00::1',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
  ])('with the address %s, which may stand for many, is not banned by default', async address => {
    const { bans, told, provoke } = await opened(configured())
    provoke(address)
    expect([bans.isBanned(address), told]).toEqual([false, []])
    const strict = await opened(configured({ exemptNetworks: [] }))
    strict.provoke(address)
    expect(strict.bans.isBanned(address)).toBe(true)
  })

  test('is not banned where banning is disabled', async () => {
    const { bans, provoke } = await opened(configured({ enabled: false }))
    provoke()
    expect(bans.isBanned(client)).toBe(false)
  })
})

describe('Another configuration', () => {
  test('lifts the ban of a client that is exempt by it, for good', async () => {
    const { bans, told, provoke } = await opened(configured())
    provoke()
    bans.follow(configured({ exemptNetworks: ['198.51.100.0/24'] }))
    expect([bans.isBanned(client), bans.size]).toEqual([false, 0])
    expect(told.at(-1)).toMatchObject(['banEnded', { client }, 'lifted'])
    bans.follow(configured())
    expect(bans.isBanned(client)).toBe(false)
  })

  test('exempts a single address of a banned /64 without lifting the ban of the others', async () => {
    const { bans, provoke } = await opened(configured())
    provoke('2001:db8:1:2::1')
    bans.follow(configured({ exemptNetworks: ['2001:db8:1:2::5'] }))
    expect(bans.isBanned('2001:db8:1:2::5')).toBe(false)
    expect(bans.isBanned('2001:db8:1:2::6')).toBe(true)
  })

  test('that disables banning lifts all bans', async () => {
    const { bans, provoke } = await opened(configured())
    provoke()
    bans.follow(configured({ enabled: false }))
    bans.follow(configured())
    expect([bans.isBanned(client), bans.size]).toEqual([false, 0])
  })

  test('may begin or end to share bans', async () => {
    const directory = await temporaryDirectory()
    const { bans, provoke } = await opened(configured())
    provoke()
    bans.follow(configured({}, { directory }))
    await eventually(async () => (await readdir(directory)).includes('bans-one.json'), 'the file is there')
    const { bans: other } = await opened(configured({}, { directory }), undefined, 'two')
    expect(other.isBanned(client)).toBe(true)
  })
})

describe('With a directory, a ban', () => {
  test('is in force at another server, which ends it as well', async () => {
    const directory = await temporaryDirectory()
    const clock = { now: Date.now() }
    const one = await opened(configured({}, { directory }), clock, 'one')
    const other = await opened(configured({}, { directory }), clock, 'two')
    one.provoke()
    await one.bans.tick()
    await eventually(() => other.bans.isBanned(client), 'the ban is known')
    expect(other.begun).toEqual([client])
    expect(other.told).toEqual([['bansTakenOver', 1]])
    clock.now += 600_000
    await other.bans.tick()
    expect(other.bans.isBanned(client)).toBe(false)
    expect(other.told.at(-1)).toMatchObject(['banEnded', { client }, 'over'])
    other.provoke()
    expect([...other.bans.inForce()]).toMatchObject([{ client, count: 2 }])
  })

  test('survives a restart, and so does how often the client was banned', async () => {
    const directory = await temporaryDirectory()
    const clock = { now: Date.now() }
    const before = await opened(configured({}, { directory }), clock, 'one')
    before.provoke()
    await before.bans.close()
    const after = await opened(configured({}, { directory }), clock, 'two')
    expect(after.bans.isBanned(client)).toBe(true)
    clock.now += 600_000
    await after.bans.tick()
    after.provoke()
    expect([...after.bans.inForce()]).toMatchObject([{ client, count: 2 }])
  })

  test('that is lifted at one server after another is gone for both', async () => {
    const directory = await temporaryDirectory()
    const clock = { now: Date.now() }
    const one = await opened(configured({}, { directory }), clock, 'one')
    const other = await opened(configured({}, { directory }), clock, 'two')
    one.provoke()
    await one.bans.tick()
    await eventually(() => other.bans.isBanned(client), 'the ban is known')
    const exempting = configured({ exemptNetworks: [client] }, { directory })
    one.bans.follow(exempting)
    other.bans.follow(exempting)
    await eventually(
      async () => !(await readFile(join(directory, 'bans-one.json'), 'utf8')).includes(client),
      'the file',
    )
    other.bans.follow(configured({}, { directory }))
    await other.bans.tick()
    expect(other.bans.isBanned(client)).toBe(false)
  })

  test('is not lost by a file that is broken, which is told once', async () => {
    const directory = await temporaryDirectory()
    await mkdir(directory)
    await writeFile(join(directory, 'bans-broken.json'), 'no JSON')
    const { bans, told, provoke } = await opened(configured({}, { directory }))
    provoke()
    await bans.tick()
    await bans.tick()
    expect(told.filter(([what]) => what === 'banFilesIgnored')).toEqual([
      ['banFilesIgnored', directory, ['bans-broken.json']],
    ])
    expect(bans.isBanned(client)).toBe(true)
    expect(await readFile(join(directory, 'bans-one.json'), 'utf8')).toContain(client)
  })

  test('is in memory while the directory can’t be used, which is told once, and in the file as soon as it can', async () => {
    const directory = await temporaryDirectory()
    await writeFile(directory, 'in the way')
    const { bans, told, provoke } = await opened(configured({}, { directory }))
    provoke()
    await bans.tick()
    expect(bans.isBanned(client)).toBe(true)
    expect(told.filter(([what]) => what === 'banSharing')).toMatchObject([
      ['banSharing', directory, { code: 'EEXIST' }],
    ])
    await rm(directory)
    await bans.tick()
    expect(told.at(-1)).toEqual(['banSharing', directory, undefined])
    expect(await readFile(join(directory, 'bans-one.json'), 'utf8')).toContain(client)
  })

  test('of a server that is gone stays in force when its file is removed', async () => {
    const directory = await temporaryDirectory()
    const one = await opened(configured({}, { directory }), undefined, 'one')
    one.provoke()
    await one.bans.close()
    const other = await opened(configured({}, { directory }), undefined, 'two')
    const past = Date.now() / 1000 - 3600
    await utimes(join(directory, 'bans-one.json'), past, past)
    await other.bans.tick()
    await eventually(async () => (await readdir(directory)).join() === 'bans-two.json', 'the file is removed')
    expect(await readFile(join(directory, 'bans-two.json'), 'utf8')).toContain(client)
    await other.bans.close()
    const third = await opened(configured({}, { directory }), undefined, 'three')
    expect(third.bans.isBanned(client)).toBe(true)
  })
})
