/** What is made from the schemas of the resources: CustomResourceDefinitions as YAML, and the pages of their reference. */
import { stringify } from 'yaml'
import type { CustomResourceDefinition } from '../operator/api/custom-resource-definition.ts'
import { ftpServerDefinition } from '../operator/api/ftp-server-definition.ts'
import { ftpUserDefinition } from '../operator/api/ftp-user-definition.ts'
import type { JsonSchema } from '../operator/api/kubernetes-style.ts'
import type { Rule } from '../operator/api/rule.ts'
import { code, escapeCell, table } from './markdown.ts'

export type CustomResource = {
  readonly definition: CustomResourceDefinition
  /** What must be written, in words. */
  readonly least: string
}

export const customResources: readonly CustomResource[] = [
  { definition: ftpServerDefinition(), least: 'Only `spec.storage` must be written.' },
  {
    definition: ftpUserDefinition(),
    least: 'Only `spec.serverRefs` and one way to log in must be written.',
  },
]

/** After the convention of controller-gen: the group, and the plural of the kind. */
export function customResourceFile({ definition: { spec } }: CustomResource): string {
  return `${spec.group}_${String(spec.names['plural'])}.yaml`
}

export function customResourceYaml({ definition }: CustomResource): string {
  // kubectl reads YAML 1.1, in which words such as `on` are booleans.
  return stringify(definition, { version: '1.1', lineWidth: 120, aliasDuplicateObjects: false })
}

export function customResourcePage({ definition: { spec }, least }: CustomResource): string {
  const { kind, singular, shortNames } = spec.names
  return [
    `# ${String(kind)}`,
    ...spec.versions.flatMap(({ name: version, schema: { openAPIV3Schema: schema } }) => [
      `${schema.description ?? ''} \`apiVersion: ${spec.group}/${version}\`, short name \`${String(shortNames)}\`. ${least} Unknown fields and wrong values are refused by the API server. \`kubectl explain ${String(singular)}.spec\` says the same as this page.`,
      nameNote(schema.properties?.['metadata']?.properties?.['name']),
      ...['spec', 'status'].flatMap(part => sections(part, schema.properties?.[part] ?? {})),
    ]),
  ].join('\n\n')
}

function nameNote({ maxLength, pattern }: JsonSchema = {}): string {
  const letters = pattern === undefined ? '' : ': lower-case letters, digits and `-`, starting with a letter'
  return `\`metadata.name\` has at most ${String(maxLength)} characters${letters}.`
}

type Field = { readonly path: string; readonly schema: JsonSchema; readonly required: boolean }

/** A section for what is directly in `spec` or `status`, and one for each of its fields that has fields of its own. */
function sections(name: string, schema: JsonSchema): string[] {
  const direct = fieldsOf(name, schema)
  const deep = direct.filter(field => allBelow(field).length > 0)
  return [
    `## ${name}`,
    fieldTable(direct, `${name}.`),
    ...ruleList([{ path: name, schema, required: true }]),
    ...deep.flatMap(field => [
      `### ${field.path}`,
      field.schema.description ?? '',
      fieldTable(allBelow(field), `${field.path}${field.schema.items ? '[]' : ''}.`),
      ...ruleList([field, ...allBelow(field)]),
    ]),
  ]
}

function fieldsOf(path: string, { properties = {}, required = [] }: JsonSchema): Field[] {
  return Object.entries(properties).map(([key, schema]) => ({
    path: `${path}.${key}`,
    schema,
    required: required.includes(key),
  }))
}

function allBelow({ path, schema }: Field): Field[] {
  const direct = schema.items ? fieldsOf(`${path}[]`, schema.items) : fieldsOf(path, schema)
  return direct.flatMap(field => [field, ...allBelow(field)])
}

function fieldTable(fields: readonly Field[], prefix: string): string {
  return table(
    ['field', 'type', 'default', 'meaning'],
    fields.map(({ path, schema, required }) => [
      code(path.slice(prefix.length)),
      typeOf(schema),
      fallbackOf(schema, required),
      escapeCell(schema.description ?? ''),
    ]),
  )
}

function ruleList(fields: readonly Field[]): string[] {
  const lines = fields.flatMap(({ path, schema: { items, ...schema } }) => [
    ...rulesOf(schema).map(rule => ruleLine(path, rule)),
    ...rulesOf(items ?? {}).map(rule => ruleLine(`${path}[]`, rule)),
  ])
  return lines.length > 0 ? ['Rules:', lines.join('\n')] : []
}

function rulesOf(schema: JsonSchema): readonly Rule[] {
  return (schema['x-kubernetes-validations'] ?? []) as readonly Rule[]
}

function ruleLine(path: string, { fieldPath = '', message }: Rule): string {
  return `- ${code(`${path}${fieldPath}`)} ${message}.`
}

function typeOf(schema: JsonSchema): string {
  const { items, additionalProperties: values, minimum, maximum, maxLength } = schema
  const upTo = (amount: number | undefined, unit: string) => (amount === undefined ? '' : `, up to ${amount}${unit}`)
  if (items) {
    const kind = schema['x-kubernetes-list-type'] === 'set' ? 'set' : 'list'
    return `${kind} of ${items.properties ? 'objects' : typeOf(items)}${upTo(schema.maxItems, ' entries')}`
  }
  if (schema.enum) return schema.enum.map(code).join(', ')
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or text'
  if (schema.type === 'integer') return ['integer', ...bounds(minimum, maximum)].join(', ')
  if (typeof values === 'object') return `map to ${typeOf(values as JsonSchema)}`
  if (schema.type === 'string')
    return `text${schema.format === undefined ? upTo(maxLength, ' characters') : ' (RFC 3339)'}`
  return schema.type ?? ''
}

function bounds(least: number | undefined, most: number | undefined): string[] {
  if (least === undefined) return most === undefined ? [] : [`at most ${most}`]
  return [most === undefined ? `at least ${least}` : `${least} to ${most}`]
}

function fallbackOf(schema: JsonSchema, required: boolean): string {
  if (schema.default === undefined) return required ? 'required' : ''
  // An object whose parts have defaults of their own.
  if (schema.properties) return ''
  return code(typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default))
}
