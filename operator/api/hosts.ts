/** Virtual hosts: the server's own settings, and the Secrets of their certificates. */
import { Type } from 'typebox'
import { serverSchema } from '../../server/config/schema.ts'
import { list, listByKey, objectName, record, textLike } from './fields.ts'
import { kubernetesStyle } from './kubernetes-style.ts'

const { name: _, aliases: __, certificate: ___, ...settings } = serverSchema.properties.hosts.items.properties

/** In lower case, so that rules can compare names as they are: to fold their case costs the API server too much. */
const hostName = (description: string) =>
  textLike(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, {
    maxLength: 253,
    description,
  })

export const hosts = listByKey(
  'name',
  kubernetesStyle(
    record(
      {
        name: hostName(
          'Name of the host, by which clients ask for it, and in logs, metrics and status; in lower case.',
        ),
        aliases: list(hostName('A host name.'), {
          maxItems: 8,
          default: [],
          description: 'Further names of the same host.',
        }),
        ...settings,
        secretName: Type.Optional(
          objectName(
            'Secret with the host’s certificate, in the layout of `kubernetes.io/tls`. Followed as it is renewed; until it is there, the host has the server’s certificate.',
          ),
        ),
      },
      { description: 'A virtual host.' },
    ),
  ),
  {
    maxItems: 16,
    default: [],
    description:
      'Virtual hosts (RFC 7151): clients name one by HOST before they log in, or by SNI in the TLS handshake. Who names none is on the server itself. Another Secret means a restart.',
  },
)
