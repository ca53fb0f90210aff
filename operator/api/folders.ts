/** Virtual folders: the server's own settings, and claims in place of directories of the system. */
import { Type } from 'typebox'
import { serverSchema } from '../../server/config/schema.ts'
import { listByKey, objectName, record } from './fields.ts'
import { kubernetesStyle } from './kubernetes-style.ts'

const { items, maxItems } = serverSchema.properties.folders as unknown as Folders
type Folders = typeof serverSchema.properties.folders & { readonly maxItems: number }
const { path, target, directory: _, ...rest } = items.properties

export const folders = listByKey(
  'path',
  kubernetesStyle(
    record(
      {
        path,
        target,
        claimName: Type.Optional(
          objectName(
            'A claim that is there already, for all replicas: its volume is the folder. The operator neither changes nor deletes it. Another one means a restart.',
          ),
        ),
        ...rest,
      },
      { description: 'A folder: exactly one of `target` and `claimName`.' },
    ),
  ),
  {
    maxItems,
    default: [],
    description:
      'Virtual folders: directories and volumes that users see in their homes. They are always there, and can’t be removed or renamed. A user’s own `paths` go before what is said here.',
  },
)
