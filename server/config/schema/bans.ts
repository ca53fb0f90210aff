/** Bans of client addresses. */
import { Type } from 'typebox'
import { network, record, seconds } from './parts.ts'

/** Networks whose addresses are nobody's in particular: behind gateways, proxies, load balancers and bridges of containers. */
const privateNetworks = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
]

export const bans = record(
  {
    enabled: Type.Boolean({
      default: true,
      description:
        'Whether clients that try passwords or abuse the protocol are banned. Where the network hides the addresses of clients behind public ones, a ban would be one for all of them.',
    }),
    threshold: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 10,
      description:
        'Points within `windowSeconds` at which a client is banned: 1 for a wrong password, 2 for an unknown user, and more for abuse of the protocol.',
    }),
    windowSeconds: seconds('Points count for so long.', { default: 600 }),
    durationSeconds: seconds('How long the first ban of a client lasts; each further one lasts twice as long.', {
      default: 600,
      maximum: 2_592_000,
    }),
    maxDurationSeconds: seconds(
      'How long a ban lasts at most. Who has not been banned for so long after the last ban begins anew; not below `durationSeconds`.',
      { default: 86_400, maximum: 2_592_000 },
    ),
    exemptNetworks: Type.Array(network, {
      maxItems: 256,
      default: privateNetworks,
      description:
        'Networks that are never banned; running bans of their clients are lifted. By default the private and local ones, which may stand for many clients behind a gateway or proxy.',
    }),
    maxAddresses: Type.Integer({
      minimum: 100,
      maximum: 100_000,
      default: 10_000,
      description:
        'Clients that points and bans are remembered of, an IPv6 network of 64 bits being one; the oldest are forgotten.',
    }),
  },
  {
    default: {},
    description:
      'Bans of client addresses. A banned client is not answered; its sessions end unless a user is logged in.',
  },
)
