/** THE schema: every key of a server's configuration, its default and what it means. Types, validation, docs and (with the operator) the CRD come from here. */
import { type Static, type TEnum, type TSchema, Type } from 'typebox'

/** A closed object: an unknown key is an error. */
function record<Properties extends Record<string, TSchema>>(
  properties: Properties,
  options: { description: string; default?: unknown },
) {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

function oneOf<const Value extends string>(
  values: readonly Value[],
  options: { description: string; default?: Value },
): TEnum<Value[]> {
  return Type.Enum([...values], { type: 'string', ...options })
}

const port = (description: string, options: { default?: number } = {}) =>
  Type.Integer({ minimum: 1, maximum: 65535, description, ...options })
const seconds = (description: string, options: { default: number; minimum?: number; maximum?: number }) =>
  Type.Integer({ minimum: 1, maximum: 86_400, ...options, description: `${description} In seconds.` })
const network = Type.String({
  format: 'network',
  maxLength: 64,
  description: 'An IPv4 or IPv6 network in CIDR notation, or one address.',
})
const networks = (description: string) => Type.Array(network, { maxItems: 256, description })

/** What a user may do, one word each. A permission is checked on the very path that is opened. */
export const permissionWords = [
  'list',
  'download',
  'upload',
  'append',
  'overwrite',
  'rename',
  'delete',
  'mkdir',
  'rmdir',
  'chmod',
  'mtime',
] as const
export type Permission = (typeof permissionWords)[number]

/** Roles: names for the sets of permissions that most users have. */
export const roles = {
  'read-only': ['list', 'download'],
  'read-write': permissionWords,
  'upload-only': ['upload', 'mkdir'],
} as const satisfies Record<string, readonly Permission[]>
export type Role = keyof typeof roles
const roleNames = Object.keys(roles) as Role[]

const permissionList = (description: string) =>
  Type.Array(oneOf(permissionWords, { description: 'A permission.' }), {
    maxItems: permissionWords.length,
    uniqueItems: true,
    description,
  })
const role = (description: string) => oneOf(roleNames, { description })

/** An absolute path as FTP clients see it, below the user's or the server's root. */
const virtualPath = (description: string, options: { default?: string } = {}) =>
  Type.String({ format: 'virtual-path', maxLength: 4096, description, ...options })

const pathPermissions = Type.Array(
  record(
    {
      path: virtualPath(
        'The directory or file, as the user sees it; it holds for all that is below it. The longest matching path decides.',
      ),
      permissions: Type.Optional(
        permissionList('What the user may do there. Exactly one of `permissions` and `role`.'),
      ),
      role: Type.Optional(role('What the user may do there, by role.')),
    },
    { description: 'Permissions for one path and all below it, in place of those of the user.' },
  ),
  { maxItems: 256, description: 'Permissions by path: they replace the user’s own at the path and below it.' },
)

const tlsModes = ['disabled', 'explicit', 'required', 'implicit'] as const

const proxyProtocol = (description: string, trustedNetworks: string) =>
  record(
    {
      trustedNetworks: Type.Array(network, {
        maxItems: 256,
        default: [],
        description: `${trustedNetworks} Nobody’s header is believed who comes from elsewhere.`,
      }),
    },
    { default: {}, description },
  )

const listener = record(
  {
    name: Type.String({
      pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
      description: 'Name of the listener in logs, metrics and status.',
    }),
    port: port('TCP port of the control connection.'),
    addresses: Type.Array(
      Type.String({ format: 'ip', description: 'A local IPv4 or IPv6 address; `::` takes IPv4 as well.' }),
      {
        minItems: 1,
        maxItems: 16,
        default: ['::'],
        description: 'Local addresses to listen on.',
      },
    ),
    tls: oneOf(tlsModes, {
      default: 'explicit',
      description:
        '`disabled`: no TLS. `explicit`: AUTH TLS is offered. `required`: AUTH TLS is demanded before login, and PROT P for data. `implicit`: TLS from the first byte (FTPS, port 990).',
    }),
    proxyProtocol: proxyProtocol(
      'Proxies in front of the listener, such as load balancers, that say whom they speak for (PROXY protocol, versions 1 and 2).',
      'Networks of the proxies: a connection from there must begin with a header, and the address in it is that of the client, for everything.',
    ),
  },
  { description: 'One port for control connections.' },
)

const passive = record(
  {
    ports: record(
      {
        first: port('First port of the range.', { default: 20_000 }),
        last: port('Last port of the range; not below `first`.', { default: 20_099 }),
      },
      {
        default: {},
        description: 'The TCP ports on which passive data connections are accepted. A free one is chosen at random.',
      },
    ),
    advertisedAddress: Type.String({
      format: 'advertised-address',
      maxLength: 253,
      default: 'auto',
      description:
        'Address told to clients by PASV: `auto` (the local address of the control connection), an IPv4 address, or a host name that is resolved anew as it changes. `pending`: not known yet; PASV and EPSV are answered with 425 until it is.',
    }),
    advertisedAddresses: Type.Array(
      record(
        {
          clients: networks('Networks of the clients this entry is for.'),
          address: Type.String({
            format: 'advertised-address',
            maxLength: 253,
            description: 'Address told to them: as `advertisedAddress`.',
          }),
        },
        { description: 'The address for some clients.' },
      ),
      { maxItems: 64, default: [], description: 'Advertised address by client network; the first match wins.' },
    ),
    advertisedPorts: Type.Array(
      record(
        { port: port('Port this server listens on.'), advertised: port('Port the client is told to connect to.') },
        { description: 'One port that is reached under another number.' },
      ),
      {
        maxItems: 4096,
        default: [],
        description: 'For passive ports that are reached under other numbers, behind node ports or NAT.',
      },
    ),
    peerCheck: oneOf(['same-address', 'off'], {
      default: 'same-address',
      description:
        'Who may use a passive port: only the address of the control connection (RFC 2577), or anyone (`off`; needed where the network hides client addresses).',
    }),
    proxyProtocol: proxyProtocol(
      'Proxies in front of the passive ports that say whom they speak for, as those of `listeners[].proxyProtocol`. Their own key, because data connections need not take the same way.',
      'Networks of the proxies: a data connection from there must begin with a header, and it is the address in it that `peerCheck` compares.',
    ),
  },
  { default: {}, description: 'Passive data connections (PASV, EPSV).' },
)

const active = record(
  {
    enabled: Type.Boolean({ default: true, description: 'Whether PORT and EPRT are accepted.' }),
    privilegedPorts: Type.Boolean({
      default: false,
      description: 'Whether data may be sent to ports below 1024 (RFC 2577 section 3).',
    }),
    foreignAddresses: Type.Boolean({
      default: false,
      description:
        'Whether data may be sent to another address than that of the control connection (FXP; opens the door to bounce attacks, RFC 2577).',
    }),
  },
  { default: {}, description: 'Active data connections (PORT, EPRT).' },
)

const limits = record(
  {
    maxSessions: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description: 'Control connections at once.',
    }),
    maxSessionsPerAddress: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 50,
      description: 'Control connections at once from one client address; with IPv6, from one network of 64 bits.',
    }),
    maxSessionsPerUser: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Sessions at once of one user; no limit if absent.',
      }),
    ),
    idleTimeoutSeconds: seconds(
      'A session without command or transfer for so long is closed (RFC 1123 section 4.1.3.2).',
      { default: 300 },
    ),
    loginTimeoutSeconds: seconds('A session that has not logged in after so long is closed.', { default: 60 }),
    handshakeTimeoutSeconds: seconds('Longest time for a TLS handshake.', { default: 10, maximum: 300 }),
    proxyHeaderTimeoutSeconds: seconds('Longest time for the header of the PROXY protocol, where a proxy sends one.', {
      default: 5,
      maximum: 300,
    }),
    transferStallTimeoutSeconds: seconds('A transfer in which no byte moves for so long is ended with 426.', {
      default: 120,
    }),
    passiveAcceptTimeoutSeconds: seconds('A passive port without connection for so long is closed.', {
      default: 30,
      maximum: 600,
    }),
    activeConnectTimeoutSeconds: seconds('Longest time to connect to the client’s port.', {
      default: 30,
      maximum: 600,
    }),
    maxFailedLogins: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 5,
      description: 'Failed logins after which the session is closed (RFC 2577 section 5).',
    }),
    failedLoginDelayMilliseconds: Type.Integer({
      minimum: 0,
      maximum: 60_000,
      default: 2000,
      description: 'Wait before a failed login is answered (RFC 2577 section 5). In milliseconds.',
    }),
    drainTimeoutSeconds: seconds('Time for running transfers to end when the server is told to stop.', { default: 30 }),
  },
  { default: {}, description: 'Limits and timeouts. Everything that waits or grows has one.' },
)

/** Networks whose addresses are nobody's in particular: behind gateways, proxies, load balancers and bridges of containers. */
const privateNetworks = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
]

const bans = record(
  {
    enabled: Type.Boolean({
      default: true,
      description:
        'Whether clients that try passwords or abuse the protocol are banned. Where the network hides the addresses of clients behind public ones, a ban would be one for all of them.',
    }),
    threshold: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 10,
      description:
        'Points within `windowSeconds` at which a client is banned: 1 for a wrong password, 2 for an unknown user, and more for abuse of the protocol.',
    }),
    windowSeconds: seconds('Points count for so long.', { default: 600 }),
    durationSeconds: seconds('How long the first ban of a client lasts; each further one lasts twice as long.', {
      default: 600,
      maximum: 2_592_000,
    }),
    maxDurationSeconds: seconds(
      'How long a ban lasts at most. Who has not been banned for so long after the last ban begins anew; not below `durationSeconds`.',
      { default: 86_400, maximum: 2_592_000 },
    ),
    exemptNetworks: Type.Array(network, {
      maxItems: 256,
      default: privateNetworks,
      description:
        'Networks that are never banned; running bans of their clients are lifted. By default the private and local ones, which may stand for many clients behind a gateway or proxy.',
    }),
    maxAddresses: Type.Integer({
      minimum: 100,
      maximum: 100_000,
      default: 10_000,
      description:
        'Clients that points and bans are remembered of, an IPv6 network of 64 bits being one; the oldest are forgotten.',
    }),
  },
  {
    default: {},
    description:
      'Bans of client addresses. A banned client is not answered; its sessions end unless a user is logged in.',
  },
)

const anonymous = record(
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

const tls = record(
  {
    minVersion: oneOf(['TLSv1.2', 'TLSv1.3'], { default: 'TLSv1.2', description: 'Lowest TLS version accepted.' }),
    sessionReuse: oneOf(['auto', 'required', 'off'], {
      default: 'auto',
      description:
        'Whether a data connection must resume the TLS session of its control connection, which proves whose it is. `auto`: demanded wherever the client has shown that it can. `required`: always (Python’s ftplib fails, and curl over TLS 1.3 after an upload). `off`: never.',
    }),
    clientCertificates: oneOf(['off', 'optional', 'required'], {
      default: 'off',
      description:
        'Whether clients are asked for a certificate signed by `tls/ca.crt`. `required`: the handshake fails without one.',
    }),
    truncatedUploads: oneOf(['accept', 'reject'], {
      default: 'accept',
      description:
        'What becomes of an upload over TLS that ends without close_notify, so that nobody can tell whether it is whole: `accept` (226, and a mark in the log; many devices never send it) or `reject` (426).',
    }),
    strictServerName: Type.Boolean({
      default: false,
      description:
        'Whether a client that names a host (SNI) which the certificate does not cover is refused on the control connection, with the alert unrecognized_name (RFC 6066). Clients that name none, as those that connect by address, are taken.',
    }),
    clearCommandChannel: Type.Boolean({
      default: true,
      description:
        'Whether CCC may take the control connection back to clear text after login (RFC 4217 section 5), for firewalls that read it.',
    }),
  },
  {
    default: {},
    description:
      'TLS. The certificate is read from `tls/tls.crt` and `tls/tls.key`; without them a self-signed one is made.',
  },
)

const storage = record(
  {
    symlinks: record(
      {
        policy: oneOf(['inside', 'deny'], {
          default: 'inside',
          description:
            '`inside`: a symbolic link is followed where it leads to something below the user’s home or below one of `extraRoots`. `deny`: none is followed, wherever it leads. What may not be followed is as if it were not there.',
        }),
        extraRoots: Type.Array(
          Type.String({
            format: 'virtual-path',
            maxLength: 4096,
            description: 'A directory of the system, as an absolute path.',
          }),
          {
            maxItems: 64,
            default: [],
            description:
              'Directories outside of the home that links may lead into, such as one that several users share. What a user may do there is decided by the path of the link. Not for `deny`.',
          },
        ),
      },
      {
        default: {},
        description: 'Symbolic links. FTP makes none: those that are there were made by whoever else can write there.',
      },
    ),
  },
  { default: {}, description: 'How the files are reached.' },
)

const uploads = record(
  {
    mode: oneOf(['direct', 'atomic'], {
      default: 'direct',
      description:
        '`direct`: an upload is written under its name, which shows the half of it until the other half comes. `atomic`: it is written beside, hidden, and takes its name when it is whole; what breaks off is kept, and the same user can go on with it (SIZE, REST, APPE). Appending to a file then copies it first.',
    }),
    durability: oneOf(['none', 'fsync'], {
      default: 'none',
      description:
        'When an upload is answered with 226: once the operating system has it (`none`; a loss of power may take the last seconds), or once the disk has it, the name included (`fsync`).',
    }),
    partialsExpireSeconds: Type.Integer({
      minimum: 60,
      maximum: 31_536_000,
      default: 86_400,
      description:
        'What an `atomic` upload that broke off has left is removed after so long, unless somebody goes on with it. In seconds.',
    }),
  },
  { default: {}, description: 'How uploads are stored.' },
)

const quotaLimits = {
  maxBytes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Sizes of all files together, uploads that are not whole among them. In bytes.',
    }),
  ),
  maxFiles: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Number of files, uploads that are not whole among them.',
    }),
  ),
}

const quotas = Type.Array(
  record(
    {
      path: virtualPath('A directory below the root, as an absolute path: `/` is the root itself.'),
      ...quotaLimits,
    },
    { description: 'What there may be in one directory.' },
  ),
  {
    maxItems: 256,
    default: [],
    description:
      'Quotas of directories, with all that is below them, whoever puts it there. All that hold at a path must have room.',
  },
)

const state = record(
  {
    directory: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          'Directory in which the server keeps bans over a restart, and shares them with other servers that use the same one. Made if it is missing; relative to the working directory unless absolute. May lie below `root`: no user sees it. Without it, bans are kept in memory.',
      }),
    ),
  },
  { default: {}, description: 'What the server keeps for itself.' },
)

const logging = record(
  {
    level: oneOf(['debug', 'info', 'warn', 'error'], {
      default: 'info',
      description: 'Lowest level that is logged. `debug` logs each command.',
    }),
    format: oneOf(['auto', 'json', 'text'], {
      default: 'auto',
      description: '`auto`: text if stdout is a terminal, JSON otherwise.',
    }),
  },
  { default: {}, description: 'Logs, to stdout.' },
)

const probes = record(
  {
    enabled: Type.Boolean({ default: true, description: 'Whether /livez, /readyz, /metrics and /status are served.' }),
    port: port('TCP port of the probes.', { default: 8080 }),
    addresses: Type.Array(Type.String({ format: 'ip', description: 'A local address.' }), {
      minItems: 1,
      maxItems: 16,
      default: ['::'],
      description: 'Local addresses to serve the probes on.',
    }),
  },
  { default: {}, description: 'Health, metrics and status over HTTP.' },
)

/** Most processes that one server may have. */
export const maxWorkers = 64

const workers = Type.Unsafe<number | 'auto'>({
  anyOf: [
    { type: 'integer', minimum: 1, maximum: maxWorkers },
    { type: 'string', enum: ['auto'] },
  ],
  default: 1,
  description:
    'Processes that serve sessions: a number from 1 to 64, or `auto` for as many as there are cores, up to 16. With 1, the first process serves them itself; with more, each is a process beside the first, which takes about 50 MiB of memory and uses a core.',
})

/** `server.yaml`. */
export const serverSchema = record(
  {
    listeners: Type.Array(listener, {
      minItems: 1,
      maxItems: 16,
      default: [{ name: 'ftp', port: 2121 }],
      description: 'Ports for control connections.',
    }),
    root: Type.String({
      minLength: 1,
      maxLength: 4096,
      default: '/data',
      description: 'Directory in which the homes of the users are. Relative to the working directory unless absolute.',
    }),
    banner: Type.String({
      maxLength: 2048,
      default: 'Service ready for new user.',
      description: 'Text of the greeting; may have several lines.',
    }),
    workers,
    passive,
    active,
    limits,
    bans,
    state,
    storage,
    uploads,
    quotas,
    anonymous,
    tls,
    listing: record(
      {
        timeZone: Type.String({
          format: 'time-zone',
          maxLength: 64,
          default: 'UTC',
          description: 'IANA name of the time zone of LIST; MLSD and MDTM are always UTC.',
        }),
      },
      { default: {}, description: 'Directory listings.' },
    ),
    logging,
    probes,
  },
  { description: 'Configuration of an FTP server: `server.yaml`.' },
)
export type ServerConfiguration = Static<typeof serverSchema>
export type ListenerConfiguration = ServerConfiguration['listeners'][number]
export type Limits = ServerConfiguration['limits']

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
