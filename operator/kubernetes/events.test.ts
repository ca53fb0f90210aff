import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { createLogger } from '../telemetry/logger.ts'
import { TransportError } from './api-error.ts'
import { createEventRecorder, type EventText } from './events.ts'
import type { KubernetesObject } from './object.ts'

const server: KubernetesObject = {
  apiVersion: 'example.io/v1',
  kind: 'Thing',
  metadata: { name: 'uploads', namespace: 'media', uid: 'u1', resourceVersion: '5' },
}
const text: EventText = { type: 'Warning', reason: 'SecretNotFound', action: 'ReadUsers', note: 'no Secret `a`' }

type Sent = { readonly metadata: { readonly name: string }; readonly series?: { readonly count: number } } & Record<
  string,
  unknown
>

function setUp() {
  const clock = fakeClock()
  const created: Sent[] = []
  const patches: unknown[] = []
  const lines: string[] = []
  const state = { failing: false }
  const recorder = createEventRecorder({
    cluster: {
      async create(object) {
        if (state.failing) throw new TransportError('cut', 'down')
        created.push(object)
        return object
      },
      async patchMerge(_kind, _name, patch) {
        patches.push(patch)
        return server
      },
    },
    controller: 'example.io/controller',
    instance: 'pod-1',
    clock,
    logger: createLogger('warn', { write: line => lines.push(line) }),
  })
  return { clock, created, patches, lines, state, recorder }
}

test('an event says what happened to what, in times of six digits', async () => {
  const { recorder, created } = setUp()
  recorder.record(server, text)
  await setImmediate()
  expect(created).toEqual([
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: expect.stringMatching(/^uploads\.[0-9a-f]+$/), namespace: 'media' },
      eventTime: expect.stringMatching(/\.\d{6}Z$/),
      reportingController: 'example.io/controller',
      reportingInstance: 'pod-1',
      ...text,
      regarding: {
        apiVersion: 'example.io/v1',
        kind: 'Thing',
        name: 'uploads',
        namespace: 'media',
        uid: 'u1',
        resourceVersion: '5',
      },
    },
  ])
})

test('repetitions are counted in the first, and written now and then', async () => {
  const { clock, recorder, created, patches } = setUp()
  for (let count = 0; count < 10; count += 1) {
    recorder.record(server, text)
    await clock.advance(10_000)
  }
  expect(created).toHaveLength(1)
  expect(patches).toMatchObject([{ series: { count: 4 } }, { series: { count: 7 } }, { series: { count: 10 } }])
})

test('several at once are one event with their number', async () => {
  const { recorder, created } = setUp()
  for (let count = 0; count < 3; count += 1) recorder.record(server, text)
  await setImmediate()
  expect(created).toMatchObject([{ series: { count: 3 } }])
})

test('what happens again after long is a new event, and so is another text', async () => {
  const { clock, recorder, created } = setUp()
  recorder.record(server, text)
  recorder.record(server, { ...text, note: 'no Secret `b`' })
  await clock.advance(7 * 60_000)
  recorder.record(server, text)
  await setImmediate()
  expect(created).toHaveLength(3)
  expect(new Set(created.map(({ metadata }) => metadata.name)).size).toBe(3)
})

test('one object can not flood the cluster, and does not silence another', async () => {
  const { clock, recorder, created } = setUp()
  for (let count = 0; count < 100; count += 1) recorder.record(server, { ...text, note: `${count}` })
  recorder.record({ ...server, metadata: { ...server.metadata, name: 'other', uid: 'u2' } }, text)
  await setImmediate()
  expect(created).toHaveLength(26)
  await clock.advance(10 * 60_000)
  for (let count = 0; count < 100; count += 1) recorder.record(server, { ...text, note: `later ${count}` })
  await setImmediate()
  expect(created).toHaveLength(28)
})

test('an event that can not be sent is a line in the log, and no more', async () => {
  const { recorder, state, lines, created } = setUp()
  state.failing = true
  recorder.record(server, text)
  await setImmediate()
  state.failing = false
  recorder.record(server, { ...text, reason: 'Other' })
  await recorder.close()
  expect(lines).toHaveLength(1)
  expect(created).toMatchObject([{ reason: 'Other' }])
  recorder.record(server, text)
  expect(created).toHaveLength(1)
})
