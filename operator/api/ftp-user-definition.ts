/** The CustomResourceDefinition of FtpUser. */
import type { CustomResourceDefinition, PrinterColumn } from './custom-resource-definition.ts'
import { ftpUserKind, ftpUserPlural, ftpUserResourceKind, ftpUserSpecSchema } from './ftp-user.ts'
import { ftpUserRules } from './ftp-user-rules.ts'
import { ftpUserStatusSchema } from './ftp-user-status.ts'
import { type JsonSchema, jsonSchema } from './kubernetes-style.ts'
import { structuralSchema } from './structural.ts'

export function ftpUserDefinition(): CustomResourceDefinition {
  const { group, version } = ftpUserResourceKind
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${ftpUserPlural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind: ftpUserKind,
        listKind: `${ftpUserKind}List`,
        plural: ftpUserPlural,
        singular: ftpUserKind.toLowerCase(),
        shortNames: ['ftpu'],
        categories: ['ftp-operator'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: printerColumns,
          subresources: { status: {} },
          schema: { openAPIV3Schema: ftpUserSchema() },
        },
      ],
    },
  }
}

/** The structural schema of the whole resource. */
export function ftpUserSchema(): JsonSchema {
  const named = (type: string, description: string) => ({ type, description })
  return structuralSchema(
    {
      type: 'object',
      description: 'A user of one or several FtpServers.',
      required: ['spec'],
      properties: {
        apiVersion: named('string', 'Group and version of the API.'),
        kind: named('string', 'Kind of the resource.'),
        // Labels have it as a value.
        metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 63 } } },
        spec: jsonSchema(ftpUserSpecSchema),
        status: jsonSchema(ftpUserStatusSchema),
      },
    },
    { rules: ftpUserRules, listKeys: { 'spec.paths': ['path'], 'spec.folders': ['path'] } },
  )
}

const readyIs = (field: string) => `.status.conditions[?(@.type=="Ready")].${field}`

const printerColumns: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: readyIs('status'),
    description: 'Whether the user is in force at all its servers.',
  },
  { name: 'Username', type: 'string', jsonPath: '.status.username', description: 'The name to log in with.' },
  { name: 'Server', type: 'string', jsonPath: '.spec.serverRefs[0].name', description: 'The first of its servers.' },
  { name: 'Reason', type: 'string', jsonPath: readyIs('reason'), description: 'Why, in a word.' },
  { name: 'Home', type: 'string', jsonPath: '.spec.home', description: 'Directory that the user sees.', priority: 1 },
  { name: 'Expires', type: 'string', jsonPath: '.spec.expires', description: 'When the user expires.', priority: 1 },
  {
    name: 'Status',
    type: 'string',
    jsonPath: readyIs('message'),
    description: 'What is the matter, if anything is.',
    priority: 1,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was made.' },
]
