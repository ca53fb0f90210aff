/** A mounted Secret or ConfigMap, laid out and swapped as the kubelet does (pkg/volume/util/atomic_writer.go). */
import { chmod, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export class KubeletVolume {
  readonly #directory: string
  #version = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Replaces all files at once; names may lie in subdirectories, as `items` of a volume make them. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(this.#directory, { recursive: true })
    const old = await readlink(this.#path('..data')).catch(() => undefined)
    this.#version++
    const version = `..2026_11_22_10_30_00.${String(1_000_000_000 + this.#version)}`
    for (const [name, content] of Object.entries(files)) {
      const path = this.#path(version, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
      await chmod(path, 0o644)
    }
    await mkdir(this.#path(version), { recursive: true })
    await symlink(version, this.#path('..data_tmp'))
    await rename(this.#path('..data_tmp'), this.#path('..data'))
    const names = new Set(Object.keys(files).map(name => name.split('/')[0] ?? name))
    for (const name of names) await symlink(join('..data', name), this.#path(name)).catch(ignoreExisting)
    for (const entry of await readdir(this.#directory, { withFileTypes: true })) {
      // What is not a link of ours is the mount point of another volume.
      if (entry.isSymbolicLink() && entry.name !== '..data' && !names.has(entry.name)) await rm(this.#path(entry.name))
    }
    if (old !== undefined) await rm(this.#path(old), { recursive: true })
  }

  #path(...names: readonly string[]): string {
    return join(this.#directory, ...names)
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
}
