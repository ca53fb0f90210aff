/** The schemas as functions. In a bundle this file is their code, made when it is built (tools/compiled-schemas.ts): to compile them takes longer than all else at the start. */
import { Ajv, type ValidateFunction } from 'ajv'
import { type CheckedSchema, checkedSchemas, compilerOptions } from './checked-schemas.ts'

const compiler = new Ajv(compilerOptions)

/** Each fills in the defaults, in the value itself, and leaves its errors in itself. */
export const schemaChecks: Readonly<Record<CheckedSchema, ValidateFunction>> = {
  server: compiler.compile(checkedSchemas.server),
  user: compiler.compile(checkedSchemas.user),
  userList: compiler.compile(checkedSchemas.userList),
  removedHomes: compiler.compile(checkedSchemas.removedHomes),
}
