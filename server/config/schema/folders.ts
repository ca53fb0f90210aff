/** Virtual folders: directories from elsewhere in the tree of a user. */
import { Type } from 'typebox'
import { record, virtualPath } from './parts.ts'
import { permissionList, role } from './permissions.ts'

const path = virtualPath(
  'Where users see it, as an absolute path; not `/`. What they have there themselves is not seen.',
)
const permissions = Type.Optional(
  permissionList('What users may do there. At most one of `permissions` and `role`; as elsewhere if neither is given.'),
)
const roleThere = Type.Optional(role('What users may do there, by role: `read-only`, for example.'))

/** Of one user. What a user list can name lies below the root: who writes lists has no say over the rest of the system. */
export const userFolders = Type.Array(
  record(
    {
      path,
      target: virtualPath('The directory below the root, as an absolute path. Made when it is first used.'),
      permissions,
      role: roleThere,
    },
    { description: 'A folder.' },
  ),
  {
    maxItems: 64,
    description:
      'Directories below the root that the user sees in the home, beside those of `folders` in `server.yaml`.',
  },
)

export const folders = Type.Array(
  record(
    {
      path,
      target: Type.Optional(
        virtualPath('A directory below the root, as an absolute path. Made when it is first used.'),
      ),
      directory: Type.Optional(
        Type.String({
          format: 'virtual-path',
          maxLength: 4096,
          description:
            'A directory of the system, as an absolute path, such as the mount point of a volume. Exactly one of `target` and `directory`. `quotas` do not count there.',
        }),
      ),
      permissions,
      role: roleThere,
      users: Type.Optional(
        Type.Array(Type.String({ format: 'user-name', description: 'Name of a user.' }), {
          minItems: 1,
          maxItems: 1024,
          description: 'Who has the folder: names of users, `anonymous` among them. All but anonymous users if absent.',
        }),
      ),
    },
    { description: 'A folder.' },
  ),
  {
    maxItems: 64,
    default: [],
    description:
      'Virtual folders: directories that users see in their homes. They are always there, and can’t be removed or renamed. A user’s own `paths` go before what is said here.',
  },
)
