/** What is fuzzed of arguments of commands, of texts in replies, and of the first bytes of a data connection. */
import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { isTotpSecret, splitCode, totpStep } from '../../server/auth/totp.ts'
import { parseNewFacts } from '../../server/commands/new-facts.ts'
import { takeLastNumber, takeNames, takeQuoted } from '../../server/commands/quoted-name.ts'
import { parseHost } from '../../server/control/asked-host.ts'
import { replyWithText, textOfFile } from '../../server/control/message-text.ts'
import { formatReply, greeting, type Reply } from '../../server/control/reply.ts'
import { parseClientHello } from '../../server/data/passive/client-hello.ts'
import { formatTime } from '../../server/listing/facts.ts'
import { decodeName, encodeName } from '../../server/storage/name.ts'

export const commandTargets = {
  'client-hellos': clientHellos,
  hosts,
  'new-facts': newFacts,
  'quoted-names': quotedNames,
  'one-time-codes': oneTimeCodes,
  messages,
}

/** Bytes are a ClientHello from the last byte of the message on, and not before; what is read stands in them. */
function clientHellos(bytes: Uint8Array): void {
  const whole = Buffer.from(bytes)
  const hello = parseClientHello(whole)
  for (const cut of new Set(
    [0, 1, 5, 6, whole.length >> 1, whole.length - 1].filter(at => at >= 0 && at < whole.length),
  )) {
    const part = parseClientHello(whole.subarray(0, cut))
    if (part.kind === 'other') assert.equal(hello.kind, 'other')
    if (part.kind === 'hello' && hello.kind !== 'other') assert.deepEqual(hello, part)
  }
  if (hello.kind !== 'hello') return
  const [first] = whole
  assert.equal(first, 22)
  for (const ticket of hello.tickets) assert(ticket.length > 0)
  const read = hello.tickets.reduce((sum, { length }) => sum + length, hello.sessionId.length)
  assert(read < whole.length && hello.sessionId.length < 256)
}

/** What was understood is understood again in the same way. */
function hosts(bytes: Uint8Array): void {
  const asked = parseHost(decodeName(bytes))
  if (asked === undefined) return
  if (asked.kind === 'name') {
    assert(/^[a-z0-9.-]{1,253}$/.test(asked.name) && isIP(asked.name) === 0)
    return assert.deepEqual(parseHost(asked.name.toUpperCase()), asked)
  }
  assert(isIP(asked.address) !== 0)
  assert.deepEqual(parseHost(`[${asked.address}]`), asked)
}

/** All of the argument belongs to a fact or to the name. */
function newFacts(bytes: Uint8Array): void {
  const argument = decodeName(bytes)
  const parsed = parseNewFacts(argument)
  if ('refusal' in parsed) return expectOneLine(parsed.refusal)
  const { facts, name } = parsed
  const { modified, mode } = facts
  const written = encodeName(argument.slice(0, argument.length - name.length)).toString('latin1')
  assert(name !== '' && argument.endsWith(` ${name}`))
  assert.equal(written.split(';').length - 1, Object.keys(facts).length)
  if (mode !== undefined) assert(mode >= 0 && mode <= 0o777 && /unix\.mode=0?[0-7]{3};/i.test(written))
  if (modified !== undefined) assert(written.toLowerCase().includes(`modify=${formatTime(modified)}`))
}

function expectOneLine(answer: Reply): void {
  assert.match(formatReply(answer), /^5\d\d [^\r\n\0]+\r\n$/)
}

/** A name in quotes is the one that is written that way; numbers and names are parts of the text. */
function quotedNames(bytes: Uint8Array): void {
  const text = decodeName(bytes)
  const quoted = takeQuoted(text)
  if (quoted !== undefined) {
    assert(quoted.name !== '')
    assert.equal(`"${quoted.name.replaceAll('"', '""')}"${quoted.rest}`, text)
  }
  const last = takeLastNumber(text)
  if (last !== undefined) {
    assert(Number.isSafeInteger(last.number) && last.number >= 0 && last.rest.length < text.length)
    assert(text.startsWith(last.rest))
    assert.equal(BigInt(/\d+$/.exec(text)?.[0] ?? ''), BigInt(last.number))
  }
  for (const name of takeNames(text) ?? [])
    assert(name !== '' && [text, text.replaceAll('""', '"')].some(source => source.includes(name)))
}

/** A secret, NUL, a password. */
function oneTimeCodes(bytes: Uint8Array): void {
  const [secret = '', given = ''] = decodeName(bytes).split('\0', 2)
  const { password, code } = splitCode(given)
  assert.equal(`${password}${code ?? ''}`, given)
  assert(code === undefined || /^\d{6}$/.test(code))
  if (!isTotpSecret(secret)) return
  const now = 1_800_000_000_000
  const step = totpStep(secret, code ?? given, now)
  assert(step === undefined || Math.abs(step - now / 30_000) <= 1)
}

/** Whatever is in a message, one reply is one reply to the client, and nothing in it is an order to a terminal. */
function messages(bytes: Uint8Array): void {
  const text = textOfFile(bytes)
  if (text !== undefined) expectOneReply(formatReply(replyWithText(230, text, 'You are logged in.')), 230, true)
  expectOneReply(formatReply(greeting(decodeName(bytes))), 220, false)
}

function expectOneReply(written: string, code: number, isPrintable: boolean): void {
  const lines = written.split('\r\n')
  assert.equal(lines.pop(), '')
  const last = lines.at(-1) ?? ''
  assert(last.startsWith(`${code} `))
  for (const line of lines) {
    assert(!/[\r\n\0]/.test(line) && (!isPrintable || !/\p{Cc}/u.test(line)))
    if (line !== last) assert(!/^\d\d\d /.test(line))
  }
  assert.equal(
    lines.findIndex(line => line.startsWith(`${code} `)),
    lines.length - 1,
  )
}
