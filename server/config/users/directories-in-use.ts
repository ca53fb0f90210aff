/** What nobody may remove as a home: what others have, by the configuration. */
import { relative, resolve, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Configuration } from '../configuration.ts'
import { placesOf } from '../hosts.ts'

/** Whose a directory is, or one that is below it; undefined for one that nobody has. Paths are virtual, below the server's root. */
export type DirectoriesInUse = { readonly ownerOf: (directory: string) => string | undefined }

/** Goes through all users, and lets other work run meanwhile. */
export async function directoriesInUse(configuration: Configuration): Promise<DirectoriesInUse> {
  const owners = new Map<string, string>()
  const put = (directory: string, owner: string) => {
    let path = directory
    // Where one is known, those above it are.
    while (path !== '' && !owners.has(path)) {
      owners.set(path, owner)
      path = path.slice(0, path.lastIndexOf('/'))
    }
  }
  const { server, hosts, users } = configuration
  for (const { name, root } of hosts.values()) put(root, `host ${name}`)
  for (const { path, target } of server.folders) if (target !== undefined) put(target, `folder ${path}`)
  if (server.anonymous.enabled) put(server.anonymous.home, 'anonymous users')
  for (const directory of systemDirectories(configuration)) {
    const below = virtualPath(resolve(server.root), resolve(directory))
    if (below !== undefined) put(below, 'the configuration of the server')
  }
  let steps = 0
  for (const user of users.values()) {
    if (++steps % batchSize === 0) await setImmediate()
    for (const home of placesOf(configuration, user)) put(home, `user ${user.name}`)
    // Also where the user can't log in any more, or not yet.
    put(user.home, `user ${user.name}`)
    for (const { source } of user.folders ?? []) {
      if (source.kind === 'target') put(source.path, `user ${user.name}`)
    }
  }
  return { ownerOf: directory => owners.get(directory) }
}

const batchSize = 2000

function systemDirectories({ server }: Configuration): readonly string[] {
  const { state, storage, folders } = server
  return [state.directory, ...storage.symlinks.extraRoots, ...folders.map(each => each.directory)].filter(
    each => each !== undefined,
  )
}

/** Undefined for what is outside of the root. */
function virtualPath(root: string, directory: string): string | undefined {
  const path = relative(root, directory)
  if (path === '') return '/'
  return path === '..' || path.startsWith(`..${sep}`) ? undefined : `/${path.split(sep).join('/')}`
}
