/** `values.schema.json` of the charts, by which Helm checks values before it renders anything. */
import { structuralFormats } from '../operator/api/formats.ts'
import { jsonSchemaOf, type Schema } from './json-schema.ts'

/** Throws where the schema has a format that has no pattern. */
export function valuesJsonSchema(values: object): string {
  const document = { $schema: 'http://json-schema.org/draft-07/schema#', ...forHelm(jsonSchemaOf(values)) }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

/** Helm passes over formats that it doesn't know: they become patterns. Keywords of Kubernetes mean nothing to it. */
function forHelm({ properties, items, additionalProperties, format, ...rest }: Schema): Schema {
  const own = Object.entries(rest).filter(([keyword]) => !keyword.startsWith('x-kubernetes-'))
  return {
    ...Object.fromEntries(own),
    ...(format !== undefined && pattern(format)),
    ...(items && { items: forHelm(items) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, forHelm(value)])),
    }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'object' ? forHelm(additionalProperties) : additionalProperties,
    }),
  }
}

// What the API server judges by more than a pattern; the server itself looks closer.
const roughPatterns: Readonly<Record<string, string>> = {
  ip: '^[0-9a-fA-F.:]+$',
  network: '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$',
  'advertised-address': '^[A-Za-z0-9.-]+$',
  'totp-secret': '^[A-Za-z2-7 -]+=*$',
  'password-hash': '^[$][a-z0-9-]+[$].+$',
}

function pattern(format: string): Schema {
  const rough = roughPatterns[format]
  if (rough !== undefined) return { pattern: rough }
  const known = structuralFormats[format]
  if (known?.pattern === undefined) throw new Error(`the format ${format} has no pattern`)
  return { maxLength: known.maxLength, pattern: known.pattern }
}
