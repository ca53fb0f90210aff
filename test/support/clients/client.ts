/** What every real FTP client is asked to do, and over what kind of connection. One adapter per client translates. */
export const protections = [
  'plain',
  'explicit TLS 1.2',
  'explicit TLS 1.3',
  'implicit TLS 1.2',
  'implicit TLS 1.3',
] as const
export type Protection = (typeof protections)[number]

/** The command that sets the data connection up: passive for EPSV and PASV, active for EPRT and PORT. */
export type DataCommand = 'EPSV' | 'PASV' | 'EPRT' | 'PORT'

export type Connection = {
  readonly protection: Protection
  readonly data: DataCommand
  readonly family: 'IPv4' | 'IPv6'
}

/** A server's listener, and who logs in there. */
export type Target = Connection & {
  /** Address of the server; this machine's own if absent. */
  readonly host?: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** File with the certificate that the server's is verified against, name and all. */
  readonly authority: string
  /** Certificate and key of the client, as files in PEM. */
  readonly certificate?: { readonly certificate: string; readonly key: string } | undefined
}

/** Paths named `local` and `into` are absolute files of this machine; all others are relative to the user's home. */
export type Operation =
  /** One line a file: its name, or a line that ends with it. */
  | { readonly do: 'list'; readonly style: 'names' | 'details'; readonly into: string }
  | { readonly do: 'upload'; readonly local: string; readonly remote: string }
  | { readonly do: 'download'; readonly remote: string; readonly local: string }
  /** The remote file has the first part. */
  | { readonly do: 'resume upload'; readonly local: string; readonly remote: string }
  /** The local file has the first part. */
  | { readonly do: 'resume download'; readonly remote: string; readonly local: string }
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  | { readonly do: 'delete'; readonly remote: string }
  | { readonly do: 'mkdir'; readonly remote: string }
  | { readonly do: 'rmdir'; readonly remote: string }

export interface RealClient {
  readonly name: string
  /** Why this client has no such connection, whatever the server does; undefined if it has. */
  limitation(connection: Connection): string | undefined
  /** Why this client cannot upload a file of no bytes over TLS; undefined if it can. */
  readonly noEmptyUploadOverTls?: string
  /** Does all of it in order, within one session. Rejects with what the client said when anything fails, or at the deadline. */
  run(target: Target, operations: readonly Operation[], options?: RunOptions): Promise<void>
}

/** A client, or why there is none on this machine. */
export type FoundClient =
  | { readonly name: string; readonly client: RealClient }
  | { readonly name: string; readonly missing: string }

export type RunOptions = { readonly deadlineMilliseconds?: number }

export function tlsVersion({ protection }: Connection): '1.2' | '1.3' | undefined {
  if (protection === 'plain') return undefined
  return protection.endsWith('1.2') ? '1.2' : '1.3'
}

export function isImplicit({ protection }: Connection): boolean {
  return protection.startsWith('implicit')
}

export function isActive({ data }: Connection): boolean {
  return data === 'EPRT' || data === 'PORT'
}

export function hostOf({ family, host }: Connection & Pick<Target, 'host'>): string {
  return host ?? (family === 'IPv4' ? '127.0.0.1' : '::1')
}

/** The host as it stands in a URL. */
export function urlHostOf(target: Connection & Pick<Target, 'host'>): string {
  const host = hostOf(target)
  return host.includes(':') ? `[${host}]` : host
}
