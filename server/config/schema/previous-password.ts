/** A password that is on its way out: it counts beside the new one until a moment. Rules over several fields are in rules.ts. */
import { Type } from 'typebox'
import { record } from './parts.ts'

export const previousPassword = record(
  {
    passwordHash: Type.Optional(
      Type.String({ format: 'password-hash', maxLength: 512, description: 'Hash of the previous password.' }),
    ),
    passwordFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'File with the previous password or its hash; relative to the list’s directory unless absolute.',
      }),
    ),
    expires: Type.String({
      format: 'timestamp',
      description: 'When it stops to count: a date, or a date and time with zone (RFC 3339). Running sessions go on.',
    }),
  },
  {
    description:
      'The password before this one, which counts as well until it expires, so that clients can change over one by one. Exactly one of `passwordHash` and `passwordFile`.',
  },
)
