/** The reference of the configuration, made from its schema: a page, and JSON Schemas for editors. */
import { permissionWords, roles } from '../server/config/schema/permissions.ts'
import { userListSchema, userSchema } from '../server/config/schema/user.ts'
import { serverSchema } from '../server/config/schema.ts'
import { jsonSchemaOf, type Schema, withOptionalDefaults } from './json-schema.ts'
import { code, escapeCell, table } from './markdown.ts'

export function configurationPage(): string {
  return [
    '# Configuration',
    'The configuration is a directory: `server.yaml`, any number of user lists below `users/`, and `tls/` with the certificate. JSON is YAML too. Unknown keys are errors. The schemas are also there for editors: [server.schema.json](server.schema.json) and [users.schema.json](users.schema.json).',
    '## server.yaml',
    keys(jsonSchemaOf(serverSchema)),
    '## users/*.yaml',
    'Each file holds a list of users under the key `users`. The keys of a user:',
    keys(jsonSchemaOf(userSchema)),
    '## Permissions and roles',
    'A role is a name for a set of permissions:',
    table(
      ['permission', ...Object.keys(roles).map(code)],
      permissionWords.map(word => [
        code(word),
        ...Object.values(roles).map((words: readonly string[]) => (words.includes(word) ? 'yes' : '')),
      ]),
    ),
  ].join('\n\n')
}

export function serverJsonSchema(): string {
  return editorSchema('Configuration of an FTP server', jsonSchemaOf(serverSchema))
}

export function usersJsonSchema(): string {
  return editorSchema('Users of an FTP server', jsonSchemaOf(userListSchema))
}

function keys(schema: Schema): string {
  return table(
    ['key', 'type', 'default', 'meaning'],
    rows('', schema).map(({ key, type, fallback, meaning }) => [code(key), type, fallback, escapeCell(meaning)]),
  )
}

type Row = { readonly key: string; readonly type: string; readonly fallback: string; readonly meaning: string }

/** One row a key, and below it those of what it holds. */
function rows(prefix: string, schema: Schema): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const key = `${prefix}${name}`
    const row = {
      key,
      type: typeOf(value),
      fallback: fallbackOf(value, schema.required?.includes(name) ?? false),
      meaning: value.description ?? '',
    }
    const inner = value.items?.properties ? rows(`${key}[].`, value.items) : rows(`${key}.`, value)
    return [row, ...inner]
  })
}

function typeOf(schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(', or ')
  if (schema.items) return `list of ${typeOf(schema.items)}`
  if (schema.enum) return schema.enum.map(code).join(', ')
  if (schema.type === 'integer') return `integer, ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'object') return 'object'
  return schema.format?.replaceAll('-', ' ') ?? schema.type ?? ''
}

function fallbackOf({ default: value }: Schema, required: boolean): string {
  if (value === undefined) return required ? 'required' : ''
  // An object whose parts have defaults of their own.
  if (JSON.stringify(value) === '{}') return ''
  return code(typeof value === 'string' ? value : JSON.stringify(value))
}

function editorSchema(title: string, schema: Schema): string {
  const document = { $schema: 'http://json-schema.org/draft-07/schema#', title, ...withOptionalDefaults(schema) }
  return `${JSON.stringify(document, undefined, 2)}\n`
}
