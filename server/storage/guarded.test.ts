import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allows } from '../auth/permissions.ts'
import type { User } from '../config/configuration.ts'
import { type Permission, permissionWords } from '../config/schema/permissions.ts'
import { type FileChange, guardStorage, mayLead } from './guarded.ts'
import { createMemoryStorage } from './memory.ts'
import { isWithin } from './path.ts'
import { isStorageError, type Storage, StorageError, type WriteMode } from './storage.ts'

function userWith(permissions: readonly Permission[], paths: Record<string, readonly Permission[]> = {}): User {
  return {
    name: 'alice',
    credential: { kind: 'any-password' },
    home: '/',
    permissions: new Set(permissions),
    paths: Object.entries(paths)
      .map(([path, words]) => ({ path, permissions: new Set(words) }))
      .toSorted((one, other) => other.path.length - one.path.length),
    limits: {},
    allowedNetworks: [],
    tls: 'optional',
    disabled: false,
    expires: undefined,
  }
}

async function put(
  storage: Storage,
  path: string,
  mode: WriteMode = { kind: 'replace' },
  text = 'xy',
): Promise<string> {
  const file = await storage.write(path, mode)
  await file.write(Buffer.from(text))
  await file.finish()
  return file.path
}

/** `/d`, `/d/e`, and in each directory a file `f`. */
async function filled(): Promise<Storage> {
  const storage = createMemoryStorage()
  await storage.makeDirectory('/d')
  await storage.makeDirectory('/d/e')
  for (const path of ['/f', '/d/f', '/d/e/f']) await put(storage, path, undefined, '0123')
  return storage
}

async function isForbidden(operation: () => Promise<unknown>): Promise<boolean> {
  try {
    await operation()
    return false
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return error.kind === 'forbidden'
  }
}

async function drain(batches: () => AsyncIterable<unknown>): Promise<void> {
  const iterator = batches()[Symbol.asyncIterator]()
  for (let result = await iterator.next(); result.done !== true; ) result = await iterator.next()
}

type Has = (permission: Permission, path: string) => boolean
type Operation = {
  readonly name: string
  readonly run: (storage: Storage, path: string, other: string) => Promise<unknown>
  /** What the policy says, told apart from the code: whether there is something at each path, and what the user has. */
  readonly permitted: (has: Has, path: string, other: string, user: User) => boolean
}

const files = ['/f', '/d/f', '/d/e/f']
const directories = ['/d', '/d/e']
const fresh = ['/new', '/d/new', '/d/e/new']
const isThere = (path: string) => files.includes(path) || directories.includes(path)
const mayTake = (has: Has, user: User, path: string) =>
  has('rename', path) && user.paths.every(rule => !isWithin(rule.path, path) || rule.permissions.has('rename'))

const operations: readonly Operation[] = [
  {
    name: 'list',
    run: (storage, path) => drain(() => storage.list(path)),
    permitted: (has, path) => has('list', path),
  },
  {
    name: 'read',
    run: async (storage, path) => await storage.read(path, 0),
    permitted: (has, path) => has('download', path),
  },
  {
    name: 'stat',
    run: (storage, path) => storage.stat(path),
    permitted: (has, path, _other, user) =>
      permissionWords.some(word => has(word, path)) ||
      user.paths.some(rule => isWithin(rule.path, path) && rule.permissions.size > 0),
  },
  {
    name: 'create',
    run: (storage, path) => put(storage, path, { kind: 'create' }),
    permitted: (has, path) => has('upload', path),
  },
  {
    name: 'replace',
    run: (storage, path) => put(storage, path),
    permitted: (has, path) => has('upload', path) && (!isThere(path) || has('overwrite', path)),
  },
  {
    name: 'append',
    run: (storage, path) => put(storage, path, { kind: 'append' }),
    permitted: (has, path) => (isThere(path) ? has('append', path) : has('append', path) || has('upload', path)),
  },
  {
    name: 'resume at the end',
    run: (storage, path) => put(storage, path, { kind: 'resume', offset: 4 }),
    permitted: (has, path) => has('append', path),
  },
  {
    name: 'resume within',
    run: (storage, path) => put(storage, path, { kind: 'resume', offset: 1 }),
    permitted: (has, path) => has('append', path) && (!files.includes(path) || has('overwrite', path)),
  },
  {
    name: 'unique',
    run: (storage, path) => put(storage, path, { kind: 'unique' }),
    permitted: (has, path) => has('upload', path) && (!isThere(path) || has('upload', `${path}.1`)),
  },
  {
    name: 'rename',
    run: (storage, path, other) => storage.rename(path, other),
    permitted: (has, path, other, user) =>
      mayTake(has, user, path) &&
      mayTake(has, user, other) &&
      (!isThere(path) || !isThere(other) || path === other || has('overwrite', other)),
  },
  {
    name: 'removeFile',
    run: (storage, path) => storage.removeFile(path),
    permitted: (has, path) => has('delete', path),
  },
  {
    name: 'removeDirectory',
    run: (storage, path) => storage.removeDirectory(path),
    permitted: (has, path) => has('rmdir', path),
  },
  {
    name: 'makeDirectory',
    run: (storage, path) => storage.makeDirectory(path),
    permitted: (has, path) => has('mkdir', path),
  },
  { name: 'setMode', run: (storage, path) => storage.setMode(path, 0), permitted: (has, path) => has('chmod', path) },
  {
    name: 'setModified',
    run: (storage, path) => storage.setModified(path, 0),
    permitted: (has, path) => has('mtime', path),
  },
]

describe('a guarded storage', () => {
  it('refuses what the policy refuses, and nothing else', async () => {
    const words = fc.subarray([...permissionWords])
    const path = fc.constantFrom(...files, ...directories, ...fresh)
    const rules = fc.dictionary(fc.constantFrom('/', '/d', '/d/e', '/d/f', '/d/new', '/f', '/d/e/f'), words, {
      maxKeys: 4,
    })
    await fc.assert(
      fc.asyncProperty(
        words,
        rules,
        fc.constantFrom(...operations),
        path,
        path,
        async (own, paths, operation, at, other) => {
          const user = userWith(own, paths)
          const storage = guardStorage(await filled(), user)
          const has: Has = (permission, where) => allows(user, permission, where)
          const forbidden = await isForbidden(() => operation.run(storage, at, other))
          expect(forbidden).toBe(!operation.permitted(has, at, other, user))
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('lets a user who may only upload go to a directory, and look at nothing', async () => {
    const storage = guardStorage(await filled(), userWith(['upload', 'mkdir']))
    expect(await storage.stat('/d')).toMatchObject({ type: 'directory' })
    expect(await isForbidden(() => drain(() => storage.list('/d')))).toBe(true)
    await put(storage, '/d/new')
    expect(await isForbidden(() => put(storage, '/d/new'))).toBe(true)
    expect(await isForbidden(() => put(storage, '/d/new', { kind: 'append' }))).toBe(true)
    expect(await put(storage, '/d/new', { kind: 'unique' })).toBe('/d/new.1')
  })

  it('never overwrites for a user who may not, even if the file appears at the last moment', async () => {
    const inner = await filled()
    const storage = guardStorage(inner, userWith(['upload', 'rename']))
    const uploads = await Promise.allSettled(
      [1, 2, 3, 4].map(number => put(storage, '/race', undefined, String(number))),
    )
    expect(uploads.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await isForbidden(() => storage.rename('/race', '/f'))).toBe(true)
    expect((await inner.stat('/f')).size).toBe(4)
  })

  it('creates nothing for a user who may only append', async () => {
    const inner = await filled()
    const storage = guardStorage(inner, userWith(['append']))
    await put(storage, '/f', { kind: 'append' })
    expect((await inner.stat('/f')).size).toBe(6)
    await expect(put(storage, '/new', { kind: 'append' })).rejects.toSatisfy(error =>
      isStorageError(error, 'not-found'),
    )
    await expect(put(storage, '/new', { kind: 'resume', offset: 0 })).rejects.toThrow('not-found')
  })

  it('moves no directory out from under a rule that protects what is in it', async () => {
    const storage = guardStorage(await filled(), userWith(permissionWords, { '/d/e': ['list'] }))
    expect(await isForbidden(() => storage.rename('/d', '/g'))).toBe(true)
    expect(await isForbidden(() => storage.rename('/d/f', '/d/e/g'))).toBe(true)
    await storage.rename('/d/f', '/g')
  })
})

describe('links', () => {
  it('may lead to where the user may do as much, or more', () => {
    const user = userWith(['list', 'download'], { '/secret': [], '/drop': ['upload'], '/all': permissionWords })
    expect(mayLead(user, '/link', '/other')).toBe(true)
    expect(mayLead(user, '/link', '/all/x')).toBe(true)
    expect(mayLead(user, '/link', '/secret/x')).toBe(false)
    expect(mayLead(user, '/all/link', '/other')).toBe(false)
    expect(mayLead(user, '/link', '/drop')).toBe(false)
  })
})

describe('What several steps are demanded for', () => {
  const all = (path: string) => [{ permission: 'delete', path, reach: 'all' }] as const

  it('is refused where one of them is, also below where that has permissions of its own', () => {
    const guarded = guardStorage(createMemoryStorage(), userWith(['delete', 'list'], { '/d/kept': ['list'] }))
    expect(() => guarded.demand([{ permission: 'delete', path: '/d' }])).not.toThrow()
    expect(() => guarded.demand(all('/other'))).not.toThrow()
    expect(() => guarded.demand(all('/d'))).toThrow(StorageError)
    expect(() => guarded.demand([...all('/other'), { permission: 'upload', path: '/other' }])).toThrow(StorageError)
  })

  it('is held to by removing a tree, and nothing is removed', async () => {
    const storage = await filled()
    const watch = { signal: new AbortController().signal, progress: { bytes: 0 } }
    const words = ['delete', 'rmdir'] as const
    for (const user of [
      userWith(['delete']),
      userWith(['rmdir']),
      userWith(words, { '/d/e': ['delete'] }),
      userWith([], { '/d/e': words }),
    ]) {
      expect(await isForbidden(() => guardStorage(storage, user).removeTree('/d', watch))).toBe(true)
    }
    expect((await storage.stat('/d/e/f')).type).toBe('file')
    await guardStorage(storage, userWith(words)).removeTree('/d', watch)
    await expect(storage.stat('/d')).rejects.toMatchObject({ kind: 'not-found' })
  })
})

describe('what is told of changes', () => {
  it('is told once for each, and by its path', async () => {
    const told: FileChange[] = []
    const storage = guardStorage(await filled(), userWith(permissionWords), change => void told.push(change))
    const watch = { signal: new AbortController().signal, progress: { bytes: 0 } }
    await storage.rename('/f', '/g')
    await storage.copyFile('/g', '/h', { ...watch, permissions: undefined })
    await storage.appendFiles('/h', ['/g', '/d/e/f'], { ...watch, permissions: undefined })
    await storage.removeFile('/g')
    await storage.removeFile('/d/e/f')
    await storage.removeDirectory('/d/e')
    await storage.removeTree('/d', watch)
    expect(told).toEqual([
      { kind: 'renamed', from: '/f', to: '/g' },
      { kind: 'copied', from: '/g', to: '/h' },
      { kind: 'copied', from: ['/g', '/d/e/f'], to: '/h' },
      { kind: 'removed', path: '/g', entry: 'file' },
      { kind: 'removed', path: '/d/e/f', entry: 'file' },
      { kind: 'removed', path: '/d/e', entry: 'directory' },
      { kind: 'removed', path: '/d', entry: 'directory' },
    ])
  })
})
