/** The server's schema in the style of the Kubernetes API: the same keys, the words of its enumerations in CamelCase. */
import { type Static, type TSchema, type TUnsafe, Type } from 'typebox'

/**
 * Words that have another form than their parts in capitals. `off` is one of the words that YAML 1.1, which kubectl
 * reads, takes for a boolean: nobody could write it without quotes. Initialisms keep one case (Kubernetes API conventions).
 */
const irregular = { off: 'Disabled', json: 'JSON' } as const
type Irregular = typeof irregular

type KubernetesWord<Word extends string> = Word extends keyof Irregular
  ? Irregular[Word]
  : Word extends `${infer First}-${infer Rest}`
    ? `${Capitalize<First>}${KubernetesWord<Rest>}`
    : Capitalize<Word>

/** A value of the server's configuration as it is written in a resource. */
export type KubernetesStyle<Value> = Value extends string
  ? string extends Value
    ? Value
    : KubernetesWord<Value>
  : Value extends object
    ? { [Key in keyof Value]: KubernetesStyle<Value[Key]> }
    : Value

type PartOf<Value> = Value extends readonly unknown[] ? Value : Value extends object ? Partial<Value> : Value
type Selected<Value, Given> = Value extends readonly unknown[]
  ? Value
  : Value extends object
    ? Pick<Value, keyof Value & keyof Given>
    : Value

/** JSON Schema as far as the server's schema uses it. */
export type JsonSchema = {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly [keyword: string]: unknown
}

/** A schema of TypeBox is JSON Schema. */
export function jsonSchema(schema: object): JsonSchema {
  return schema as JsonSchema
}

/** The schema of what is written in a resource for a part of the server's configuration. Pure: the argument is left as it is. */
export function kubernetesStyle<Schema extends TSchema>(schema: Schema): TUnsafe<KubernetesStyle<Static<Schema>>> {
  const from = jsonSchema(schema)
  return Type.Unsafe<KubernetesStyle<Static<Schema>>>(convertSchema(from, explainWords(from)))
}

/** The words of an enumeration as they are written in a resource. */
export function kubernetesWords<const Word extends string>(words: readonly Word[]): KubernetesWord<Word>[] {
  return words.map(kubernetesWord)
}

/**
 * What a resource says, as the server's configuration says it: the inverse of the conversion that `kubernetesStyle`
 * makes. An object may lack keys of the schema; keys that the schema doesn't have are left out.
 */
export function toServerStyle<
  Schema extends TSchema,
  const Value extends PartOf<KubernetesStyle<Static<Schema>>> = PartOf<KubernetesStyle<Static<Schema>>>,
>(value: Value, schema: Schema): Selected<Static<Schema>, Value> {
  return convertValue(value, jsonSchema(schema), serverWord) as Selected<Static<Schema>, Value>
}

/** What the server's configuration says, as a resource says it. Keys that the schema doesn't have are left out. */
export function toKubernetesStyle(value: unknown, schema: TSchema): unknown {
  return convertValue(value, jsonSchema(schema), kubernetesWord)
}

function convertSchema(schema: JsonSchema, explain: (description: string) => string): JsonSchema {
  const { properties, items } = schema
  return {
    ...schema,
    ...(schema.enum && { enum: kubernetesWords(schema.enum) }),
    ...('default' in schema && { default: convertValue(schema.default, schema, kubernetesWord) }),
    ...(schema.description !== undefined && { description: explain(schema.description) }),
    ...(properties && { properties: mapValues(properties, property => convertSchema(property, explain)) }),
    ...(items && { items: convertSchema(items, explain) }),
  }
}

type ConvertWord = (word: string, schema: JsonSchema) => string

function convertValue(value: unknown, schema: JsonSchema, convertWord: ConvertWord): unknown {
  const { items = {}, properties } = schema
  if (typeof value === 'string') return schema.enum ? convertWord(value, schema) : value
  if (Array.isArray(value)) return value.map(item => convertValue(item, items, convertWord))
  if (typeof value !== 'object' || value === null || !properties) return value
  const known = Object.entries(value).filter(([key, item]) => Object.hasOwn(properties, key) && item !== undefined)
  return Object.fromEntries(known.map(([key, item]) => [key, convertValue(item, properties[key] ?? {}, convertWord)]))
}

/** Descriptions have the words they explain in backquotes, as they have names of keys. */
function explainWords(schema: JsonSchema): (description: string) => string {
  const keys = new Set(keysOf(schema))
  const words = new Set([...wordsOf(schema)].filter(word => !keys.has(word)))
  return description =>
    description.replaceAll(/`([^`]+)`/g, (quoted, word: string) =>
      words.has(word) ? `\`${kubernetesWord(word)}\`` : quoted,
    )
}

function* wordsOf({ enum: words = [], items, properties = {} }: JsonSchema): Iterable<string> {
  yield* words
  if (items) yield* wordsOf(items)
  for (const property of Object.values(properties)) yield* wordsOf(property)
}

function* keysOf({ items, properties = {} }: JsonSchema): Iterable<string> {
  if (items) yield* keysOf(items)
  for (const [key, property] of Object.entries(properties)) {
    yield key
    yield* keysOf(property)
  }
}

function kubernetesWord<const Word extends string>(word: Word): KubernetesWord<Word> {
  const other: string | undefined = Object.hasOwn(irregular, word) ? irregular[word as keyof Irregular] : undefined
  const regular = () => word.replaceAll(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase())
  return (other ?? regular()) as KubernetesWord<Word>
}

/** The word of the enumeration that has this form; no two of one enumeration have the same. */
function serverWord(word: string, { enum: words = [] }: JsonSchema): string {
  return words.find(candidate => kubernetesWord(candidate) === word) ?? word
}

function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  convert: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, convert(value)]))
}
