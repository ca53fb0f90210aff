/** The values of a chart for people: `values.yaml`, and the table in its README. */
import { stringify } from 'yaml'
import { jsonSchemaOf, type Schema } from './json-schema.ts'
import { code, escapeCell, table } from './markdown.ts'

/** Every value with its default, below what it means. */
export function valuesYaml(values: object): string {
  return `${block(jsonSchemaOf(values), '').join('\n').trimEnd()}\n`
}

export function valuesTable(values: object): string {
  return table(['value', 'default', 'meaning'], rows(jsonSchemaOf(values), ''))
}

const lineWidth = 110

function block({ properties = {}, required = [] }: Schema, indent: string): string[] {
  return shown(properties).flatMap(([name, schema]) => {
    const comment = wrap(schema.description ?? '', lineWidth - indent.length).map(line => `${indent}# ${line}`)
    const gap = indent === '' ? [''] : []
    if (isGroup(schema)) return [...comment, `${indent}${name}:`, ...block(schema, `${indent}  `), ...gap]
    if (!required.includes(name)) return [...comment, `${indent}# ${name}:`, ...gap]
    // Helm reads YAML 1.1.
    const value = stringify({ [name]: schema.default }, { version: '1.1', lineWidth: 0 }).trimEnd()
    return [...comment, ...value.split('\n').map(line => `${indent}${line}`), ...gap]
  })
}

function rows({ properties = {}, required = [] }: Schema, prefix: string): string[][] {
  return shown(properties).flatMap(([name, schema]) => {
    if (isGroup(schema)) return rows(schema, `${prefix}${name}.`)
    const fallback = required.includes(name) ? code(JSON.stringify(schema.default)) : ''
    return [[code(`${prefix}${name}`), fallback, escapeCell(schema.description ?? '')]]
  })
}

/** What a parent chart sets is nobody's to write here. */
function shown(properties: Readonly<Record<string, Schema>>): [string, Schema][] {
  return Object.entries(properties).filter(([name]) => name !== 'global')
}

/** An object whose parts have defaults of their own, rather than one as a whole. */
function isGroup({ properties, default: value }: Schema): boolean {
  return properties !== undefined && value === undefined
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width - 2) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
