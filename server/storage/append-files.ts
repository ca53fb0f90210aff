/** Files put behind each other, without a client in between. */
import { pourInto } from './pour.ts'
import type { Storage, Watch, WriteMode } from './storage.ts'

/** Appends files to a file, which is made if it is missing. Counts bytes. Rejects with a StorageError; what was appended in place stays then. */
export async function appendFiles(
  storage: Pick<Storage, 'read' | 'write'>,
  target: string,
  parts: readonly string[],
  { permissions, ...watch }: Watch & Pick<WriteMode, 'permissions'>,
): Promise<void> {
  const file = await storage.write(target, { kind: 'append', permissions })
  try {
    for (const part of parts) {
      const source = await storage.read(part, 0)
      try {
        await pourInto(file, source, watch)
      } finally {
        await source.close()
      }
    }
  } catch (error) {
    await file.abandon()
    throw error
  }
  await file.finish()
}
