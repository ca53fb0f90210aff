/** What the definitions of both resources have in common, as the API server takes them. */
import type { ResourceKind } from '../kubernetes/object.ts'
import type { JsonSchema } from './kubernetes-style.ts'

export type CustomResourceDefinition = {
  readonly apiVersion: 'apiextensions.k8s.io/v1'
  readonly kind: 'CustomResourceDefinition'
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly scope: 'Namespaced'
    readonly names: Readonly<Record<string, string | readonly string[]>>
    readonly versions: readonly CustomResourceVersion[]
  }
}

export type CustomResourceVersion = {
  readonly name: string
  readonly served: boolean
  readonly storage: boolean
  readonly additionalPrinterColumns: readonly PrinterColumn[]
  readonly subresources: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly schema: { readonly openAPIV3Schema: JsonSchema }
}

export type PrinterColumn = {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date'
  readonly jsonPath: string
  readonly description: string
  readonly priority?: 1
}

/** What one resource has of its own. */
export type Definition = {
  readonly resource: ResourceKind
  readonly shortName: string
  readonly columns: readonly PrinterColumn[]
  readonly subresources: CustomResourceVersion['subresources']
  readonly schema: JsonSchema
}

export function definitionOf({
  resource,
  shortName,
  columns,
  subresources,
  schema,
}: Definition): CustomResourceDefinition {
  const { group, version, kind, plural } = resource
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['ftp-operator'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          subresources,
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  }
}

/** Fields that every resource has. What the API server checks by itself (kind, metadata) is only named. */
export function commonProperties(name: JsonSchema): Readonly<Record<string, JsonSchema>> {
  const named = (description: string): JsonSchema => ({ type: 'string', description })
  return {
    apiVersion: named('Group and version of the API.'),
    kind: named('Kind of the resource.'),
    metadata: { type: 'object', properties: { name: { type: 'string', ...name } } },
  }
}

/** A field of one of its conditions, for a column. */
export function conditionField(type: string, field: string): string {
  return `.status.conditions[?(@.type=="${type}")].${field}`
}
