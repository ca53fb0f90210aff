/** The facts that MFF sets, as they are written: `<fact>=<value>;` for each, a space, and a name. */
import { type Reply, reply } from '../control/reply.ts'
import { parseTime } from '../listing/facts.ts'

export type NewFacts = {
  /** Milliseconds since the epoch. */
  readonly modified?: number | undefined
  /** Permission bits, 0 to 0o777. */
  readonly mode?: number | undefined
}

/** What is wrong, if something is. */
export function parseNewFacts(
  argument: string,
): { readonly facts: NewFacts; readonly name: string } | { readonly refusal: Reply } {
  const [, written = '', name] = /^((?:[^=; ]+=[^=; ]+;)+) (.+)$/s.exec(argument) ?? []
  if (name === undefined) return { refusal: reply(501, 'Facts must each end with a semicolon.') }
  const facts: { modified?: number; mode?: number } = {}
  for (const assignment of written.split(';').slice(0, -1)) {
    const [fact = '', value = ''] = assignment.split('=')
    const key = keys.get(fact.toLowerCase())
    if (key === undefined) return { refusal: reply(504, `The fact ${fact.slice(0, 32)} cannot be set.`) }
    if (facts[key] !== undefined) return { refusal: reply(501, `The fact ${fact} is there twice.`) }
    const parsed = key === 'modified' ? parseTime(value) : parseMode(value)
    if (parsed === undefined) return { refusal: reply(501, `The value of ${fact} is malformed.`) }
    facts[key] = parsed
  }
  return { facts, name }
}

const keys: ReadonlyMap<string, keyof NewFacts> = new Map([
  ['modify', 'modified'],
  ['unix.mode', 'mode'],
])

function parseMode(value: string): number | undefined {
  return /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined
}
