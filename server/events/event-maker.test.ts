import { describe, expect, it } from 'vitest'
import { validateServer } from '../config/validate.ts'
import type { FromWorker } from '../workers/messages.ts'
import { RemoteEvents } from '../workers/remote-events.ts'
import type { CloudEvent, Happening } from './event.ts'
import { EventMaker } from './event-maker.ts'

function configuration(events: Record<string, unknown>) {
  const result = validateServer({ events: { source: 'urn:s', ...events } })
  if (!result.valid) throw new Error(JSON.stringify(result.violations))
  return result.value
}

const sinks = [{ name: 'a', url: 'http://sink.example', kinds: ['upload'] }]
const upload: Happening = { kind: 'upload', subject: '/a', data: { path: '/a' } }

function makerWith(events: Record<string, unknown>, deadlineMilliseconds?: number) {
  const put: CloudEvent[] = []
  const stored = Promise.withResolvers<void>()
  const outlet = {
    put: (event: CloudEvent) => {
      put.push(event)
      return stored.promise
    },
  }
  const maker = new EventMaker({
    outlet,
    configuration: configuration(events),
    now: () => 1000,
    ...(deadlineMilliseconds !== undefined && { deadlineMilliseconds }),
  })
  return { maker, put, stored }
}

describe('an event', () => {
  it('is made if a sink wants its kind, and nobody waits for it unless that is asked for', () => {
    const { maker, put } = makerWith({ sinks })
    expect(maker.tell(upload)).toBeUndefined()
    expect(maker.tell({ ...upload, kind: 'delete' })).toBeUndefined()
    expect(put).toEqual([
      {
        specversion: '1.0',
        id: expect.any(String),
        source: 'urn:s',
        type: 'io.ftp-operator.upload',
        subject: '/a',
        time: '1970-01-01T00:00:01.000Z',
        datacontenttype: 'application/json',
        data: { path: '/a' },
      },
    ])
  })

  it('is waited for until it is stored, if that is asked for', async () => {
    const { maker, stored } = makerWith({ sinks, durability: 'spooled' })
    let told = false
    const waiting = maker.tell(upload)?.then(() => (told = true))
    await new Promise(resolve => setImmediate(resolve))
    expect(told).toBe(false)
    stored.resolve()
    await waiting
    expect(told).toBe(true)
    expect(maker.tell({ ...upload, kind: 'delete' })).toBeUndefined()
  })

  it('is not waited for for ever', async () => {
    const { maker } = makerWith({ sinks, durability: 'spooled' }, 20)
    await expect(maker.tell(upload)).resolves.toBeUndefined()
  })

  it('is made by the configuration of the moment', () => {
    const { maker, put } = makerWith({})
    expect(maker.wants('upload')).toBe(false)
    maker.follow(configuration({ sinks }))
    expect(maker.wants('upload')).toBe(true)
    void maker.tell(upload)
    expect(put).toHaveLength(1)
  })
})

describe('a worker', () => {
  const event = { id: 'x' } as CloudEvent

  function remote(maxPending?: number) {
    const sent: FromWorker[] = []
    const dropped: string[] = []
    const events = new RemoteEvents({
      send: message => sent.push(message),
      onDropped: reason => dropped.push(reason),
      ...(maxPending !== undefined && { maxPending }),
    })
    return { events, sent, dropped }
  }

  it('gives its events to the supervisor, and knows them stored when that says so', async () => {
    const { events, sent } = remote()
    const puts = [events.put(event, 'upload'), events.put(event, 'delete')]
    expect(sent).toMatchObject([
      { kind: 'event', request: 1, eventKind: 'upload' },
      { kind: 'event', request: 2, eventKind: 'delete' },
    ])
    const settled = events.settled(5000)
    events.answered([1, 2])
    await Promise.all([...puts, settled])
  })

  it('drops what is too much, and waits for nobody who is gone', async () => {
    const { events, sent, dropped } = remote(1)
    const first = events.put(event, 'upload')
    await events.put(event, 'upload')
    expect([sent.length, dropped]).toEqual([1, ['busy']])
    events.lose()
    await first
    await events.put(event, 'upload')
    expect(dropped).toEqual(['busy', 'busy'])
    await events.settled(5000)
  })
})
