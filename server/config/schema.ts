/** THE schema: every key of a server's configuration, its default and what it means. Types, validation, docs and (with the operator) the CRD come from here. */
import { type Static, Type } from 'typebox'
import { bandwidth } from './schema/bandwidth.ts'
import { bans } from './schema/bans.ts'
import { active, listener, passive } from './schema/connections.ts'
import { events } from './schema/events.ts'
import { quotas, storage, uploads } from './schema/files.ts'
import { folders } from './schema/folders.ts'
import { hosts } from './schema/hosts.ts'
import { language } from './schema/language.ts'
import { limits } from './schema/limits.ts'
import { messages } from './schema/messages.ts'
import { names } from './schema/names.ts'
import { record } from './schema/parts.ts'
import { logging, probes, state, workers } from './schema/process.ts'
import { relay } from './schema/relay.ts'
import { tls } from './schema/tls.ts'
import { transfers } from './schema/transfers.ts'
import { anonymous } from './schema/user.ts'

/** `server.yaml`. */
export const serverSchema = record(
  {
    listeners: Type.Array(listener, {
      minItems: 1,
      maxItems: 16,
      default: [{ name: 'ftp', port: 2121 }],
      description: 'Ports for control connections.',
    }),
    root: Type.String({
      minLength: 1,
      maxLength: 4096,
      default: '/data',
      description: 'Directory in which the homes of the users are. Relative to the working directory unless absolute.',
    }),
    banner: Type.String({
      maxLength: 2048,
      default: 'Service ready for new user.',
      description: 'Text of the greeting; may have several lines.',
    }),
    language,
    messages,
    hosts,
    workers,
    passive,
    relay,
    active,
    limits,
    bandwidth,
    bans,
    state,
    storage,
    uploads,
    transfers,
    quotas,
    folders,
    names,
    anonymous,
    tls,
    listing: record(
      {
        timeZone: Type.String({
          format: 'time-zone',
          maxLength: 64,
          default: 'UTC',
          description: 'IANA name of the time zone of LIST; MLSD and MDTM are always UTC.',
        }),
      },
      { default: {}, description: 'Directory listings.' },
    ),
    events,
    logging,
    probes,
  },
  { description: 'Configuration of an FTP server: `server.yaml`.' },
)
export type ServerConfiguration = Static<typeof serverSchema>
export type ListenerConfiguration = ServerConfiguration['listeners'][number]
export type Limits = ServerConfiguration['limits']
