/** Permissions and roles: what a user may do, and where. */
import { Type } from 'typebox'
import { oneOf, record, virtualPath } from './parts.ts'

/** What a user may do, one word each. A permission is checked on the very path that is opened. */
export const permissionWords = [
  'list',
  'download',
  'upload',
  'append',
  'overwrite',
  'rename',
  'delete',
  'mkdir',
  'rmdir',
  'chmod',
  'mtime',
  'symlink',
  'who',
] as const
export type Permission = (typeof permissionWords)[number]

/** Not for everybody who may write: links can lead other software astray, and a list of sessions tells of others. */
const withheld: ReadonlySet<string> = new Set<Permission>(['symlink', 'who'])

/** Roles: names for the sets of permissions that most users have. */
export const roles = {
  'read-only': ['list', 'download'],
  'read-write': permissionWords.filter(word => !withheld.has(word)),
  'upload-only': ['upload', 'mkdir'],
} as const satisfies Record<string, readonly Permission[]>
export type Role = keyof typeof roles
const roleNames = Object.keys(roles) as Role[]

export const permissionList = (description: string) =>
  Type.Array(oneOf(permissionWords, { description: 'A permission.' }), {
    maxItems: permissionWords.length,
    uniqueItems: true,
    description,
  })
export const role = (description: string) => oneOf(roleNames, { description })

export const pathPermissions = Type.Array(
  record(
    {
      path: virtualPath(
        'The directory or file, as the user sees it; it holds for all that is below it. The longest matching path decides.',
      ),
      permissions: Type.Optional(
        permissionList('What the user may do there. Exactly one of `permissions` and `role`.'),
      ),
      role: Type.Optional(role('What the user may do there, by role.')),
    },
    { description: 'Permissions for one path and all below it, in place of those of the user.' },
  ),
  { maxItems: 256, description: 'Permissions by path: they replace the user’s own at the path and below it.' },
)
