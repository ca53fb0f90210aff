import { expect, test } from 'vitest'
import type { ListenerConfiguration } from '../config/schema.ts'
import { type Handover, HandoverReader, HandoverWriter } from './handover.ts'

const listener: ListenerConfiguration = {
  name: 'ftp',
  port: 21,
  addresses: ['::'],
  tls: 'explicit',
  proxyProtocol: { trustedNetworks: [] },
}

const writer = new HandoverWriter()

function handover(more: Partial<Handover> = {}): Handover {
  return { kind: 'session', session: 17, sessionsInAll: 3, isScarce: false, listener, proxied: undefined, ...more }
}

test('What is handed over arrives as it was', () => {
  const reader = new HandoverReader()
  const samples = [handover(), handover({ session: 1_000_000, isScarce: true, sessionsInAll: 12 })]
  for (const sample of samples) expect(reader.read(writer.words(sample))).toEqual(sample)
})

test('A listener is read once, and again when it is another', () => {
  const reader = new HandoverReader()
  const [one, same] = [reader.read(writer.words(handover())), reader.read(writer.words(handover({ session: 18 })))]
  expect(same.listener).toBe(one.listener)
  const renamed = { ...listener, name: 'ein Größerer, mit Leerzeichen' }
  expect(reader.read(writer.words(handover({ listener: renamed }))).listener).toEqual(renamed)
})

test('Listeners of many configurations are not kept', () => {
  const reader = new HandoverReader()
  for (let port = 1; port <= 500; port += 1) {
    expect(reader.read(writer.words(handover({ listener: { ...listener, port } }))).listener.port).toBe(port)
  }
})
