/** Resources as people write them, without an API server: checked against the schema, with all defaults filled in. */
import { Ajv, type ErrorObject } from 'ajv'
import { apiVersion, type FtpServer, kind } from './ftp-server.ts'
import { resourceSchema } from './ftp-server-definition.ts'
import { type FtpUser, ftpUserKind } from './ftp-user.ts'
import { ftpUserSchema } from './ftp-user-definition.ts'
import type { JsonSchema } from './kubernetes-style.ts'

export type ReadResult<Resource> =
  | { readonly valid: true; readonly value: Resource }
  | { readonly valid: false; readonly errors: readonly string[] }

/**
 * Makes a function that reads an FtpServer. Rules over several fields and entries that are there twice are left to the API server.
 * What is given stays as it is.
 */
export function createReader(): Reader<FtpServer> {
  return readerOf<FtpServer>(resourceSchema(), kind)
}

/** The same for an FtpUser. */
export function createUserReader(): Reader<FtpUser> {
  return readerOf<FtpUser>(ftpUserSchema(), ftpUserKind)
}

type Reader<Resource> = (value: unknown) => ReadResult<Resource>

function readerOf<Resource>(schema: JsonSchema, kindName: string): Reader<Resource> {
  const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true, useDefaults: true, verbose: true })
  ajv.addVocabulary([
    'x-kubernetes-validations',
    'x-kubernetes-list-type',
    'x-kubernetes-list-map-keys',
    'x-kubernetes-map-type',
    'x-kubernetes-int-or-string',
    'x-kubernetes-preserve-unknown-fields',
  ])
  // Only status has these, which nobody writes.
  ajv.addFormat('date-time', true)
  ajv.addFormat('int64', true)
  const validate = ajv.compile<Resource>(writtenSchema(schema, kindName))
  return value => {
    const copy: unknown = structuredClone(value)
    if (validate(copy)) return { valid: true, value: copy }
    return { valid: false, errors: [...new Set((validate.errors ?? []).map(describe))] }
  }
}

function writtenSchema(schema: JsonSchema, kindName: string): JsonSchema {
  const { properties = {}, ...rest } = closed(schema)
  return {
    ...rest,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      ...properties,
      apiVersion: { enum: [apiVersion] },
      kind: { enum: [kindName] },
      // The API server knows its metadata best.
      metadata: { ...properties['metadata'], required: ['name'], additionalProperties: true },
    },
  }
}

/** The API server refuses unknown keys by itself. */
function closed(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties: values } = schema
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true
  return {
    ...schema,
    ...(items && { items: closed(items) }),
    ...(typeof values === 'object' && { additionalProperties: closed(values as JsonSchema) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, closed(child)])),
      ...(!open && { additionalProperties: false }),
    }),
  }
}

function describe({ instancePath, keyword, params, parentSchema, message = '' }: ErrorObject): string {
  const path = instancePath
    .slice(1)
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
  const at = (key: unknown) => (path === '' ? String(key) : `${path}.${String(key)}`)
  switch (keyword) {
    case 'additionalProperties':
      return `${at(plainWord(String(params['additionalProperty'])))} is not a known field`
    case 'required':
      return `${at(params['missingProperty'])} must be given`
    case 'enum':
      return `${path} must be one of ${((parentSchema?.['enum'] ?? []) as readonly unknown[]).join(', ')}`
    default:
      return `${path} ${message}`
  }
}

/** `{ passwordHash:$2b$… }` lacks a space: all of it is a key to YAML, and a secret to us. */
function plainWord(key: string): string {
  const word = /^(?:[A-Za-z_][A-Za-z0-9_-]{0,39})?/.exec(key)?.[0] ?? ''
  return word === key ? key : `${word}…`
}
