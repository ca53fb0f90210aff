/** The files of the probe user: one, so that a listing has something to say. Nothing of it is on a disk. */
import { createMemoryStorage } from './memory.ts'
import type { Storage } from './storage.ts'

export async function openProbeStorage(): Promise<Storage> {
  const storage = createMemoryStorage()
  const file = await storage.write('/probe', { kind: 'create' })
  await file.finish()
  return storage
}
