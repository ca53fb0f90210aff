/** Virtual paths: absolute, `/` between names, never above `/`. The one resolver for all commands; pure. */
import { encodeName } from './name.ts'
import { StorageError } from './storage.ts'

/** Bytes of one name and of a whole path: NAME_MAX and PATH_MAX of Linux. */
const maxNameBytes = 255
const maxPathBytes = 4096

/**
 * The absolute path that a command's argument means, seen from the working directory. `..` ends at `/`.
 * Throws a StorageError `name-not-allowed` for a NUL and for names or paths that are too long.
 */
export function resolvePath(cwd: string, argument: string): string {
  if (argument.includes('\0')) throw new StorageError('name-not-allowed')
  if (argument.length > maxPathBytes) throw new StorageError('name-not-allowed')
  const whole = argument.startsWith('/') ? argument : joinPath(cwd, argument)
  // Most are resolved already, and too short for a name that is too long.
  if (whole.length * 3 <= maxNameBytes && !unresolved.test(whole)) return whole
  const names: string[] = []
  for (const name of whole.split('/')) {
    if (name === '' || name === '.') continue
    if (name === '..') {
      names.pop()
      continue
    }
    if (isLongerThan(name, maxNameBytes)) throw new StorageError('name-not-allowed')
    names.push(name)
  }
  const path = `/${names.join('/')}`
  if (isLongerThan(path, maxPathBytes)) throw new StorageError('name-not-allowed')
  return path
}

/** A name that is empty or only dots, up to two. */
const unresolved = /\/\.{0,2}(?:\/|$)/

/** The directory a path is in; `/` for `/`. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash <= 0 ? '/' : path.slice(0, slash)
}

/** The last name of a path; the empty string for `/`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function joinPath(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`
}

/** The names of a path, from the top; none for `/`. */
export function namesOf(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/')
}

/** Whether a path is the other or below it. */
export function isWithin(path: string, ancestor: string): boolean {
  return ancestor === '/' || path === ancestor || (path.startsWith(ancestor) && path[ancestor.length] === '/')
}

function isLongerThan(name: string, limitBytes: number): boolean {
  // A UTF-16 unit is at most three bytes.
  return name.length * 3 > limitBytes && encodeName(name).length > limitBytes
}
