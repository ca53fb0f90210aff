/** The resource FtpUser: one user of one or several servers. */
import { type Static, Type } from 'typebox'
import { userSchema } from '../../server/config/schema/user.ts'
import { list, objectName, oneOf, record, text, textLike, whole, wholeRecord } from './fields.ts'
import type { FtpServer, Metadata } from './ftp-server.ts'
import type { ftpUserStatusSchema } from './ftp-user-status.ts'
import { kubernetesStyle } from './kubernetes-style.ts'
import { passwordSecretRef, previousPassword } from './passwords.ts'
import { totpSecretRef } from './totp.ts'
import { userSettings } from './users.ts'

export const ftpUserKind = 'FtpUser'
const ftpUserPlural = 'ftpusers'
/** Where the API server serves it. */
export const ftpUserResourceKind = {
  group: 'ftp-operator.io',
  version: 'v1alpha1',
  plural: ftpUserPlural,
  kind: ftpUserKind,
  namespaced: true,
} as const

const serverRef = wholeRecord(
  {
    name: objectName('Name of the FtpServer.'),
    namespace: Type.Optional(
      textLike(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, {
        maxLength: 63,
        description: 'Its namespace; that of this resource if absent. Another one takes the user if it says so.',
      }),
    ),
  },
  { description: 'A server.' },
)

const generatedPassword = record(
  {
    length: whole({ minimum: 16, maximum: 128, default: 32, description: 'Characters of the password.' }),
    revision: text({
      maxLength: 64,
      default: '',
      description: 'Any text. A new one makes a new password at once.',
    }),
    overlapSeconds: whole({
      minimum: 0,
      maximum: 31_536_000,
      default: 86_400,
      description: 'How long the password before a new one counts as well. In seconds.',
    }),
    rotateAfterSeconds: Type.Optional(
      whole({
        minimum: 60,
        maximum: 315_360_000,
        description:
          'A new password is made when the last one is so old; not below `overlapSeconds`. It stays if absent. In seconds.',
      }),
    ),
  },
  {
    description:
      'A password that the operator makes, in a Secret of its own that is named after this resource with `-ftp-user` at its end.',
  },
)

export const ftpUserSpecSchema = kubernetesStyle(
  record(
    {
      serverRefs: list(serverRef, {
        minItems: 1,
        maxItems: 16,
        description: 'Servers that the user is for. Each must allow it by its `allowedUsers`.',
      }),
      username: Type.Optional(
        Type.String({
          format: 'user-name',
          description:
            'The name to log in with: 1 to 64 letters, digits and `. _ @ + -`, starting with a letter, digit or `_`. The name of this resource if absent. Can’t be changed.',
        }),
      ),
      passwordHash: userSchema.properties.passwordHash,
      passwordSecretRef: Type.Optional(passwordSecretRef),
      generatedPassword: Type.Optional(generatedPassword),
      previousPassword: Type.Optional(previousPassword),
      totpSecretRef: Type.Optional(totpSecretRef),
      ...userSettings,
      reclaimPolicy: oneOf(['Retain', 'Delete'], {
        default: 'Retain',
        description:
          'What becomes of the home when this resource is deleted. `Retain`: it stays with its files. `Delete`: the servers remove it with all that is in it, unless somebody else has it or something in it; the resource is there until they have.',
      }),
    },
    {
      description:
        'A user of one or several servers. One of `passwordHash`, `passwordSecretRef` and `generatedPassword`, or `clientCertificate`, says how the user logs in; with both, both are needed.',
    },
  ),
)

/** What is wanted, as the API server gives it back: with all defaults. */
export type FtpUserSpec = Static<typeof ftpUserSpecSchema>
export type FtpUserStatus = Static<typeof ftpUserStatusSchema>

export type FtpUser = {
  readonly apiVersion: FtpServer['apiVersion']
  readonly kind: typeof ftpUserKind
  readonly metadata: Metadata
  readonly spec: FtpUserSpec
  readonly status?: FtpUserStatus
}

/** The name to log in with. */
export function usernameOf({ metadata, spec }: FtpUser): string {
  return spec.username ?? metadata.name
}
