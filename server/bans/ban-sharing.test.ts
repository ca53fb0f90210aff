import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BanBook } from './ban-book.ts'
import { BanSharing } from './ban-sharing.ts'

const rules = {
  threshold: 1,
  windowSeconds: 600,
  durationSeconds: 600,
  maxDurationSeconds: 3600,
  maxAddresses: 100,
  isExempt: () => false,
}

async function sharing() {
  const directory = await mkdtemp(join(tmpdir(), 'bans-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const clock = { now: Date.now() }
  const book = new BanBook(rules)
  const shared = new BanSharing({
    book,
    directory,
    instance: 'one',
    now: () => clock.now,
    onBegun: () => undefined,
    onBroken: () => undefined,
    onTrouble: () => undefined,
  })
  /** Another file each time it is written. */
  const written = async () => (await stat(join(directory, 'bans-one.json'))).ino
  return { book, clock, shared, written }
}

test('While an exchange runs, as it does for long on a volume that hangs, there is no other one beside it', async () => {
  const { shared } = await sharing()
  const first = shared.exchange()
  expect(shared.exchange()).toBe(first)
  await first
  const second = shared.exchange()
  expect(second).not.toBe(first)
  await second
})

test('The file is written when a ban of this server is new, and otherwise once a minute', async () => {
  const { book, clock, shared, written } = await sharing()
  await shared.exchange()
  const empty = await written()
  clock.now += 59_000
  await shared.exchange()
  expect(await written()).toBe(empty)
  book.offend('192.0.2.7', 'wrong-password', undefined, clock.now)
  await shared.exchange()
  const banned = await written()
  expect(banned).not.toBe(empty)
  clock.now += 59_000
  const of = {
    client: '192.0.2.8',
    from: clock.now,
    until: clock.now + 1000,
    count: 1,
    offence: 'wrong-password',
  } as const
  book.takeOver([of], 'of-others', clock.now)
  await shared.exchange()
  expect(await written()).toBe(banned)
  clock.now += 1000
  await shared.exchange()
  expect(await written()).not.toBe(banned)
})
