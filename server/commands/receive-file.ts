/** What STOR, STOU and APPE share. */
import { after } from '../at-once.ts'
import type { LoggedInContext, Outcome } from '../control/command.ts'
import { effectiveType, hasMarkers } from '../control/session/representation.ts'
import { bitsOf } from '../control/session/session.ts'
import { takingAtMost } from '../data/moving/limited-file.ts'
import { StorageError, type WriteMode } from '../storage/storage.ts'

/** Opens a file for an upload. */
export function receiveFile(
  { session, storage, configuration }: Pick<LoggedInContext, 'session' | 'storage' | 'configuration'>,
  path: string,
  where: WriteMode,
): Receiving | Promise<Receiving> {
  const permissions = bitsOf(session, 0o666)
  const mode = permissions === undefined ? where : { ...where, permissions }
  return after(storage.write(path, mode), opened => {
    const { restartOffset, rangeEnd } = session
    const file = rangeEnd === undefined ? opened : takingAtMost(opened, rangeEnd - restartOffset)
    const type = effectiveType(session, configuration)
    const receiving = (offset?: number): Receiving => ({
      kind: 'transfer',
      transfer: { kind: 'receive-file', file, path: file.path, type, offset },
      opening: 'Ready to receive.',
    })
    return hasMarkers(session) ? startOf(storage, file.path, where).then(receiving) : receiving()
  })
}

type Receiving = Outcome & { readonly kind: 'transfer' }

/** Where the first byte goes, for restart markers; undefined where the user may not know. Nobody else writes to the file any more. */
async function startOf(
  storage: LoggedInContext['storage'],
  path: string,
  where: WriteMode,
): Promise<number | undefined> {
  if (where.kind === 'resume') return where.offset
  if (where.kind !== 'append') return 0
  try {
    return (await storage.stat(path)).size
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

/** Where REST or RANG has an upload begin, which keeps what is in the file; undefined if neither has. */
export function restartOf({ session }: Pick<LoggedInContext, 'session'>): WriteMode | undefined {
  const { restartOffset, rangeEnd } = session
  return restartOffset > 0 || rangeEnd !== undefined ? { kind: 'resume', offset: restartOffset } : undefined
}
