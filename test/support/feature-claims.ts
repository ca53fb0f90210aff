/** What FEAT, HELP and SITE HELP say that a session may use, each with what a client would send to use it. */
import { algorithms } from '../../server/checksums/algorithm.ts'
import { commands } from '../../server/commands/index.ts'
import { siteCommands } from '../../server/commands/site.ts'
import { languages } from '../../server/config/schema/language.ts'
import type { Command } from '../../server/control/command.ts'
import { factNames } from '../../server/listing/facts.ts'
import type { Case, Row } from './conformance/conformance.ts'
import { extensionRows, siteRows } from './conformance/extensions.ts'
import { fileRows } from './conformance/files.ts'
import { sessionRows } from './conformance/session.ts'
import type { FtpClient } from './ftp-client.ts'

export type Claim = {
  readonly name: string
  readonly isMade: boolean
  /** Where it is made, one of them is to be taken; where it is not, none. */
  readonly probes: readonly Probe[]
}

export type Probe = Pick<Case, 'send' | 'after' | 'gets' | 'puts'>

/** What a session is told of itself. */
type Lists = {
  readonly features: readonly string[]
  readonly verbs: ReadonlySet<string>
  /** Undefined before login, when SITE HELP is not answered. */
  readonly siteVerbs: ReadonlySet<string> | undefined
}

/** Every command of the table, and each part of a line of FEAT that says more than a verb. Throws for what it has no probe for. */
export async function claimsTo(client: FtpClient): Promise<readonly Claim[]> {
  const lists = await askAll(client)
  const claims = [...commands.flatMap(command => claimsOf(command, lists)), ...siteClaims(lists), ...details(lists)]
  const known = new Set([...claims.map(({ name }) => name), ...properties])
  const unknown = lists.features.filter(line => !claimsIn(line).every(name => known.has(name)))
  if (unknown.length > 0) throw new Error(`Nothing is known of the features ${unknown.join(', ')}.`)
  return claims
}

/** Lines of FEAT for properties of names, which no command stands for. */
const properties = ['UTF8', 'TVFS']
const rows: Readonly<Record<string, Row>> = { ...sessionRows, ...fileRows, ...extensionRows }

async function askAll(client: FtpClient): Promise<Lists> {
  const { lines: features } = await client.send('FEAT')
  const { lines: help } = await client.send('HELP')
  const { code, lines: site } = await client.send('SITE HELP')
  const siteVerbs = site.slice(1, -1).map(line => line.trim().split(' ')[1] ?? '')
  return {
    features: features.slice(1, -1).map(line => line.slice(1)),
    verbs: new Set(help.slice(1, -1).flatMap(line => line.trim().split(/ +/))),
    siteVerbs: code === 214 ? new Set(siteVerbs) : undefined,
  }
}

function claimsOf(command: Command, { features, verbs }: Lists): readonly Claim[] {
  const [first] = command.verbs
  return command.verbs.flatMap(verb => {
    const named: Claim = { name: verb, isMade: verbs.has(verb), probes: probesOf(verb, rows[verb]) }
    // Their lines are not of the command as a whole.
    const hasLine = command.features !== undefined && !['FEAT', 'MODE', 'REST', 'RANG'].includes(first)
    return hasLine ? [named, { ...named, isMade: features.some(line => isAbout(line, verb)) }] : [named]
  })
}

function siteClaims({ features, siteVerbs }: Lists): readonly Claim[] {
  return siteCommands.flatMap(({ verbs: [verb], features: lines }) => {
    const name = `SITE ${verb}`
    const probes = probesOf(name, siteRows[verb])
    return [
      ...(siteVerbs === undefined ? [] : [{ name, isMade: siteVerbs.has(verb), probes }]),
      ...(lines === undefined ? [] : [{ name, isMade: features.includes(name), probes }]),
    ]
  })
}

/** What a line says beside the name of a command. */
function details({ features }: Lists): readonly Claim[] {
  const has = (verb: string, part: string): boolean =>
    features.some(line => isAbout(line, verb) && partsOf(line.slice(verb.length + 1)).includes(part))
  const claim = (verb: string, part: string, send: string, ...after: readonly string[]): Claim => ({
    name: `${verb} ${part}`,
    isMade: has(verb, part),
    probes: [{ send, after }],
  })
  return [
    claim('MODE', 'Z', 'MODE Z'),
    claim('MODE', 'Z', 'OPTS MODE Z LEVEL 1'),
    { name: 'REST STREAM', isMade: has('REST', 'STREAM'), probes: restarting('REST 10') },
    { name: 'RANG STREAM', isMade: has('RANG', 'STREAM'), probes: restarting('RANG 10 11') },
    claim('AUTH', 'TLS', 'AUTH TLS'),
    claim('MFF', 'Modify', 'MFF Modify=20200229123456; file'),
    claim('MFF', 'UNIX.mode', 'MFF UNIX.mode=0640; file'),
    ...factNames.map(fact => claim('MLST', fact, `OPTS MLST ${fact};`)),
    ...algorithms.map(algorithm => claim('HASH', algorithm, `OPTS HASH ${algorithm}`)),
    ...algorithms.map(algorithm => claim('HASH', algorithm, 'HASH file', `OPTS HASH ${algorithm}`)),
    ...languages.map(language => claim('LANG', language.toUpperCase(), `LANG ${language}`)),
    claim('LANG', 'NL', 'LANG nl'),
    claim('HASH', 'MD4', 'OPTS HASH MD4'),
  ]
}

/** It is the transfer that tells: what comes before it is always taken. */
function restarting(line: string): readonly Probe[] {
  return [
    { send: 'RETR file', after: ['TYPE I', line], gets: '' },
    { send: 'STOR file', after: ['TYPE I', line], puts: 'mo' },
  ]
}

/** What is answered positively by who may do everything; if nothing is, what is refused to them. */
function probesOf(verb: string, row: Row | undefined): readonly Probe[] {
  const own = row?.cases.filter(({ send }) => new RegExp(`^${verb}( |$)`, 'i').test(send)) ?? []
  // Who has said USER before is in another kind of session.
  const taken = own.filter(({ code, by, after }) => code < 400 && (by === undefined || after === undefined))
  const probes = taken.length > 0 ? taken : own.slice(0, 1)
  if (probes.length === 0) throw new Error(`Nothing is known to send for ${verb}.`)
  return probes
}

function isAbout(line: string, verb: string): boolean {
  return line === verb || line.startsWith(`${verb} `)
}

/** What a line of FEAT claims, by the names of claims. */
function claimsIn(line: string): readonly string[] {
  const [verb = '', value = ''] = line.split(' ')
  return value === '' ? [verb] : partsOf(value).map(part => `${verb} ${part}`)
}

/** Stars mark what is in use. */
function partsOf(value: string): readonly string[] {
  return value.split(/[;*]+/).filter(part => part !== '')
}
