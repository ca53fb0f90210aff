import { describe, expect, test } from 'vitest'
import { ftpServerDefinition, resourceSchema } from './ftp-server-definition.ts'
import type { JsonSchema } from './kubernetes-style.ts'
import { rules } from './rules.ts'

type Node = { readonly path: string; readonly schema: JsonSchema }

function nodes(path: string, schema: JsonSchema): Node[] {
  const { properties = {}, items, additionalProperties: values } = schema
  return [
    { path, schema },
    ...Object.entries(properties).flatMap(([key, child]) => nodes(path === '' ? key : `${path}.${key}`, child)),
    ...(items ? nodes(`${path}[]`, items) : []),
    ...(typeof values === 'object' ? nodes(`${path}{}`, values as JsonSchema) : []),
  ]
}

// What the API server itself defines is not described here.
const all = nodes('', resourceSchema()).filter(({ path }) => !path.startsWith('metadata'))
const pathsWhere = (holds: (schema: JsonSchema) => boolean) =>
  all.filter(({ schema }) => holds(schema)).map(node => node.path)

describe('every field', () => {
  test('has a description that ends as a sentence does', () => {
    expect(all.length).toBeGreaterThan(200)
    expect(pathsWhere(({ description = '' }) => !/^[A-Z`].*[.)]$/s.test(description))).toEqual([])
  })

  test('has a bound, if it is a list, a map or text', () => {
    const unbounded = pathsWhere(schema => {
      if (schema.type === 'array') return schema['maxItems'] === undefined
      if (schema.additionalProperties !== undefined) return schema['maxProperties'] === undefined
      return schema.type === 'string' && schema.enum === undefined && schema['maxLength'] === undefined
    })
    expect(unbounded.filter(path => path !== 'apiVersion' && path !== 'kind')).toEqual([])
  })

  test('has bounds, if it is a number', () => {
    const numbers = pathsWhere(({ type, minimum }) => type === 'integer' && minimum === undefined)
    expect(numbers).toEqual([])
  })

  test('has a list type, if it is a list', () => {
    expect(pathsWhere(schema => schema.type === 'array' && schema['x-kubernetes-list-type'] === undefined)).toEqual([])
  })

  test('is written as the Kubernetes API conventions want it', () => {
    const names = all.map(
      ({ path }) =>
        path
          .split('.')
          .at(-1)
          ?.replaceAll(/[^A-Za-z]/g, '') ?? '',
    )
    expect(names.filter(name => !/^([a-z][A-Za-z]*)?$/.test(name))).toEqual([])
    const words = all.flatMap(({ path, schema }) => (schema.enum ?? []).map(word => [path, word] as const))
    expect(words.filter(([, word]) => !/^[A-Z]/.test(word))).toEqual([])
    expect(pathsWhere(({ type }) => type === 'number')).toEqual([])
  })
})

test('every rule says what must or may not be, as a part of a sentence', () => {
  const list = Object.values(rules).flat()
  for (const { message } of list) expect(message).toMatch(/(^|` )(of a listener )?(must|may not) /)
  for (const { message } of list) expect(message).not.toMatch(/\.$/)
})

test('what has a default need not be written', () => {
  const wrong = pathsWhere(({ required = [], properties = {} }) =>
    required.some(key => properties[key]?.default !== undefined),
  )
  expect(wrong).toEqual([])
  expect(resourceSchema().properties?.['spec']?.required).toEqual(['storage'])
})

test('the definition has one version, with status and scale', () => {
  const { metadata, spec } = ftpServerDefinition()
  expect(metadata.name).toBe('ftpservers.ftp-operator.io')
  expect(spec.versions.map(({ name, served, storage }) => ({ name, served, storage }))).toEqual([
    { name: 'v1alpha1', served: true, storage: true },
  ])
  expect(Object.keys(spec.versions[0]?.subresources ?? {})).toEqual(['status', 'scale'])
})

test('it is small enough for kubectl apply, which keeps it in an annotation', () => {
  expect(JSON.stringify(ftpServerDefinition()).length).toBeLessThan(200_000)
})
