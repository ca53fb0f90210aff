/** The CustomResourceDefinition of FtpUser. */
import {
  type CustomResourceDefinition,
  commonProperties,
  conditionField,
  definitionOf,
  type PrinterColumn,
} from './custom-resource-definition.ts'
import { ftpUserResourceKind, ftpUserSpecSchema } from './ftp-user.ts'
import { ftpUserRules } from './ftp-user-rules.ts'
import { ftpUserStatusSchema } from './ftp-user-status.ts'
import { type JsonSchema, jsonSchema } from './kubernetes-style.ts'
import { structuralSchema } from './structural.ts'

export function ftpUserDefinition(): CustomResourceDefinition {
  return definitionOf({
    resource: ftpUserResourceKind,
    shortName: 'ftpu',
    columns: printerColumns,
    subresources: { status: {} },
    schema: ftpUserSchema(),
  })
}

/** The structural schema of the whole resource. */
export function ftpUserSchema(): JsonSchema {
  return structuralSchema(
    {
      type: 'object',
      description: 'A user of one or several FtpServers.',
      required: ['spec'],
      properties: {
        // Labels have it as a value.
        ...commonProperties({ maxLength: 63 }),
        spec: jsonSchema(ftpUserSpecSchema),
        status: jsonSchema(ftpUserStatusSchema),
      },
    },
    { rules: ftpUserRules, listKeys: { 'spec.paths': ['path'], 'spec.folders': ['path'] } },
  )
}

const printerColumns: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: conditionField('Ready', 'status'),
    description: 'Whether the user is in force at all its servers.',
  },
  { name: 'Username', type: 'string', jsonPath: '.status.username', description: 'The name to log in with.' },
  { name: 'Server', type: 'string', jsonPath: '.spec.serverRefs[0].name', description: 'The first of its servers.' },
  { name: 'Reason', type: 'string', jsonPath: conditionField('Ready', 'reason'), description: 'Why, in a word.' },
  { name: 'Home', type: 'string', jsonPath: '.spec.home', description: 'Directory that the user sees.', priority: 1 },
  { name: 'Expires', type: 'string', jsonPath: '.spec.expires', description: 'When the user expires.', priority: 1 },
  {
    name: 'Status',
    type: 'string',
    jsonPath: conditionField('Ready', 'message'),
    description: 'What is the matter, if anything is.',
    priority: 1,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was made.' },
]
