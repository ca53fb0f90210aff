/** Schemas as JSON: what the generated files are made from. */

/** The part of JSON Schema that our schemas use. */
export type Schema = {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly required?: readonly string[] | undefined
  readonly [keyword: string]: unknown
}

/** A schema of TypeBox is JSON Schema. */
export function jsonSchemaOf(schema: object): Schema {
  return schema as Schema
}

/** What has a default is required of the program’s values, not of what people write. */
export function withOptionalDefaults({ properties, required, items, ...rest }: Schema): Schema {
  const written = required?.filter(name => properties?.[name]?.default === undefined) ?? []
  const entries = Object.entries(properties ?? {}).map(([name, value]) => [name, withOptionalDefaults(value)] as const)
  return {
    ...rest,
    ...(items && { items: withOptionalDefaults(items) }),
    ...(properties && { properties: Object.fromEntries(entries) }),
    ...(written.length > 0 && { required: written }),
  }
}
