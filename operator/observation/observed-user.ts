/** An FtpUser as the decision about a server that it names needs it. */
import type { FtpUser } from '../api/ftp-user.ts'

export type ObservedUser = {
  readonly user: FtpUser
  /** Of its namespace, as far as they are known. */
  readonly namespaceLabels: Readonly<Record<string, string>>
  /** Contents of the Secrets that it refers to, by name, as far as there are any. */
  readonly secrets: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
}
