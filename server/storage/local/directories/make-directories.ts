/** A directory with those above it. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from '../kernel/errno.ts'

/**
 * Makes it if it is missing, and what is missing above it. Rejects with a system error. Node's own (`recursive`) goes
 * round for ever where a directory is there and takes no other: in /proc, or where it was removed behind its mount.
 */
export async function makeDirectories(directory: string, mode: number): Promise<void> {
  try {
    await makeDirectory(directory, mode)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(directory) === directory) throw error
    await makeDirectories(dirname(directory), mode)
    await makeDirectory(directory, mode)
  }
}

async function makeDirectory(directory: string, mode: number): Promise<void> {
  try {
    await mkdir(directory, mode)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !(await stat(directory)).isDirectory()) throw error
  }
}
