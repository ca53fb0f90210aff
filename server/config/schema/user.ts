/** One user of a list, and the list. Rules over several fields are in users.ts. */
import { type Static, Type } from 'typebox'
import { userBandwidth } from './bandwidth.ts'
import { quotaLimits } from './files.ts'
import { userFolders } from './folders.ts'
import { hostName } from './hosts.ts'
import { sessionTransferLimits } from './limits.ts'
import { welcome } from './messages.ts'
import { userNames } from './names.ts'
import { networks, oneOf, record, virtualPath } from './parts.ts'
import { pathPermissions, permissionList, role } from './permissions.ts'
import { previousPassword } from './previous-password.ts'
import { schedule } from './schedule.ts'
import { totp } from './totp.ts'

export const anonymous = record(
  {
    enabled: Type.Boolean({
      default: false,
      description: 'Whether the users `anonymous` and `ftp` may log in with any password.',
    }),
    home: virtualPath('Directory below the root that anonymous users see as `/`.', { default: '/' }),
    role: Type.Optional(
      role('What anonymous users may do, by role. `read-only` if neither this nor `permissions` is given.'),
    ),
    permissions: Type.Optional(permissionList('What anonymous users may do.')),
  },
  { default: {}, description: 'Anonymous access.' },
)

/** One entry of a user list, as written. Rules over several fields are in users.ts. */
export const userSchema = record(
  {
    name: Type.String({
      format: 'user-name',
      description:
        'The name to log in with: 1 to 64 letters, digits and `. _ @ + -`, starting with a letter, digit or `_`.',
    }),
    passwordHash: Type.Optional(
      Type.String({
        format: 'password-hash',
        maxLength: 512,
        description:
          'Hash of the password: argon2id, scrypt, bcrypt, pbkdf2, SHA-512 or SHA-256 crypt. `npm run hash-password` makes one.',
      }),
    ),
    passwordFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          'File with the password or its hash, such as a mounted secret; relative to the list’s directory unless absolute.',
      }),
    ),
    previousPassword: Type.Optional(previousPassword),
    clientCertificate: Type.Optional(
      record(
        {
          commonName: Type.Optional(
            Type.String({ minLength: 1, maxLength: 256, description: 'Common name of the certificate’s subject.' }),
          ),
          fingerprint: Type.Optional(
            Type.String({
              pattern: '^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$',
              maxLength: 95,
              description: 'SHA-256 fingerprint, as `AB:CD:…`.',
            }),
          ),
        },
        {
          description:
            'The certificate that logs the user in without a password; where there is a password too, both are needed. Exactly one of its fields. Needs `tls.clientCertificates`.',
        },
      ),
    ),
    totp: Type.Optional(totp),
    home: Type.Optional(
      virtualPath(
        'Directory below the root that the user sees as `/`. By default `/` and the user’s name. Made at the first login.',
      ),
    ),
    permissions: Type.Optional(
      permissionList(
        'What the user may do. At most one of `permissions` and `role`; `read-write` if neither is given.',
      ),
    ),
    role: Type.Optional(role('What the user may do, by role.')),
    paths: Type.Optional(pathPermissions),
    folders: Type.Optional(userFolders),
    names: Type.Optional(userNames),
    limits: Type.Optional(
      record(
        {
          maxSessions: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Sessions at once.' }),
          ),
          maxTransfers: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Transfers of files at once.' }),
          ),
          ...sessionTransferLimits,
          idleTimeoutSeconds: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 86_400,
              description: 'Idle timeout of this user’s sessions. In seconds.',
            }),
          ),
        },
        { description: 'Limits of this user, in place of the server’s.' },
      ),
    ),
    quota: Type.Optional(
      record(quotaLimits, {
        description:
          'What there may be in the user’s home, whoever has put it there, for this user to store more: otherwise 552.',
      }),
    ),
    bandwidth: userBandwidth,
    allowedNetworks: Type.Optional(networks('Networks the user may log in from; from anywhere if absent.')),
    hosts: Type.Optional(
      Type.Array(hostName('Name of a host.'), {
        minItems: 1,
        maxItems: 8,
        description:
          'The only virtual hosts the user may log in at, by their `name`. If absent, the user may log in at the server itself and at all hosts that take `all` users.',
      }),
    ),
    welcome: welcome('Text after login of this user, in place of that of the host or the server.'),
    tls: Type.Optional(
      oneOf(['optional', 'required'], { description: '`required`: the user may log in and transfer over TLS only.' }),
    ),
    schedule: Type.Optional(schedule),
    disabled: Type.Optional(Type.Boolean({ description: 'A disabled user can’t log in; running sessions end.' })),
    expires: Type.Optional(
      Type.String({
        format: 'timestamp',
        description: 'When the user expires: a date, or a date and time with zone (RFC 3339). Running sessions end.',
      }),
    ),
  },
  { description: 'A user.' },
)
export type UserEntry = Static<typeof userSchema>

/** `users/**\/*.yaml`. Entries are validated one by one, so that a bad one leaves the others alone. */
export const userListSchema = record(
  { users: Type.Array(userSchema, { maxItems: 100_000, description: 'The users.' }) },
  { description: 'A list of users: any `.yaml`, `.yml` or `.json` file below `users/`.' },
)
