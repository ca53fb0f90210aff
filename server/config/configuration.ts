/** What is in force: one immutable snapshot of all files, passed down and never read from anywhere else. */
import type { Network } from './network.ts'
import type { Permission } from './schema/permissions.ts'
import type { ServerConfiguration } from './schema.ts'

export type Configuration = {
  /** SHA-256 over the files in force, as hexadecimal digits; the same files give the same hash on every machine. */
  readonly hash: string
  readonly server: ServerConfiguration
  /** By name. Users who are disabled or expired are here too: whether they may log in is asked of the clock. */
  readonly users: ReadonlyMap<string, User>
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
  | { readonly kind: 'certificate'; readonly field: 'commonName' | 'fingerprint'; readonly value: string }

export type User = {
  readonly name: string
  readonly credential: Credential
  /** Directory below the server's root, as an absolute virtual path. */
  readonly home: string
  readonly permissions: ReadonlySet<Permission>
  /** Longest path first. */
  readonly paths: readonly { readonly path: string; readonly permissions: ReadonlySet<Permission> }[]
  readonly limits: { readonly maxSessions?: number | undefined; readonly idleTimeoutSeconds?: number | undefined }
  /** For the user's home. */
  readonly quota?: { readonly maxBytes?: number | undefined; readonly maxFiles?: number | undefined } | undefined
  /** Empty: from anywhere. */
  readonly allowedNetworks: readonly Network[]
  readonly tls: 'optional' | 'required'
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
