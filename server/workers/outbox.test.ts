import { expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import type { FromWorker } from './messages.ts'
import { Outbox } from './outbox.ts'

function outbox() {
  const batches: (readonly FromWorker[])[] = []
  return { outbox: new Outbox(messages => batches.push(messages)), batches }
}

const claim = (request: number, limit?: number): FromWorker => ({
  kind: 'claim',
  request,
  claim: 'session-of-user',
  key: 'alice',
  limit,
})
const release: FromWorker = { kind: 'release', claim: 'session-of-user', key: 'alice' }
const login = (user: string): FromWorker => ({ kind: 'logged-in', address: '192.0.2.7', user })
const offence: FromWorker = { kind: 'offended', address: '192.0.2.7', offence: 'wrong-password', user: 'alice' }
const urgent: FromWorker = { kind: 'who', request: 99 }

async function said(batches: (readonly FromWorker[])[]): Promise<readonly FromWorker[]> {
  await eventually(() => batches.length > 0, 'something is said')
  return batches.splice(0).flat()
}

test('What one turn says is one message, in order', async () => {
  const { outbox: box, batches } = outbox()
  box.say(claim(1, 3))
  box.say(release)
  box.say(urgent)
  expect(batches).toEqual([])
  await eventually(() => batches.length > 0, 'something is said')
  expect(batches).toEqual([[claim(1, 3), release, urgent]])
})

test('What nobody waits for goes with the next message, or by itself in the end', async () => {
  const { outbox: box, batches } = outbox()
  box.say(login('alice'))
  box.ended(17, 'later')
  await new Promise(resolve => setImmediate(resolve))
  expect(batches).toEqual([])
  box.say(urgent)
  expect(await said(batches)).toEqual([login('alice'), urgent, { kind: 'ended', sessions: [17] }])
  box.ended(18, 'later')
  expect(await said(batches)).toEqual([{ kind: 'ended', sessions: [18] }])
})

test('The end of a session whose place somebody may wait for goes at once, and those before it', async () => {
  const { outbox: box, batches } = outbox()
  box.ended(17, 'later')
  box.ended(18, 'at once')
  await new Promise(resolve => setImmediate(resolve))
  expect(batches).toEqual([[{ kind: 'ended', sessions: [17, 18] }]])
})

test('A place that is only counted and given back before anybody was told is not told of', async () => {
  const { outbox: box, batches } = outbox()
  for (const request of [1, 2, 3]) box.say(claim(request))
  for (const _ of [1, 2]) box.say(release)
  box.say(urgent)
  expect(await said(batches)).toEqual([claim(1), urgent])
  // That one was told.
  box.say(release)
  box.say(urgent)
  expect(await said(batches)).toEqual([release, urgent])
})

test('A place that was asked for is given back in words', async () => {
  const { outbox: box, batches } = outbox()
  box.say(claim(1, 3))
  box.say(release)
  expect(await said(batches)).toEqual([claim(1, 3), release])
})

test('Places are counted before others are asked for', async () => {
  const { outbox: box, batches } = outbox()
  box.say(claim(1, 1))
  box.say(claim(2))
  expect(await said(batches)).toEqual([claim(2), claim(1, 1)])
})

test('The same login is told once, and again after an offence that it makes up for', async () => {
  const { outbox: box, batches } = outbox()
  for (const user of ['alice', 'bob', 'alice']) box.say(login(user))
  box.say(offence)
  box.say(login('alice'))
  expect(await said(batches)).toEqual([login('alice'), login('bob'), offence, login('alice')])
  box.say(login('alice'))
  expect(await said(batches)).toEqual([login('alice')])
})
