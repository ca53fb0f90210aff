/** What is in force: one immutable snapshot of all files, passed down and never read from anywhere else. */
import type { Network } from './network.ts'
import type { Schedule } from './schedule.ts'
import type { UserBandwidth } from './schema/bandwidth.ts'
import type { HostConfiguration } from './schema/hosts.ts'
import type { Permission } from './schema/permissions.ts'
import type { RemovedHome } from './schema/removed-homes.ts'
import type { ServerConfiguration } from './schema.ts'

export type Configuration = {
  /** SHA-256 over the files in force, as hexadecimal digits; the same files give the same hash on every machine. */
  readonly hash: string
  readonly server: ServerConfiguration
  /** By name. Users who are disabled or expired are here too: whether they may log in is asked of the clock. */
  readonly users: ReadonlyMap<string, User>
  readonly certificate: CertificateFiles | undefined
  /** Virtual hosts by each of their names, in lower case. */
  readonly hosts: ReadonlyMap<string, Host>
  /** That servers share which relay connections to each other: the first signs, all are believed. */
  readonly relaySecrets?: readonly string[] | undefined
  /** Homes to remove, which only the first process has to know. */
  readonly removedHomes?: readonly RemovedHome[] | undefined
}

/** A virtual host (RFC 7151). */
export type Host = Pick<HostConfiguration, 'name' | 'root' | 'users'> & {
  readonly banner: string
  readonly welcome: string | undefined
  /** The server's own if undefined. */
  readonly certificate: CertificateFiles | undefined
}

/** Contents of the mounted `tls/` directory, as PEM. */
export type CertificateFiles = {
  readonly certificate: string
  readonly key: string
  readonly authority: string | undefined
}

export type Credential =
  | { readonly kind: 'password-hash'; readonly hash: string }
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'any-password' }
  | CertificateCredential

export type CertificateCredential = {
  readonly kind: 'certificate'
  readonly field: 'commonName' | 'fingerprint'
  readonly value: string
}

/** Another directory in a user's tree. */
export type UserFolder = {
  /** As the user sees it. */
  readonly path: string
  /** Below the server's root, as a virtual path, or a path of the operating system. */
  readonly source:
    | { readonly kind: 'target'; readonly path: string }
    | { readonly kind: 'directory'; readonly path: string }
  /** Undefined: as elsewhere in the user's tree. */
  readonly permissions: ReadonlySet<Permission> | undefined
}

export type User = {
  readonly name: string
  readonly credential: Credential
  /** The password before this one, as long as it counts too; `expires` in milliseconds since the epoch. */
  readonly previous?: { readonly credential: Credential; readonly expires: number } | undefined
  /** Directory below the server's root, as an absolute virtual path. */
  readonly home: string
  readonly permissions: ReadonlySet<Permission>
  /** Longest path first. */
  readonly paths: readonly { readonly path: string; readonly permissions: ReadonlySet<Permission> }[]
  /** In place of the server's. */
  readonly limits: {
    readonly maxSessions?: number | undefined
    readonly maxTransfers?: number | undefined
    readonly maxFilesPerSession?: number | undefined
    readonly maxBytesPerSession?: number | undefined
    readonly idleTimeoutSeconds?: number | undefined
  }
  /** In the user's tree; those of the whole server come to them at login. */
  readonly folders?: readonly UserFolder[] | undefined
  /** Patterns of names that are hidden or denied, beside those of the server. */
  readonly names?: { readonly hide: readonly string[]; readonly deny: readonly string[] } | undefined
  /** For the user's home. */
  readonly quota?: { readonly maxBytes?: number | undefined; readonly maxFiles?: number | undefined } | undefined
  /** In place of the server's. */
  readonly bandwidth?: UserBandwidth | undefined
  /** Empty: from anywhere. */
  readonly allowedNetworks: readonly Network[]
  /** The only virtual hosts to log in at, by name; empty: wherever all users may. */
  readonly hosts?: readonly string[] | undefined
  readonly tls: 'optional' | 'required'
  /** Text after login. */
  readonly welcome?: string | undefined
  /** Needed beside the credential, which is a password then. */
  readonly certificate?: CertificateCredential | undefined
  /** Secret of one-time codes, in base32: such a code is needed as well. */
  readonly totpSecret?: string | undefined
  /** Without it the user may be logged in at any time. */
  readonly schedule?: Schedule | undefined
  readonly disabled: boolean
  /** Milliseconds since the epoch. */
  readonly expires: number | undefined
}

/** Something in the files that is not in force, and why. */
export type Problem = {
  /** Relative to the configuration directory. */
  readonly file: string
  /** JSON pointer-like place within the file, such as `users[3].home`; empty for the file itself. */
  readonly path: string
  /** What it must be. */
  readonly message: string
  /** Name of the user that was rejected, where the problem is one user's. */
  readonly user?: string | undefined
}
