/** OPTS MODE of draft-preston-ftpext-deflate: how MODE Z deflates. */
import type { Configuration } from '../config/configuration.ts'
import type { Outcome } from '../control/command.ts'
import { type Reply, reply } from '../control/reply.ts'

type Deflate = Configuration['server']['transfers']['deflate']

/** `Z LEVEL n`; what else could be set, is what it is here. Without options, all are as configured again. */
export function setDeflateOptions(options: string, deflate: Deflate): Outcome {
  const [mode = '', ...words] = options.trim().toUpperCase().split(/ +/)
  if (mode !== 'Z') return { kind: 'reply', reply: reply(501, 'Options of a mode can be set for MODE Z.') }
  if (!deflate.enabled) return { kind: 'reply', reply: reply(504, 'MODE Z is switched off.') }
  let level: number | undefined
  for (let at = 0; at < words.length; at += 2) {
    const [name = '', value = ''] = words.slice(at)
    const refused = refusal(name, value, deflate)
    if (refused !== undefined) return { kind: 'reply', reply: refused }
    if (name === 'LEVEL') level = Number(value)
  }
  const set = reply(200, `The level of MODE Z is ${level ?? deflate.level}.`)
  return { kind: 'reply', reply: set, session: { deflateLevel: level } }
}

function refusal(name: string, value: string, { maxLevel }: Deflate): Reply | undefined {
  if (name === 'LEVEL') {
    const isLevel = /^\d$/.test(value) && Number(value) <= maxLevel
    return isLevel ? undefined : reply(501, `Levels of MODE Z are 0 to ${maxLevel}.`)
  }
  if (!fixed.has(name) || value === '') return reply(501, 'Options of MODE Z are LEVEL, ENGINE and METHOD.')
  return fixed.get(name) === value ? undefined : reply(504, 'This option of MODE Z is not supported.')
}

/** There is one of each; blocks and extra data of the format have no place in zlib. */
const fixed = new Map<string, string | undefined>([
  ['ENGINE', 'ZLIB'],
  ['METHOD', '8'],
  ['BLOCKSIZE', undefined],
  ['EXTRA', undefined],
])
