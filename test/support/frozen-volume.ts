/** A volume that stands still on demand, as a mount of NFS whose server is gone: what writes to it waits until it is thawed. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type FrozenVolume = {
  readonly freeze: () => void
  readonly thaw: () => void
  /** Thaws and unmounts it. */
  readonly dispose: () => void
}

/** Why there can be none here; undefined if there can. */
export const noFrozenVolume = findObstacle()

/** A small ext4 on a file, mounted at a directory. Throws where that may not be done. */
export function mountFreezable(directory: string): FrozenVolume {
  const work = mkdtempSync(join(tmpdir(), 'frozen-volume-'))
  const image = join(work, 'image')
  let isFrozen = false
  const thaw = (): void => {
    if (isFrozen) run('fsfreeze', '--unfreeze', directory)
    isFrozen = false
  }
  try {
    run('truncate', '--size=48M', image)
    run('mkfs.ext4', '-q', '-F', '-O', '^has_journal', image)
    run('mount', '-o', 'loop', image, directory)
  } catch (error) {
    rmSync(work, { recursive: true, force: true })
    throw error
  }
  return {
    freeze() {
      run('fsfreeze', '--freeze', directory)
      isFrozen = true
    },
    thaw,
    dispose() {
      thaw()
      run('umount', '--lazy', directory)
      rmSync(work, { recursive: true, force: true })
    },
  }
}

function findObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can mount a volume'
  const directory = mkdtempSync(join(tmpdir(), 'frozen-volume-'))
  try {
    const volume = mountFreezable(directory)
    try {
      volume.freeze()
    } finally {
      volume.dispose()
    }
    return undefined
  } catch (error) {
    return `no volume can be mounted and frozen (${error instanceof Error ? error.message.split('\n')[0] : 'unknown'})`
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, [...args], { stdio: 'pipe', timeout: 20_000 })
}
