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
    transfers: oneOf(['events', 'xferlog'], {
      default: 'events',
      description:
        'Lines of uploads and downloads: `events` like all others, or those of wu-ftpd’s `xferlog`, which statistics of FTP servers read, whatever the `level`. They have the time zone of `listing`.',
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
    user: Type.Optional(
      Type.String({
        format: 'user-name',
        description:
          'Name of the user with whom something outside tries whether clients get in: one of the lists, but its files are a made-up one in memory, a session of it gets no passive port twice before it has had all, and what it does is nobody’s: it is not counted among users and sessions, takes no place that `limits` bound, counts for no ban and against no bandwidth, and leaves metrics, events and lines of transfers as they are. Attempts to guess its password count as those of any user.',
      }),
    ),
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
    'Processes that serve sessions: a number from 1 to 64, or `auto` for as many as there are cores, up to 16. With 1, the first process serves them itself; with more, each is a process beside the first, which takes about 50 MiB of memory and uses a core. There are no more than passive ports, unless `passive.sharing` is `off`.',
})
