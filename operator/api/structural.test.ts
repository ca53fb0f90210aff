import { expect, test } from 'vitest'
import { structuralSchema } from './structural.ts'

const nothing = { rules: {}, listKeys: {} }
const rule = { rule: 'self > 1', message: 'must be above 1' }

test('what Kubernetes doesn’t take is said in its own way', () => {
  const schema = structuralSchema(
    {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'port'],
      properties: {
        name: { type: 'string', format: 'user-name' },
        port: { type: 'integer', default: 21 },
        words: { type: 'array', uniqueItems: true, items: { type: 'string' } },
        parts: { type: 'array', items: { type: 'object', properties: { key: { type: 'string' } } } },
        when: { type: 'string', format: 'date-time' },
      },
    },
    { rules: { port: [rule] }, listKeys: { parts: ['key'] } },
  )
  expect(schema).toEqual({
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string', maxLength: 64, pattern: '^[A-Za-z0-9_][A-Za-z0-9._@+-]*$' },
      port: { type: 'integer', default: 21, 'x-kubernetes-validations': [rule] },
      words: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      parts: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['key'],
        items: { type: 'object', properties: { key: { type: 'string' } } },
      },
      when: { type: 'string', format: 'date-time' },
    },
  })
})

test('a default says those of its parts as well', () => {
  const port = { type: 'object', properties: { port: { type: 'integer', default: 21 }, name: { type: 'string' } } }
  const { default: value } = structuralSchema(
    {
      type: 'object',
      default: { list: [{ name: 'a' }] },
      properties: {
        list: { type: 'array', items: port },
        inner: { ...port, default: {} },
        other: { type: 'string' },
        off: { type: 'boolean', default: false },
      },
    },
    nothing,
  )
  expect(value).toEqual({ list: [{ port: 21, name: 'a' }], inner: { port: 21 }, off: false })
})

test('nothing gets lost in silence', () => {
  expect(() => structuralSchema({ type: 'string', contentEncoding: 'base64' }, nothing)).toThrow('contentEncoding')
  expect(() => structuralSchema({ type: 'string', format: 'email' }, nothing)).toThrow('email')
  expect(() => structuralSchema({ type: 'object' }, { rules: { port: [rule] }, listKeys: {} })).toThrow('port')
})
