/** What happens between a client and TLS by OpenSSL itself behind the handshake. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TlsConnection } from '../../server/tls/openssl/tls-connection.ts'
import { type HandmadeRecords, recordTypes } from '../support/handmade-records.ts'
import type { Script } from './script.ts'

export type Conversation = {
  readonly client: Socket
  readonly connection: TlsConnection
  readonly records: HandmadeRecords
  readonly read: (into: Buffer) => ReturnType<TlsConnection['read']>
  /** What the client has said in records as they should be, and what of it was heard. */
  said: Buffer
  heard: Buffer
  /** How much of it came before anything else. */
  soundBytes: number
  isSound: boolean
  /** Whether the server has said that it is done: nobody would have it say more. */
  isAnswered: boolean
}

/** How much a client can make the server send by a record: an alert, or an answer. */
const mostOfRecord = 100

/** Something that happens, and how many more bytes the server may send from then on. */
type Act = (conversation: Conversation, script: Script) => number | Promise<number>

export const acts: readonly [Act, ...Act[]] = [
  async function sendData(conversation, script) {
    const content = script.some()
    if (!conversation.client.writable) return 0
    conversation.said = Buffer.concat([conversation.said, content])
    if (conversation.isSound) conversation.soundBytes = conversation.said.length
    await send(conversation, script, conversation.records.sealed(recordTypes.applicationData, content))
    return mostOfRecord
  },
  async function sendAnything(conversation, script) {
    conversation.isSound = false
    const type = script.byte()
    // That would be data.
    if (type === recordTypes.applicationData) return 0
    await send(conversation, script, conversation.records.sealed(type, script.some()))
    return mostOfRecord
  },
  async function updateKey(conversation, script) {
    conversation.isSound = false
    const message = Buffer.of(24, 0, 0, 1, script.byte())
    await send(conversation, script, conversation.records.sealed(recordTypes.handshake, message))
    conversation.records.nextKey()
    return mostOfRecord
  },
  async function sendBroken(conversation, script) {
    conversation.isSound = false
    const record = conversation.records.sealed(script.byte(), script.some())
    const at = script.byte() % record.length
    record[at] = (record[at] ?? 0) ^ (script.byte() || 1)
    await send(conversation, script, record)
    return mostOfRecord * record.length
  },
  async function sendClear(conversation, script) {
    conversation.isSound = false
    const bytes = script.some()
    await send(conversation, script, bytes)
    return mostOfRecord * bytes.length
  },
  async function end({ client }) {
    if (client.writable) await new Promise<void>(resolve => client.end(resolve))
    return 0
  },
  listen,
  function answer({ connection, isAnswered }, script) {
    const bytes = script.some()
    if (isAnswered) return 0
    connection.write(bytes)
    return bytes.length + mostOfRecord
  },
  function giveTickets({ connection, isAnswered }) {
    if (isAnswered) return 0
    connection.sendTickets()
    return 1024
  },
  function sayEnd(conversation, script) {
    const bytes = script.some()
    if (conversation.isAnswered) return 0
    conversation.isAnswered = true
    conversation.connection.writeEnd(bytes)
    return bytes.length + mostOfRecord
  },
]

/** In two pieces, with a look in between. */
async function send(conversation: Conversation, script: Script, bytes: Buffer): Promise<void> {
  const { client } = conversation
  const at = script.byte()
  if (!client.writable) return
  await written(client, bytes.subarray(0, at))
  if (at >= bytes.length) return
  listen(conversation)
  await written(client, bytes.subarray(at))
}

/** Resolves once the kernel has it, and so the other end, or never will. */
async function written(client: Socket, bytes: Buffer): Promise<void> {
  await new Promise<void>(resolve => client.write(bytes, () => resolve()))
}

/** Until nothing more has come. */
export function listen(conversation: Conversation): number {
  const into = Buffer.alloc(64)
  for (let reads = 0; ; reads += 1) {
    assert(reads < 10_000, 'it reads for ever')
    const read = conversation.read(into)
    // A record without data is read by a call of its own.
    if (read === 'nothing yet' && conversation.connection.bare.peek(into) !== read) continue
    if (typeof read !== 'number') return 0
    assert(read >= 0 && read <= into.length)
    conversation.heard = Buffer.concat([conversation.heard, into.subarray(0, read)])
    assert(conversation.said.subarray(0, conversation.heard.length).equals(conversation.heard))
  }
}
