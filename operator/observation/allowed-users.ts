/** Which FtpUsers a server lets in, by `spec.allowedUsers`. Pure. */
import type { FtpServer } from '../api/ftp-server.ts'
import type { FtpUser } from '../api/ftp-user.ts'
import { selects } from './references.ts'

/** Whether the server takes users of this kind at all. */
export function isAllowed(
  { metadata, spec }: FtpServer,
  user: Pick<FtpUser, 'metadata'>,
  namespaceLabels: Readonly<Record<string, string>>,
): boolean {
  const { namespaces, selector } = spec.allowedUsers
  if (selector !== undefined && !selects(selector, user.metadata.labels ?? {})) return false
  switch (namespaces.from) {
    case 'None':
      return false
    case 'Same':
      return user.metadata.namespace === metadata.namespace
    case 'All':
      return true
    case 'Selector':
      return selects(namespaces.selector ?? {}, namespaceLabels)
  }
}
