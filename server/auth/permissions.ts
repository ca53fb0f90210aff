/** What a user may do where. */
import type { User } from '../config/configuration.ts'
import type { Permission } from '../config/schema/permissions.ts'

/** Whether the user has the permission on this absolute, normalized virtual path. The longest of the user's paths that is the path or one of its ancestors decides; without one, the user's own permissions. */
export function allows(user: User, permission: Permission, path: string): boolean {
  return permissionsAt(user, path).has(permission)
}

/** All that the user may do on this absolute, normalized virtual path. */
export function permissionsAt(user: User, path: string): ReadonlySet<Permission> {
  const rule = user.paths.find(candidate => contains(candidate.path, path))
  return (rule ?? user).permissions
}

/** The same for names in a directory, which is an absolute, normalized virtual path. */
export function permissionsIn(user: User, directory: string): (name: string) => ReadonlySet<Permission> {
  const below = directory === '/' ? '/' : `${directory}/`
  const differ = user.paths.some(rule => rule.path.length > below.length && rule.path.startsWith(below))
  if (differ) return name => permissionsAt(user, below + name)
  const permissions = permissionsAt(user, directory)
  return () => permissions
}

/** Whether there is any path on which the user has the permission. */
export function allowsSomewhere(user: User, permission: Permission): boolean {
  if (user.paths.some(rule => rule.permissions.has(permission))) return true
  // A rule for `/` leaves nothing to the user's own permissions.
  return user.permissions.has(permission) && !user.paths.some(rule => rule.path === '/')
}

function contains(ancestor: string, path: string): boolean {
  return path === ancestor || path.startsWith(ancestor.endsWith('/') ? ancestor : `${ancestor}/`)
}
