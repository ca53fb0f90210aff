/** A copy of a file, made without a client in between. */
import { pourInto } from './pour.ts'
import type { Storage, Watch, WriteMode } from './storage.ts'

/** Takes the place of an existing file. Counts bytes. Rejects with a StorageError; what was written then stays as from an upload that broke off. */
export async function copyFile(
  storage: Pick<Storage, 'read' | 'write'>,
  from: string,
  to: string,
  { permissions, ...watch }: Watch & Pick<WriteMode, 'permissions'>,
): Promise<void> {
  const source = await storage.read(from, 0)
  try {
    const target = await storage.write(to, { kind: 'replace', permissions })
    try {
      await pourInto(target, source, watch)
    } catch (error) {
      await target.abandon()
      throw error
    }
    await target.finish()
  } finally {
    await source.close()
  }
}
