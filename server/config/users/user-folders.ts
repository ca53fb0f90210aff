/** The virtual folders in a user's tree: the user's own, and those of the whole server. */
import type { User, UserFolder } from '../configuration.ts'
import type { ServerConfiguration } from '../schema.ts'
import { permissionsOfFolder } from './list-entry.ts'

/** The user with all folders, and with what may be done in them among the user's paths. The same object if there are none. */
export function withAllFolders(user: User, { folders }: ServerConfiguration): User {
  if (folders.length === 0 && (user.folders === undefined || user.folders.length === 0)) return user
  const own = user.folders ?? []
  const shared = folders.filter(each => isFor(each, user) && own.every(({ path }) => path !== each.path))
  if (own.length === 0 && shared.length === 0) return user
  const all = [...own, ...shared.flatMap(folderOf)]
  const rules = all.flatMap(({ path, permissions }) =>
    permissions === undefined || user.paths.some(rule => rule.path === path) ? [] : [{ path, permissions }],
  )
  const paths = [...user.paths, ...rules].toSorted((one, other) => other.path.length - one.path.length)
  return { ...user, folders: all, paths }
}

type Shared = ServerConfiguration['folders'][number]

/** Nobody means those who come without a password unless they are named. */
function isFor({ users }: Shared, { name, credential }: User): boolean {
  return users === undefined ? credential.kind !== 'any-password' : users.includes(name)
}

function folderOf({ path, target, directory, permissions, role }: Shared): readonly UserFolder[] {
  const there = permissionsOfFolder(permissions, role)
  if (target !== undefined) return [{ path, source: { kind: 'target', path: target }, permissions: there }]
  return directory === undefined ? [] : [{ path, source: { kind: 'directory', path: directory }, permissions: there }]
}
