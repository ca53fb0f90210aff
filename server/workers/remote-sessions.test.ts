import { expect, test } from 'vitest'
import type { SessionStatus } from '../telemetry/status.ts'
import type { FromWorker } from './messages.ts'
import { RemoteSessions } from './remote-sessions.ts'

const session: SessionStatus = {
  id: 'a',
  user: 'alice',
  peer: '192.0.2.1',
  since: '2026-01-01T00:00:00.000Z',
  listener: 'ftp',
  transfer: undefined,
}

function started(deadlineMilliseconds?: number) {
  const sent: FromWorker[] = []
  const send = (message: FromWorker): number => sent.push(message)
  return { sent, sessions: new RemoteSessions({ send, ...(deadlineMilliseconds && { deadlineMilliseconds }) }) }
}

test('Those who ask at the same time get the answer to one question', async () => {
  const { sent, sessions } = started()
  const asked = [sessions.list(), sessions.list()]
  expect(sent).toEqual([{ kind: 'who', request: 1 }])
  sessions.answered({ kind: 'who', request: 1, sessions: [session] })
  expect(await Promise.all(asked)).toEqual([[session], [session]])
  void sessions.list()
  expect(sent.length).toBe(2)
})

test('Without an answer in time there is none, and one that comes late is not taken for the next', async () => {
  const { sessions } = started(5)
  expect(await sessions.list()).toBe(undefined)
  const next = sessions.list()
  sessions.answered({ kind: 'who', request: 1, sessions: [session] })
  sessions.answered({ kind: 'who', request: 2, sessions: [] })
  expect(await next).toEqual([])
})
