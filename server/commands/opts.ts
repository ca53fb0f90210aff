import { algorithmNamed } from '../checksums/algorithm.ts'
import type { Configuration } from '../config/configuration.ts'
import type { OpenCommand, Outcome } from '../control/command.ts'
import { usable } from '../control/gates.ts'
import { reply } from '../control/reply.ts'
import type { Session } from '../control/session/session.ts'
import { parseOptsMlst } from '../listing/facts.ts'
import { setDeflateOptions } from './deflate-options.ts'

/** RFC 2389 OPTS: MLST (RFC 3659 section 7.9), HASH (draft-bryan-ftpext-hash), MODE Z (draft-preston-ftpext-deflate) and UTF8. */
export const opts: OpenCommand = {
  verbs: ['OPTS'],
  syntax: 'OPTS <SP> <command-name> [<SP> <command-options>]',
  rfc: 'RFC 2389 section 4',
  summary: 'Sets options of MLST (its facts), HASH (its algorithm), MODE Z (its level) and UTF8.',
  argument: 'required',
  needs: 'nothing',
  keepsRestart: true,
  run(context, argument) {
    const { session, configuration, commands } = context
    const [, written = '', options = ''] = /^(\S+) ?(.*)$/s.exec(argument) ?? []
    const name = written.toUpperCase()
    const set = optionSetters.get(name)
    const command = commands.find(({ verbs }) => verbs.includes(name))
    if (set === undefined || (command !== undefined && !usable(command, context)))
      return { kind: 'reply', reply: reply(501, 'Options can be set for MLST, HASH, MODE Z and UTF8.') }
    return set(options, session, configuration)
  },
}

const optionSetters = new Map<string, (options: string, session: Session, configuration: Configuration) => Outcome>([
  ['MLST', setFacts],
  ['HASH', setAlgorithm],
  ['MODE', (options, _session, { server }) => setDeflateOptions(options, server.transfers.deflate)],
  ['UTF8', setUtf8],
  ['UTF-8', setUtf8],
])

function setFacts(options: string): Outcome {
  const facts = parseOptsMlst(options)
  if (facts === undefined) return { kind: 'reply', reply: reply(501, 'Facts must each end with a semicolon.') }
  const chosen = facts.map(fact => `${fact};`).join('')
  return { kind: 'reply', reply: reply(200, `MLST OPTS ${chosen}`.trimEnd()), session: { facts } }
}

function setAlgorithm(options: string, { hashAlgorithm }: Session): Outcome {
  const name = options.trim()
  if (name === '') return { kind: 'reply', reply: reply(200, hashAlgorithm) }
  const algorithm = algorithmNamed(name)
  if (algorithm === undefined) return { kind: 'reply', reply: reply(501, 'There is no such algorithm: see FEAT.') }
  return { kind: 'reply', reply: reply(200, algorithm), session: { hashAlgorithm: algorithm } }
}

// Windows Explorer needs 200 here; names are UTF-8 whatever is asked (RFC 2640).
function setUtf8(options: string): Outcome {
  const off = /^off$/i.test(options.trim())
  return { kind: 'reply', reply: off ? reply(504, 'Names are always UTF-8.') : reply(200, 'Names are UTF-8.') }
}
