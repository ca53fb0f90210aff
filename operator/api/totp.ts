/** The second factor of a user as resources have it: its secret in a Secret. */
import { dataKey, objectName, wholeRecord } from './fields.ts'

export const totpSecretRef = wholeRecord(
  {
    name: objectName('Name of the Secret.'),
    key: dataKey({ default: 'totp', description: 'Key of the secret, in base32 as authenticator apps take it.' }),
  },
  {
    description:
      'Secret with the secret of one-time codes (TOTP: six digits, 30 seconds, SHA-1). A code is needed as well then: right behind the password, or by ACCT, which the client is asked for (332).',
  },
)
