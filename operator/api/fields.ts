/** What the schema of a resource is made of: closed objects, bounded lists and texts, each with a description. */
import { type Static, type TEnum, type TObject, type TSchema, type TUnsafe, Type } from 'typebox'

type Description = { readonly description: string }

/** A closed object. With `default: {}` its parts get their own defaults where nothing is written. */
export function record<Properties extends Record<string, TSchema>>(
  properties: Properties,
  options: Description & { readonly default?: unknown },
): TObject<Properties> {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** An object that makes sense as a whole only, such as a selector: two parties can't each have a part of it. */
export function wholeRecord<Properties extends Record<string, TSchema>>(
  properties: Properties,
  options: Description,
): TObject<Properties> {
  return Type.Object(properties, { additionalProperties: false, 'x-kubernetes-map-type': 'atomic', ...options })
}

export function oneOf<const Value extends string>(
  values: readonly Value[],
  options: Description & { readonly default?: NoInfer<Value> },
): TEnum<Value[]> {
  return Type.Enum([...values], { type: 'string', ...options })
}

/** A list that is replaced as a whole. */
export function list<Item extends TSchema>(
  item: Item,
  options: Description & { readonly maxItems: number; readonly minItems?: number; readonly default?: unknown },
) {
  return Type.Array(item, { 'x-kubernetes-list-type': 'atomic', ...options })
}

/** A list of objects that are told apart by a key, so that several parties can each have entries of their own. */
export function listByKey<Item extends TSchema>(
  key: string & keyof Static<Item>,
  item: Item,
  options: Description & { readonly maxItems: number; readonly minItems?: number; readonly default?: unknown },
) {
  return Type.Array(item, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key], ...options })
}

export function text(
  options: Description & { readonly maxLength: number; readonly minLength?: number; readonly default?: string },
) {
  return Type.String(options)
}

export function textLike(
  pattern: RegExp,
  options: Description & { readonly maxLength: number; readonly default?: string },
) {
  return Type.String({ pattern: pattern.source, ...options })
}

export function whole(
  options: Description & { readonly minimum: number; readonly maximum: number; readonly default?: number },
) {
  return Type.Integer(options)
}

export function flag(options: Description & { readonly default?: boolean }) {
  return Type.Boolean(options)
}

export function port(options: Description & { readonly default?: number }) {
  return whole({ minimum: 1, maximum: 65_535, ...options })
}

/** Name of an object (RFC 1123 subdomain). */
export function objectName(description: string) {
  return textLike(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, { maxLength: 253, description })
}

/** Key in the data of a Secret or ConfigMap. */
export function dataKey(options: Description & { readonly default?: string }) {
  return textLike(/^[-._a-zA-Z0-9]+$/, { maxLength: 253, ...options })
}

/** `key: value` with any keys. */
export function mapOf<Value extends TSchema>(
  value: Value,
  options: Description & { readonly maxProperties: number },
): TUnsafe<Record<string, Static<Value>>> {
  return Type.Unsafe<Record<string, Static<Value>>>({ type: 'object', additionalProperties: value, ...options })
}

export function labels(description: string) {
  const value = textLike(/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/, {
    maxLength: 63,
    description: 'Value of the label.',
  })
  return mapOf(value, { maxProperties: 64, description })
}

export function annotations(description: string) {
  const value = text({ maxLength: 65_536, description: 'Value of the annotation.' })
  return mapOf(value, { maxProperties: 64, description })
}

/** An amount above zero as text: `512Mi`, `1.5G`, `100Gi`. */
export function size(description: string) {
  return textLike(/^(0\.[0-9]*[1-9][0-9]*|[1-9][0-9]*(\.[0-9]+)?)([kMGTPE]|[KMGTPE]i)?$/, {
    maxLength: 32,
    description,
  })
}

/** An amount of a resource: a number, or text with a unit. */
export function quantity(description: string): TUnsafe<string | number> {
  return Type.Unsafe<string | number>({
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    pattern: '^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$',
    maxLength: 32,
    description,
  })
}

/** A number, or a share such as `25%`. */
export function countOrPercentage(
  options: Description & { readonly default?: number | string },
): TUnsafe<string | number> {
  return Type.Unsafe<string | number>({
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    pattern: '^([0-9]|[1-9][0-9]|100)%$',
    minimum: 0,
    maxLength: 4,
    ...options,
  })
}

/** A number from 1 on, or `Auto`. */
export function countOrAuto(
  options: Description & { readonly maximum: number; readonly default: number | 'Auto' },
): TUnsafe<number | 'Auto'> {
  return Type.Unsafe<number | 'Auto'>({
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    pattern: '^Auto$',
    minimum: 1,
    maxLength: 4,
    ...options,
  })
}
