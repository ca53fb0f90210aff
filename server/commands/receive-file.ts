/** What STOR, STOU and APPE share. */
import type { LoggedInContext, Outcome } from '../control/command.ts'
import { bitsOf } from '../control/session.ts'
import { takingAtMost } from '../data/limited-file.ts'
import type { WriteMode } from '../storage/storage.ts'

/** Opens a file for an upload. */
export async function receiveFile(
  { session, storage }: Pick<LoggedInContext, 'session' | 'storage'>,
  path: string,
  where: WriteMode,
): Promise<Outcome & { readonly kind: 'transfer' }> {
  const { restartOffset, rangeEnd } = session
  const opened = await storage.write(path, { ...where, permissions: bitsOf(session, 0o666) })
  const file = rangeEnd === undefined ? opened : takingAtMost(opened, rangeEnd - restartOffset)
  const transfer = { kind: 'receive-file', file, path: file.path, type: session.type } as const
  return { kind: 'transfer', transfer, opening: 'Ready to receive.' }
}

/** Where REST or RANG has an upload begin, which keeps what is in the file; undefined if neither has. */
export function restartOf({ session }: Pick<LoggedInContext, 'session'>): WriteMode | undefined {
  const { restartOffset, rangeEnd } = session
  return restartOffset > 0 || rangeEnd !== undefined ? { kind: 'resume', offset: restartOffset } : undefined
}
