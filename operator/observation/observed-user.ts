/** An FtpUser as the decision about a server that it names needs it. */
import type { FtpUser } from '../api/ftp-user.ts'

/** What a server has decided about an FtpUser. */
export type KnownUser = {
  readonly uid: string
  readonly generation: number | undefined
  readonly verdict: { readonly accepted: true } | { readonly accepted: false; readonly reason: string }
}

export type ObservedUser = {
  readonly user: FtpUser
  /** Of its namespace, as far as they are known. */
  readonly namespaceLabels: Readonly<Record<string, string>>
  /** Contents of the Secrets that it refers to, by name, as far as there are any. */
  readonly secrets: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
  /** The last decision of this server, as far as it was made here: status may be behind. */
  readonly known?: KnownUser | undefined
}
