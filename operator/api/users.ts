/** Who may log in. */
import { Type } from 'typebox'
import { userSchema } from '../../server/config/schema/user.ts'
import { serverSchema } from '../../server/config/schema.ts'
import { dataKey, list, listByKey, objectName, record, wholeRecord } from './fields.ts'
import { kubernetesStyle } from './kubernetes-style.ts'
import { passwordSecretRef, previousPassword } from './passwords.ts'
import { labelSelector } from './scheduling.ts'
import { totpSecretRef } from './totp.ts'

const { name, passwordHash, passwordFile: _, previousPassword: __, totp: ___, ...rest } = userSchema.properties
/** What is said of a user beside the name and the password. */
export const userSettings = rest

const user = kubernetesStyle(
  record(
    {
      name,
      passwordHash,
      passwordSecretRef: Type.Optional(passwordSecretRef),
      previousPassword: Type.Optional(previousPassword),
      totpSecretRef: Type.Optional(totpSecretRef),
      ...userSettings,
    },
    {
      description:
        'A user. One of `passwordHash` and `passwordSecretRef`, or `clientCertificate`, says how the user logs in; with both, both are needed.',
    },
  ),
)

export const users = listByKey('name', user, {
  maxItems: 256,
  default: [],
  description: 'Users. They come before users of the same name in `usersFrom`.',
})

const reference = (kind: string) =>
  wholeRecord(
    {
      name: objectName(`Name of the ${kind}.`),
      key: Type.Optional(
        dataKey({ description: 'The only key to read; all keys with a known ending are read if absent.' }),
      ),
    },
    { description: `A ${kind} with lists of users.` },
  )

export const usersFrom = list(
  record(
    {
      secretRef: Type.Optional(reference('Secret')),
      configMapRef: Type.Optional(reference('ConfigMap')),
      secretSelector: Type.Optional(labelSelector('All Secrets with these labels.')),
      configMapSelector: Type.Optional(labelSelector('All ConfigMaps with these labels.')),
    },
    {
      description:
        'A source: exactly one of `secretRef`, `configMapRef`, `secretSelector` and `configMapSelector`, in the namespace of the server.',
    },
  ),
  {
    maxItems: 64,
    default: [],
    description:
      'Lists of users in Secrets and ConfigMaps: keys that end in `.yaml`, `.yml`, `.json` or `.htpasswd`. Changes are in force in seconds, without a restart.',
  },
)

export const anonymous = kubernetesStyle(serverSchema.properties.anonymous)
