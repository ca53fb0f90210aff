/** One case of the conformance tables: sent to a server, and held against what it must answer. */
import { expect } from 'vitest'
import type { FtpClient, FtpReply } from '../ftp-client.ts'
import type { TestServer } from '../server.ts'
import { connected, loggedIn, secured } from '../sessions.ts'
import type { Case } from './conformance.ts'

export function titleOf({ send, after = [], by, code }: Case, where: string): string {
  const who = by === undefined ? '' : 'before login, '
  return `${who}${where}: ${[...after, send].map(line => line.slice(0, 60)).join(', ')} → ${code}`
}

export async function expectAnswer(server: TestServer, one: Case, over: 'clear' | 'tls'): Promise<void> {
  const client = await openAs(server, one, over)
  for (const line of one.after ?? []) expect((await client.send(line)).code, line).toBeLessThan(400)
  const answer = await answerTo(one, client, over)
  expect(answer.code).toBe(one.code)
  // Java's clients take a reply without text for a broken one; a text that is not ASCII has not been negotiated (RFC 2640).
  expect(answer.text).toMatch(/^[ -~]+$/)
  if (one.text !== undefined) expect(answer.text).toBe(one.text)
}

async function openAs(server: TestServer, { by }: Case, over: 'clear' | 'tls'): Promise<FtpClient> {
  if (by === undefined) return over === 'clear' ? loggedIn(server) : secured(server)
  const client = await connected(server)
  if (over === 'tls') await client.startTls()
  return client
}

async function answerTo({ send, gets, puts }: Case, client: FtpClient, over: 'clear' | 'tls'): Promise<FtpReply> {
  const tls = over === 'tls' ? {} : undefined
  if (puts !== undefined) {
    const { opening, end } = await client.upload(send, puts, tls)
    expect(opening.code).toBe(150)
    return end
  }
  if (gets === undefined) return client.send(send)
  const { opening, bytes, end } = await client.download(send, tls)
  expect(opening.code).toBe(150)
  expect(bytes.toString()).toBe(gets)
  return end
}
