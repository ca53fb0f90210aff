/** Passwords of users as resources have them: by hash, or in a Secret. */
import { Type } from 'typebox'
import { previousPassword as serverPreviousPassword } from '../../server/config/schema/previous-password.ts'
import { dataKey, objectName, record, wholeRecord } from './fields.ts'

export const passwordSecretRef = wholeRecord(
  {
    name: objectName('Name of the Secret.'),
    key: dataKey({ default: 'password', description: 'Key of the password, or of its hash, in the Secret.' }),
  },
  { description: 'Secret with the password or its hash.' },
)

const { passwordHash, expires } = serverPreviousPassword.properties

export const previousPassword = record(
  { passwordHash, passwordSecretRef: Type.Optional(passwordSecretRef), expires },
  {
    description:
      'The password before this one, which counts as well until it expires, so that clients can change over one by one. Exactly one of `passwordHash` and `passwordSecretRef`.',
  },
)
