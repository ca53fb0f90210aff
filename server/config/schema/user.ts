/** One user of a list, and the list. Rules over several fields are in users.ts. */
import { type Static, Type } from 'typebox'
import { quotaLimits } from './files.ts'
import { networks, oneOf, record, virtualPath } from './parts.ts'
import { pathPermissions, permissionList, role } from './permissions.ts'

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
          'Hash of the password: argon2id, scrypt, bcrypt, pbkdf2 or SHA-512 crypt. `npm run hash-password` makes one.',
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
            'The certificate that logs the user in without a password. Exactly one of its fields. Needs `tls.clientCertificates`.',
        },
      ),
    ),
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
    limits: Type.Optional(
      record(
        {
          maxSessions: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Sessions at once.' }),
          ),
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
    allowedNetworks: Type.Optional(networks('Networks the user may log in from; from anywhere if absent.')),
    tls: Type.Optional(
      oneOf(['optional', 'required'], { description: '`required`: the user may log in and transfer over TLS only.' }),
    ),
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
