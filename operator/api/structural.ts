/** From JSON Schema to the structural schema of a CustomResourceDefinition: what Kubernetes doesn't take is said in its own way. */
import { structuralFormats } from './formats.ts'
import type { JsonSchema } from './kubernetes-style.ts'
import type { Rule } from './rule.ts'

/** What is attached to the schema at paths such as `spec.users[].paths[]`. */
export type Attachments = {
  readonly rules: Readonly<Record<string, readonly Rule[]>>
  /** Lists whose items are told apart by these keys. */
  readonly listKeys: Readonly<Record<string, readonly string[]>>
}

/** @throws Error where the schema has a keyword that would get lost, or something is attached to a path that isn't there. */
export function structuralSchema(schema: JsonSchema, attachments: Attachments): JsonSchema {
  const unused = new Set([...Object.keys(attachments.rules), ...Object.keys(attachments.listKeys)])
  const structural = convert(schema, '', attachments, unused)
  if (unused.size > 0) throw new Error(`no field has the path ${[...unused].join(', ')}`)
  return structural
}

const kept = [
  'type',
  'description',
  'default',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'anyOf',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
] as const
const converted = ['format', 'items', 'properties', 'additionalProperties', 'required', 'uniqueItems']
const ownFormats = ['int64', 'date-time']

function convert(schema: JsonSchema, path: string, attachments: Attachments, unused: Set<string>): JsonSchema {
  const lost = Object.keys(schema).filter(
    keyword => !(kept as readonly string[]).includes(keyword) && !converted.includes(keyword),
  )
  if (lost.length > 0) throw new Error(`${path} has keywords that Kubernetes doesn't know: ${lost.join(', ')}`)
  unused.delete(path)
  const below = (child: JsonSchema, childPath: string) => convert(child, childPath, attachments, unused)
  const format = formatOf(schema, path)
  const rules = [...(format.rules ?? []), ...(attachments.rules[path] ?? [])]
  const { properties, items, additionalProperties: values } = schema
  return {
    ...Object.fromEntries(kept.filter(keyword => keyword in schema).map(keyword => [keyword, schema[keyword]])),
    ...('default' in schema && { default: withDefaults(schema.default, schema) }),
    ...format.keywords,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, child]) => [key, below(child, path === '' ? key : `${path}.${key}`)]),
      ),
    }),
    ...(items && { items: below(items, `${path}[]`), ...listType(schema, attachments.listKeys[path]) }),
    ...(typeof values === 'object' && { additionalProperties: below(values as JsonSchema, `${path}{}`) }),
    ...required(schema),
    ...(rules.length > 0 && { 'x-kubernetes-validations': rules }),
  }
}

function formatOf({ format }: JsonSchema, path: string): { keywords: JsonSchema; rules?: readonly Rule[] } {
  if (format === undefined) return { keywords: {} }
  if (ownFormats.includes(format)) return { keywords: { format } }
  const known = structuralFormats[format]
  if (!known) throw new Error(`${path} has the format ${format}, which Kubernetes can't check`)
  const { rules = [], ...keywords } = known
  return { keywords, rules }
}

function listType(schema: JsonSchema, keys: readonly string[] | undefined): JsonSchema {
  if (keys) return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys }
  if (schema['x-kubernetes-list-type'] !== undefined) return {}
  // `uniqueItems` takes quadratic time and is forbidden; a set is the same.
  return { 'x-kubernetes-list-type': schema['uniqueItems'] === true ? 'set' : 'atomic' }
}

/** What has a default need not be written. */
function required({ required: names = [], properties = {} }: JsonSchema): JsonSchema {
  const written = names.filter(name => properties[name]?.default === undefined)
  return written.length > 0 ? { required: written } : {}
}

/** The API server evaluates rules on a default as it is written, before it fills in those of the parts. */
function withDefaults(value: unknown, { properties, items }: JsonSchema): unknown {
  if (Array.isArray(value) && items) return value.map(item => withDefaults(item, items))
  if (typeof value !== 'object' || value === null || !properties) return value
  const given = new Map(Object.entries(value))
  const entries = Object.entries(properties).map(([key, part]) => [key, given.get(key) ?? part.default, part] as const)
  return Object.fromEntries(
    entries.filter(([, item]) => item !== undefined).map(([key, item, part]) => [key, withDefaults(item, part)]),
  )
}
