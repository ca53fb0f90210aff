/** Bans of client addresses: the server's own settings, and when they are to be in force. */
import { serverSchema } from '../../server/config/schema.ts'
import { oneOf, record } from './fields.ts'
import { kubernetesStyle } from './kubernetes-style.ts'

const { enabled: _, ...settings } = serverSchema.properties.bans.properties

export const bans = kubernetesStyle(
  record(
    {
      mode: oneOf(['auto', 'enabled', 'disabled'], {
        default: 'auto',
        description:
          'Whether clients that try passwords or abuse the protocol are banned. `auto`: where the address of clients reaches the server, as the condition `SourceIPPreserved` says; where the network hides it, a ban would be one for all clients.',
      }),
      ...settings,
    },
    {
      default: {},
      description:
        'Bans of client addresses, shared by all replicas through the volume with the files. A banned client is not answered; its sessions end unless a user is logged in.',
    },
  ),
)
