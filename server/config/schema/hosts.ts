/** Virtual hosts (RFC 7151): names that clients give by HOST or by SNI, each with what differs from the server's own. */
import { type Static, Type } from 'typebox'
import { welcome } from './messages.ts'
import { oneOf, record, virtualPath } from './parts.ts'

/** A host name as clients send it (RFC 7151 section 3.1): A-labels, no port. */
export const hostName = (description: string) => Type.String({ format: 'host-name', maxLength: 253, description })

const host = record(
  {
    name: hostName('Name of the host, by which clients ask for it, and in logs, metrics and status.'),
    aliases: Type.Array(hostName('A host name.'), {
      maxItems: 8,
      default: [],
      description: 'Further names of the same host.',
    }),
    banner: Type.Optional(
      Type.String({
        maxLength: 2048,
        description: 'Text of the greeting after HOST; may have several lines. The server’s `banner` if absent.',
      }),
    ),
    welcome: welcome('Text after login here; that of `messages` if absent.'),
    root: virtualPath('Directory below the server’s `root` in which the homes of the users are who log in here.', {
      default: '/',
    }),
    users: oneOf(['all', 'own'], {
      default: 'all',
      description:
        'Who may log in here: `all` users whose `hosts` do not say otherwise, or the host’s `own`, who name it in their `hosts`.',
    }),
    certificate: Type.Optional(
      Type.String({
        format: 'host-name',
        maxLength: 253,
        description:
          'Directory below `tls/` with the host’s certificate, as `tls.crt` and `tls.key`. The server’s certificate if absent.',
      }),
    ),
  },
  { description: 'A virtual host.' },
)
export type HostConfiguration = Static<typeof host>

export const hosts = Type.Array(host, {
  maxItems: 32,
  default: [],
  description:
    'Virtual hosts (RFC 7151): clients name one by HOST before they log in, or by SNI in the TLS handshake. Who names none is on the server itself.',
})
