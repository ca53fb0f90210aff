/** Events: what is told to other systems as it happens. */
import { Type } from 'typebox'
import { oneOf, record, seconds } from './parts.ts'

/** Kinds of events; the CloudEvents attribute `type` is made of them. */
export const eventKinds = ['upload', 'download', 'copy', 'delete', 'rename', 'login-failed', 'ban'] as const
export type EventKind = (typeof eventKinds)[number]

/** What follows the host may hold anything but white space. */
export const urlPattern = '^https?://[^\\s/@]+(/\\S*)?$'
/** Printable US-ASCII, as all of a URI is. */
export const sourcePattern = '^[!-~]+$'

const sink = record(
  {
    name: Type.String({
      pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
      maxLength: 63,
      description: 'Name of the sink in logs, metrics and the spool: who changes it begins anew.',
    }),
    url: Type.String({
      pattern: urlPattern,
      maxLength: 2048,
      description: 'Where events are sent by POST: `http` or `https`, without user and password.',
    }),
    kinds: Type.Array(oneOf(eventKinds, { description: 'A kind of events.' }), {
      minItems: 1,
      maxItems: eventKinds.length,
      uniqueItems: true,
      default: [...eventKinds],
      description: 'What the sink is told of.',
    }),
    mode: oneOf(['structured', 'binary'], {
      default: 'structured',
      description:
        'Content mode of CloudEvents over HTTP. `structured`: the whole event as JSON. `binary`: the attributes in headers, which the signature does not cover, and the data as JSON.',
    }),
    secretFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          'File with the secret that requests are signed with, a line each if there are several; read again as it changes. Relative to the working directory unless absolute. Without it they are not signed.',
      }),
    ),
    timeoutSeconds: seconds('Longest time until the sink has answered.', { default: 10, maximum: 300 }),
    maxRetrySeconds: seconds(
      'Longest pause between two attempts; the first is half a second, each further one twice as long.',
      {
        default: 300,
        maximum: 3600,
      },
    ),
  },
  { description: 'Where events are sent.' },
)

export const events = record(
  {
    source: Type.String({
      minLength: 1,
      maxLength: 1024,
      pattern: sourcePattern,
      default: 'ftp-server',
      description: 'The attribute `source` of all events: a URI or a part of one, which tells this server from others.',
    }),
    durability: oneOf(['none', 'spooled'], {
      default: 'none',
      description:
        'When a transfer, a deletion or a renaming is answered: without waiting for the event (`none`; who kills the process takes the events of the last moments), or once the disk has it (`spooled`).',
    }),
    spool: record(
      {
        maxBytes: Type.Integer({
          minimum: 1_048_576,
          maximum: 1_099_511_627_776,
          default: 67_108_864,
          description: 'Most that events which are not delivered may take. In bytes.',
        }),
        whenFull: oneOf(['drop-oldest', 'drop-newest'], {
          default: 'drop-oldest',
          description:
            'What is lost when the spool is full: the oldest events, for the sinks that lag behind so far, or those that happen, for all sinks.',
        }),
      },
      { default: {}, description: 'Where events wait: `events` in the directory of `state`.' },
    ),
    sinks: Type.Array(sink, {
      maxItems: 16,
      default: [],
      description: 'Where events are sent: each sink gets them in their order, at least once. Needs `state.directory`.',
    }),
  },
  {
    default: {},
    description: 'Events by webhook (CloudEvents 1.0): files that come, go and are fetched, failed logins, bans.',
  },
)
