import { expect, test } from 'vitest'
import type { FromWorker } from './messages.ts'
import { RemoteQuotas } from './remote-quotas.ts'

const taking = { path: '/a', least: 1, most: 10, files: 1, limits: [], upload: 'begins' } as const

function start(options: { readonly deadlineMilliseconds?: number; readonly maxPending?: number } = {}) {
  const sent: FromWorker[] = []
  return { sent, quotas: new RemoteQuotas({ send: message => sent.push(message), ...options }) }
}

test('a taking gets what the supervisor gives, or its refusal', async () => {
  const { sent, quotas } = start()
  const [given, refused] = [quotas.take(taking), quotas.take(taking)]
  expect(sent).toEqual([1, 2].map(request => ({ kind: 'take', request, taking })))
  quotas.answered({ kind: 'taken', request: 2, answer: 'over-quota' })
  quotas.answered({ kind: 'taken', request: 1, answer: 7 })
  expect(await given).toBe(7)
  await expect(refused).rejects.toMatchObject({ name: 'StorageError', kind: 'over-quota' })
})

test('what is not given in time is refused, and given back if it comes later', async () => {
  const { sent, quotas } = start({ deadlineMilliseconds: 1 })
  await expect(quotas.take(taking)).rejects.toMatchObject({ kind: 'busy' })
  quotas.answered({ kind: 'taken', request: 1, answer: 7 })
  expect(sent.at(-1)).toEqual({ kind: 'change', change: { path: '/a', bytes: -7, files: -1, upload: 'ends' } })
})

test('no more than the bound may wait, those whose time is over among them', async () => {
  const { sent, quotas } = start({ deadlineMilliseconds: 1, maxPending: 1 })
  await expect(quotas.take(taking)).rejects.toMatchObject({ kind: 'busy' })
  await expect(quotas.take(taking)).rejects.toMatchObject({ kind: 'busy' })
  expect(sent).toHaveLength(1)
  quotas.answered({ kind: 'taken', request: 1, answer: 'over-quota' })
  const next = quotas.take(taking)
  quotas.answered({ kind: 'taken', request: 2, answer: 10 })
  expect(await next).toBe(10)
})

test('a question for what is stored gets its answer, and nothing is given back if that comes late', async () => {
  const { sent, quotas } = start({ deadlineMilliseconds: 50 })
  const limits = [{ directory: '/a', maxBytes: 10 }]
  const asked = quotas.usage(limits)
  expect(sent).toEqual([{ kind: 'usage', request: 1, limits }])
  quotas.answered({ kind: 'usage', request: 1, answer: [{ bytes: 7, files: 1 }] })
  expect(await asked).toEqual([{ bytes: 7, files: 1 }])
  await expect(quotas.usage(limits)).rejects.toMatchObject({ kind: 'busy' })
  quotas.answered({ kind: 'usage', request: 2, answer: [{ bytes: 7, files: 1 }] })
  expect(sent).toHaveLength(2)
})

test('once the supervisor is gone nothing is given', async () => {
  const { quotas } = start()
  const waiting = quotas.take(taking)
  quotas.lose()
  await expect(waiting).rejects.toMatchObject({ kind: 'busy' })
  await expect(quotas.take(taking)).rejects.toMatchObject({ kind: 'busy' })
})
