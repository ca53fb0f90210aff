/** Where symbolic links may lead. */

export type SymlinkPolicy = {
  /** `inside`: to what is below the user's home or one of the extra roots; `deny`: nowhere. */
  readonly policy: 'inside' | 'deny'
  /** Absolute paths of the operating system. */
  readonly extraRoots: readonly string[]
}

export const linksInside: SymlinkPolicy = { policy: 'inside', extraRoots: [] }

/** The names of a path below a root, both absolute and as written; `undefined` if it is not below. */
export function namesBelow(root: string, path: string): string[] | undefined {
  const above = root.replace(/\/+$/, '')
  if (path !== above && !path.startsWith(`${above}/`)) return undefined
  return namesIn(path.slice(above.length))
}

/** The names of a path as links hold it; `..` among them. */
export function namesIn(path: string): string[] {
  return path.split('/').filter(name => name !== '' && name !== '.')
}
