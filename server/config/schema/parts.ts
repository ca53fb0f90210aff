/** What the schema is put together from: closed objects, ports, times, networks, paths. */
import { type TEnum, type TSchema, Type } from 'typebox'

/** A closed object: an unknown key is an error. */
export function record<Properties extends Record<string, TSchema>>(
  properties: Properties,
  options: { description: string; default?: unknown },
) {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

export function oneOf<const Value extends string>(
  values: readonly Value[],
  options: { description: string; default?: Value },
): TEnum<Value[]> {
  return Type.Enum([...values], { type: 'string', ...options })
}

export const port = (description: string, options: { default?: number } = {}) =>
  Type.Integer({ minimum: 1, maximum: 65535, description, ...options })
export const seconds = (description: string, options: { default: number; minimum?: number; maximum?: number }) =>
  Type.Integer({ minimum: 1, maximum: 86_400, ...options, description: `${description} In seconds.` })
export const network = Type.String({
  format: 'network',
  maxLength: 64,
  description: 'An IPv4 or IPv6 network in CIDR notation, or one address.',
})
export const networks = (description: string) => Type.Array(network, { maxItems: 256, description })

/** An absolute path as FTP clients see it, below the user's or the server's root. */
export const virtualPath = (description: string, options: { default?: string } = {}) =>
  Type.String({ format: 'virtual-path', maxLength: 4096, description, ...options })
