/** What STOR, STOU and APPE share. */
import type { LoggedInContext, Outcome } from '../control/command.ts'
import type { WriteMode } from '../storage/storage.ts'

/** Opens a file for an upload. */
export async function receiveFile(
  { session, storage }: Pick<LoggedInContext, 'session' | 'storage'>,
  path: string,
  where: WriteMode,
): Promise<Outcome & { readonly kind: 'transfer' }> {
  const file = await storage.write(path, where)
  const transfer = { kind: 'receive-file', file, path: file.path, type: session.type } as const
  return { kind: 'transfer', transfer, opening: 'Ready to receive.' }
}
