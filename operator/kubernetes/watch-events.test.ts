import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kinds } from './kinds.ts'
import { parseWatchEvents } from './watch-events.ts'

async function* pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0
  for (let index = 0; start < bytes.length; index += 1) {
    const size = sizes[index % Math.max(1, sizes.length)] ?? bytes.length
    yield bytes.subarray(start, start + size)
    start += size
  }
}

const parse = (text: string, sizes: readonly number[] = []) =>
  collect(parseWatchEvents(pieces(Buffer.from(text), sizes), kinds.configMap))

async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const collected: Value[] = []
  for await (const value of values) collected.push(value)
  return collected
}

const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`

test('events are the same however the bytes are cut, in the middle of characters too', async () => {
  const names = ['a', 'äöü', '日本', '😀']
  const text = names.map(name => line('MODIFIED', { metadata: { name } })).join('')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), async sizes => {
      const events = await parse(text, sizes)
      expect(events.map(event => event.type === 'modified' && event.object.metadata.name)).toEqual(names)
    }),
  )
})

test('objects have apiVersion and kind, also when the server sends only metadata', async () => {
  const partial = { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: { name: 'a' } }
  expect(await parse(line('ADDED', partial))).toEqual([
    { type: 'added', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } } },
  ])
})

test('a bookmark is how far the watch has come', async () => {
  const text = line('BOOKMARK', { kind: 'ConfigMap', metadata: { resourceVersion: '7' } })
  expect(await parse(text)).toEqual([{ type: 'bookmark', resourceVersion: '7' }])
})

test('an event that is an error is thrown as what it says', async () => {
  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (9)' }
  await expect(parse(line('ERROR', status))).rejects.toMatchObject({
    name: 'ApiError',
    status: 410,
    reason: 'Expired',
    message: expect.stringContaining('too old resource version: 1 (9)'),
  })
})

test.for([
  ['no JSON', '<html>\n', 'malformed'],
  ['no event', '[]\n', 'malformed'],
  ['an unknown type', line('MOVED', {}), 'malformed'],
  ['an object without a name', line('ADDED', { metadata: {} }), 'malformed'],
  ['no object', line('ADDED', null), 'malformed'],
  ['half a line', '{"type":"ADD', 'cut'],
])('%s is an error', async ([, text = '', kind]) => {
  await expect(parse(text)).rejects.toMatchObject({ name: 'TransportError', kind })
})
