/** The CustomResourceDefinition of FtpServer. */
import {
  type CustomResourceDefinition,
  commonProperties,
  conditionField,
  definitionOf,
  type PrinterColumn,
} from './custom-resource-definition.ts'
import { ftpServerSchema, resourceKind } from './ftp-server.ts'
import { type JsonSchema, jsonSchema } from './kubernetes-style.ts'
import { rules } from './rules.ts'
import { structuralSchema } from './structural.ts'

export function ftpServerDefinition(): CustomResourceDefinition {
  return definitionOf({
    resource: resourceKind,
    shortName: 'ftp',
    columns: printerColumns,
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.replicas',
        statusReplicasPath: '.status.replicas',
        labelSelectorPath: '.status.selector',
      },
    },
    schema: resourceSchema(),
  })
}

/** The structural schema of the whole resource. */
export function resourceSchema(): JsonSchema {
  const { spec, status } = ftpServerSchema.properties
  return structuralSchema(
    {
      type: 'object',
      description: 'An FTP and FTPS server: how it is reached, where its files are, and who may do what.',
      required: ['spec'],
      properties: {
        ...commonProperties(resourceName),
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

const printerColumns: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: conditionField('Ready', 'status'),
    description: 'Whether everything is as it is wanted.',
  },
  { name: 'Address', type: 'string', jsonPath: '.status.address', description: 'Where clients find the server.' },
  { name: 'Replicas', type: 'integer', jsonPath: '.status.readyReplicas', description: 'Replicas that are ready.' },
  { name: 'Users', type: 'integer', jsonPath: '.status.users.accepted', description: 'Users that can log in.' },
  {
    name: 'TLS',
    type: 'string',
    jsonPath: conditionField('CertificateReady', 'reason'),
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
    jsonPath: conditionField('Ready', 'message'),
    description: 'What is the matter, if anything is.',
    priority: 1,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was made.' },
]
