/** The process: state that is kept, logs, probes, workers. */
import { Type } from 'typebox'
import { oneOf, port, record } from './parts.ts'

export const state = record(
  {
    directory: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          'Directory in which the server keeps bans over a restart, and shares them with other servers that use the same one. Made if it is missing; relative to the working directory unless absolute. May lie below `root`: no user sees it. Without it, bans are kept in memory.',
      }),
    ),
  },
  { default: {}, description: 'What the server keeps for itself.' },
)

export const logging = record(
  {
    level: oneOf(['debug', 'info', 'warn', 'error'], {
      default: 'info',
      description: 'Lowest level that is logged. `debug` logs each command.',
    }),
    format: oneOf(['auto', 'json', 'text'], {
      default: 'auto',
      description: '`auto`: text if stdout is a terminal, JSON otherwise.',
    }),
  },
  { default: {}, description: 'Logs, to stdout.' },
)

export const probes = record(
  {
    enabled: Type.Boolean({ default: true, description: 'Whether /livez, /readyz, /metrics and /status are served.' }),
    port: port('TCP port of the probes.', { default: 8080 }),
    addresses: Type.Array(Type.String({ format: 'ip', description: 'A local address.' }), {
      minItems: 1,
      maxItems: 16,
      default: ['::'],
      description: 'Local addresses to serve the probes on.',
    }),
  },
  { default: {}, description: 'Health, metrics and status over HTTP.' },
)

/** Most processes that one server may have. */
export const maxWorkers = 64

export const workers = Type.Unsafe<number | 'auto'>({
  anyOf: [
    { type: 'integer', minimum: 1, maximum: maxWorkers },
    { type: 'string', enum: ['auto'] },
  ],
  default: 1,
  description:
    'Processes that serve sessions: a number from 1 to 64, or `auto` for as many as there are cores, up to 16. With 1, the first process serves them itself; with more, each is a process beside the first, which takes about 50 MiB of memory and uses a core.',
})
