/** The programs as the image has them: bundled. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export type Bundle = { readonly operator: string; remove(): Promise<void> }

export async function buildBundle(): Promise<Bundle> {
  const directory = await mkdtemp(join(tmpdir(), 'bundle-'))
  await promisify(execFile)(process.execPath, ['tools/build.ts', directory], { timeout: 60_000 })
  return {
    operator: join(directory, 'operator.mjs'),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}
