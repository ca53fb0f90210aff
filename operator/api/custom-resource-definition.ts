/** The CustomResourceDefinition of FtpServer. */
import { ftpServerSchema, group, kind, plural, version } from './ftp-server.ts'
import { type JsonSchema, jsonSchema } from './kubernetes-style.ts'
import { rules } from './rules.ts'
import { structuralSchema } from './structural.ts'

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

export function customResourceDefinition(): CustomResourceDefinition {
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
        shortNames: ['ftp'],
        categories: ['ftp-operator'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: printerColumns,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
          schema: { openAPIV3Schema: resourceSchema() },
        },
      ],
    },
  }
}

/** The structural schema of the whole resource. What the API server checks by itself (kind, metadata) is only named. */
export function resourceSchema(): JsonSchema {
  const { spec, status } = ftpServerSchema.properties
  const named = (type: string, description: string) => ({ type, description })
  return structuralSchema(
    {
      type: 'object',
      description: 'An FTP and FTPS server: how it is reached, where its files are, and who may do what.',
      required: ['spec'],
      properties: {
        apiVersion: named('string', 'Group and version of the API.'),
        kind: named('string', 'Kind of the resource.'),
        metadata: { type: 'object', properties: { name: { type: 'string', ...resourceName } } },
        spec: jsonSchema(spec),
        status: jsonSchema(status),
      },
    },
    { rules, listKeys: { 'spec.users[].paths': ['path'], 'spec.users[].folders': ['path'] } },
  )
}

/**
 * The Service has the name of the resource, which must be a label that begins with a letter (RFC 1035). The longest
 * name of an object made for a server has 11 characters more, and 63 are the most that a label’s value holds.
 */
const resourceName = { maxLength: 52, pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$' }

const conditionIs = (type: string, field: string) => `.status.conditions[?(@.type=="${type}")].${field}`

const printerColumns: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: conditionIs('Ready', 'status'),
    description: 'Whether everything is as it is wanted.',
  },
  { name: 'Address', type: 'string', jsonPath: '.status.address', description: 'Where clients find the server.' },
  { name: 'Replicas', type: 'integer', jsonPath: '.status.readyReplicas', description: 'Replicas that are ready.' },
  { name: 'Users', type: 'integer', jsonPath: '.status.users.accepted', description: 'Users that can log in.' },
  {
    name: 'TLS',
    type: 'string',
    jsonPath: conditionIs('CertificateReady', 'reason'),
    description: 'State of the certificate.',
  },
  {
    name: 'Expires',
    // As text: kubectl shows a date as the time since then, and one to come as invalid.
    type: 'string',
    jsonPath: '.status.tls.notAfter',
    description: 'When the certificate expires.',
    priority: 1,
  },
  {
    name: 'Passive',
    type: 'string',
    jsonPath: '.status.passive.ports',
    description: 'Passive ports of all replicas.',
    priority: 1,
  },
  {
    name: 'Status',
    type: 'string',
    jsonPath: conditionIs('Ready', 'message'),
    description: 'What is the matter, if anything is.',
    priority: 1,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was made.' },
]
