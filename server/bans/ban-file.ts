/** A file of bans: what one server tells others, and itself after a restart. Pure. */
import { isIP } from 'node:net'
import type { Ban } from './ban.ts'
import { addressOf, clientKey } from './client-key.ts'
import { type Offence, offences } from './offence.ts'

/** The text of a file: JSON, with times as RFC 3339 has them. */
export function formatBans(bans: readonly Ban[]): string {
  const entries = bans.map(({ client, from, until, count, offence }) =>
    JSON.stringify({
      client,
      from: new Date(from).toISOString(),
      until: new Date(until).toISOString(),
      count,
      offence,
    }),
  )
  return `{"version":1,"bans":[${entries.length === 0 ? '' : `\n${entries.join(',\n')}\n`}]}\n`
}

/** The bans of a file; undefined if it is no such file. One bad entry spoils the file: nobody can tell what else is wrong with it. */
export function parseBans(text: string): readonly Ban[] | undefined {
  const value = parseJson(text)
  if (!isRecord(value) || value['version'] !== 1 || !Array.isArray(value['bans'])) return undefined
  const bans = value['bans'].map(parseBan)
  return bans.every(ban => ban !== undefined) ? bans : undefined
}

function parseBan(value: unknown): Ban | undefined {
  if (!isRecord(value)) return undefined
  const { client, count } = value
  const [from, until] = [parseTime(value['from']), parseTime(value['until'])]
  const offence = offences.find(known => known === value['offence']) ?? unknownOffence
  if (typeof client !== 'string' || isIP(addressOf(client)) === 0 || clientKey(addressOf(client)) !== client)
    return undefined
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 1) return undefined
  if (from === undefined || until === undefined) return undefined
  return { client, from, until, count, offence }
}

// Another version of the server may know others; a ban for them counts all the same.
const unknownOffence: Offence = 'other-protocol'

function parseTime(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isFinite(time) ? time : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
