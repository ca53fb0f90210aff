/** The schemas that files are checked against. */
import type { Options } from 'ajv'
import { formatChecks } from './formats.ts'
import { removedHomesSchema } from './schema/removed-homes.ts'
import { userListSchema, userSchema } from './schema/user.ts'
import { serverSchema } from './schema.ts'

/** Of a list of users all but its entries. */
export const checkedSchemas = {
  server: serverSchema,
  user: userSchema,
  userList: { ...userListSchema, properties: { users: { ...userListSchema.properties.users, items: {} } } },
  removedHomes: removedHomesSchema,
} as const

export type CheckedSchema = keyof typeof checkedSchemas

/** How they are compiled, wherever that is. */
export const compilerOptions: Options = {
  strict: true,
  allErrors: true,
  useDefaults: true,
  verbose: true,
  formats: formatChecks,
}
