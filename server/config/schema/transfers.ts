/** How data is represented on data connections: ASCII, and MODE Z. */
import { Type } from 'typebox'
import { oneOf, record } from './parts.ts'

export const transfers = record(
  {
    ascii: oneOf(['translate', 'off'], {
      default: 'translate',
      description:
        'What TYPE A does, which is the type until a client chooses another. `translate`: LF in files is CRLF on the network, as RFC 959 has it; a CRLF in a file is sent as it is. `off`: files go as they are, whatever the type; SIZE, REST and RANG work in TYPE A as well then.',
    }),
    deflate: record(
      {
        enabled: Type.Boolean({
          default: false,
          description:
            'Whether MODE Z is accepted. Who has chosen it keeps it for the session. It pays on slow lines; some clients, such as lftp, choose it wherever it is offered, and on fast ones it slows them down.',
        }),
        level: Type.Integer({
          minimum: 0,
          maximum: 9,
          default: 6,
          description:
            'How hard what is sent is deflated, unless a client asks for another level: 1 is fast, 9 is small.',
        }),
        maxLevel: Type.Integer({
          minimum: 0,
          maximum: 9,
          default: 9,
          description: 'The highest level that a client may ask for (`OPTS MODE Z LEVEL`).',
        }),
        maxRatio: Type.Integer({
          minimum: 1,
          maximum: 1100,
          default: 200,
          description:
            'How many times longer than what the client sends an upload may become, beyond its first 16 MiB; what becomes more is refused (552). Deflate itself ends at about 1030. Quotas and the room on the disk hold as always.',
        }),
        maxTransfers: Type.Integer({
          minimum: 1,
          maximum: 1000,
          default: 64,
          description:
            'Transfers in MODE Z at once, over all processes; further ones wait for their turn, and are answered with 451 when that takes half a minute. Each takes about half a MiB of memory.',
        }),
      },
      { default: {}, description: 'MODE Z: transfers are deflated (draft-preston-ftpext-deflate).' },
    ),
  },
  { default: {}, description: 'How data is represented on the network.' },
)
