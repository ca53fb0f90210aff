/** Changing a file of a configuration as an editor does: beside it, then renamed. */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ServerProcess } from './server-process.ts'

/** The path is that within the configuration directory. */
export async function replaceFile(
  { configurationDirectory }: Pick<ServerProcess, 'configurationDirectory'>,
  file: string,
  content: string | Uint8Array,
): Promise<void> {
  const path = join(configurationDirectory, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}~`, content)
  await rename(`${path}~`, path)
}
