import { expect, test } from 'vitest'
import type { FromWorker } from './messages.ts'
import { RemoteState } from './remote-state.ts'
import { SharedStateError } from './shared-state.ts'

function start(options: { readonly deadlineMilliseconds?: number; readonly maxPending?: number } = {}) {
  const sent: FromWorker[] = []
  return { sent, state: new RemoteState({ send: message => sent.push(message), ...options }) }
}

test('a claim with a limit waits for its answer, one without is only told', async () => {
  const { sent, state } = start()
  expect(state.claim('session-of-user', 'alice', undefined)).toBe(true)
  const answers = Promise.all([state.claim('upload', '1:2', 1), state.isClaimed('upload', '1:2')])
  const [told, claimed, asked] = sent
  expect(told).toMatchObject({ kind: 'claim', key: 'alice', limit: undefined })
  for (const message of [asked, claimed]) {
    if (message === undefined || !('request' in message)) throw new Error('Nothing was asked.')
    state.answered({ request: message.request, yes: message.kind === 'claim' })
  }
  expect(await answers).toEqual([true, false])
})

test('what is not answered in time is refused, and given back if it is granted later', async () => {
  const { sent, state } = start({ deadlineMilliseconds: 1 })
  await expect(state.claim('upload', '1:2', 1)).rejects.toThrow(SharedStateError)
  expect(sent).toHaveLength(1)
  state.answered({ request: 1, yes: true })
  expect(sent.at(-1)).toEqual({ kind: 'release', claim: 'upload', key: '1:2' })
})

test('no more than the bound may wait, those whose time is over among them', async () => {
  const { sent, state } = start({ deadlineMilliseconds: 1, maxPending: 1 })
  await expect(state.claim('upload', '1:2', 1)).rejects.toThrow('in time')
  await expect(state.claim('upload', '1:3', 1)).rejects.toThrow('Too many')
  expect(sent).toHaveLength(1)
  state.answered({ request: 1, yes: false })
  const next = state.isClaimed('upload', '1:3')
  state.answered({ request: 3, yes: true })
  expect(await next).toBe(true)
})

test('once the supervisor is gone nothing is granted', async () => {
  const { state } = start()
  const waiting = state.claim('upload', '1:2', 1)
  state.lose()
  await expect(waiting).rejects.toThrow('gone')
  await expect(state.claim('upload', '1:3', 1)).rejects.toThrow(SharedStateError)
})
