/** Several servers behind one address: connections for a passive port of another one are relayed to it. */
import { Type } from 'typebox'
import { port, record, seconds } from './parts.ts'

const ip = (description: string) => Type.String({ format: 'ip', maxLength: 45, description })

export const relay = record(
  {
    secretFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          'File with the secret that the servers share, at least 32 characters; relative to the configuration directory unless absolute. May have up to four lines: the first secret signs, all are believed, so that it can be changed while connections come. Without it nothing is relayed and nothing relayed is taken.',
      }),
    ),
    port: Type.Optional(
      port('TCP port at which other servers hand over connections for passive ports of this one. None without it.'),
    ),
    addresses: Type.Array(ip('A local address.'), {
      minItems: 1,
      maxItems: 16,
      default: ['::'],
      description: 'Local addresses for that port and for `ports`.',
    }),
    ports: Type.Array(
      record(
        {
          first: port('First port of the range.'),
          last: port('Last port of the range; not below `first`.'),
          peer: Type.Optional(
            record(
              { address: ip('Its address.'), port: port('Its `relay.port`.') },
              {
                description:
                  'The server whose passive ports these are. Without it it is not known yet: connections wait until it is, for `connectTimeoutSeconds`.',
              },
            ),
          ),
        },
        { description: 'Passive ports of another server.' },
      ),
      {
        maxItems: 256,
        default: [],
        description:
          'Passive ports of other servers. This one listens on them as well, and relays what comes there, with the address of the client, in a header of the PROXY protocol that is signed. What is between client and server stays as it is: clear text in clear text, TLS from end to end.',
      },
    ),
    connectTimeoutSeconds: seconds('How long a connection may wait for the server whose it is.', {
      default: 10,
      maximum: 60,
    }),
    maxConnections: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 1024,
      description: 'Connections that are relayed at once; more are refused.',
    }),
  },
  { default: {}, description: 'Relaying of data connections between servers behind one address.' },
)
