import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { permissionWords } from '../../server/config/schema/permissions.ts'
import { userSchema } from '../../server/config/schema/user.ts'
import { serverSchema } from '../../server/config/schema.ts'
import {
  type JsonSchema,
  jsonSchema,
  kubernetesStyle,
  kubernetesWords,
  toKubernetesStyle,
  toServerStyle,
} from './kubernetes-style.ts'

const schemas = { server: jsonSchema(serverSchema), user: jsonSchema(userSchema) }

function enumerations(schema: JsonSchema): (readonly string[])[] {
  const parts = [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])]
  return [...(schema.enum ? [schema.enum] : []), ...parts.flatMap(enumerations)]
}

const words = Object.values(schemas).flatMap(enumerations)

test('words are in CamelCase', () => {
  expect(kubernetesWords(['same-address', 'read-only', 'auto', 'TLSv1.2', 'json', 'off'])).toEqual([
    'SameAddress',
    'ReadOnly',
    'Auto',
    'TLSv1.2',
    'JSON',
    'Disabled',
  ])
})

test('no two words of one enumeration become the same', () => {
  expect(words.length).toBeGreaterThan(10)
  for (const list of words) expect(new Set(kubernetesWords(list)).size).toBe(list.length)
})

test('no word is anything but text to YAML 1.1, which kubectl reads', () => {
  for (const word of words.flatMap(kubernetesWords)) expect(parse(word, { version: '1.1' })).toBe(word)
})

describe('a value', () => {
  const server = {
    listeners: [{ name: 'ftp', port: 21, addresses: ['::'], tls: 'required' }],
    banner: 'off',
    passive: { peerCheck: 'off', ports: { first: 20_000, last: 20_001 } },
    anonymous: { enabled: true, permissions: ['list', 'download'] },
    tls: { minVersion: 'TLSv1.3', clientCertificates: 'off' },
    logging: { level: 'debug', format: 'json' },
  } as const
  const user = {
    name: 'off',
    role: 'upload-only',
    paths: [{ path: '/json', permissions: [...permissionWords] }],
    expires: '2030-01-31',
  } as const

  test('comes back as it was', () => {
    const written = toKubernetesStyle(server, serverSchema)
    expect(written).toMatchObject({
      listeners: [{ tls: 'Required' }],
      banner: 'off',
      passive: { peerCheck: 'Disabled' },
      logging: { level: 'Debug', format: 'JSON' },
    })
    expect(toServerStyle(written as object, serverSchema)).toEqual(server)
    expect(toServerStyle(toKubernetesStyle(user, userSchema) as object, userSchema)).toEqual(user)
  })

  test('loses keys that the schema doesn’t have, and those without a value', () => {
    const written = { level: 'Info', format: undefined, other: 1 }
    expect(toServerStyle(written as object, serverSchema.properties.logging)).toEqual({ level: 'info' })
  })

  test('of a single enumeration is a word', () => {
    const mode: string = toServerStyle('Implicit', serverSchema.properties.listeners.items.properties.tls)
    expect(mode).toBe('implicit')
  })
})

describe('a schema', () => {
  const styled = jsonSchema(kubernetesStyle(serverSchema))

  test('has its words and defaults in CamelCase, and nothing else changed', () => {
    expect(styled.properties?.['logging']?.properties?.['format']).toEqual({
      ...jsonSchema(serverSchema.properties.logging.properties.format),
      enum: ['Auto', 'JSON', 'Text'],
      default: 'Auto',
      description: expect.stringMatching(/^`Auto`: text/) as string,
    })
    expect(styled.properties?.['passive']?.properties?.['ports']).toEqual(
      jsonSchema(serverSchema.properties.passive.properties.ports),
    )
  })

  test('explains its words as they are written, and leaves names of keys alone', () => {
    const user = jsonSchema(kubernetesStyle(userSchema)).properties?.['permissions']?.description
    expect(user).toContain('`permissions` and `role`; `ReadWrite`')
  })

  test('of the server is left as it is', () => {
    expect(serverSchema.properties.logging.properties.format.enum).toEqual(['auto', 'json', 'text'])
  })
})
