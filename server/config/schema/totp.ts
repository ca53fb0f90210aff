/** A second factor: one-time codes by the clock (RFC 6238). */
import { Type } from 'typebox'
import { record } from './parts.ts'

export const totp = record(
  {
    secret: Type.Optional(
      Type.String({
        format: 'totp-secret',
        maxLength: 512,
        description: 'The secret, in base32 as authenticator apps take it. Anyone who reads it can make codes.',
      }),
    ),
    secretFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          'File with the secret, such as a mounted secret; relative to the list’s directory unless absolute.',
      }),
    ),
  },
  {
    description:
      'A code of an authenticator app is needed as well (TOTP: six digits, 30 seconds, SHA-1): right behind the password, or by ACCT, which the client is asked for (332). Exactly one of its fields.',
  },
)
