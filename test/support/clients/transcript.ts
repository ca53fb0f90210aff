/** Dialogues with clients that can't be run here: their lines as they send them, and the answers they need. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect } from 'vitest'
import { type FtpClient, type FtpReply, readAll } from '../ftp-client.ts'

/** A line, with the code of the answer that the client needs to go on. */
export type Exchange = readonly [line: string, code: number]

export async function play(client: FtpClient, ...dialogue: readonly Exchange[]): Promise<void> {
  for (const [line, code] of dialogue) expect([line, (await client.send(line)).code]).toEqual([line, code])
}

/** As `play` does, for one line whose answer says more than its code. */
export async function ask(client: FtpClient, line: string, code: number): Promise<FtpReply> {
  const answer = await client.send(line)
  expect([line, answer.code]).toEqual([line, code])
  return answer
}

/** PASV, and a connection to where its answer points. */
export async function byPasv(client: FtpClient): Promise<Socket> {
  const { text } = await ask(client, 'PASV', 227)
  const [high, low] = (/,(\d+),(\d+)\)/.exec(text) ?? []).slice(1).map(Number)
  const data = connect({ port: (high ?? 0) * 256 + (low ?? 0), host: '127.0.0.1', noDelay: true })
  await once(data, 'connect')
  data.on('error', () => undefined)
  return data
}

/** PORT, and whoever comes. */
export async function byPort(client: FtpClient): Promise<() => Promise<Socket>> {
  const listener = createServer(data => void data.on('error', () => undefined))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const arrival = once(listener, 'connection') as Promise<[Socket]>
  await play(client, [`PORT 127,0,0,1,${port >> 8},${port & 255}`, 200])
  return async () => {
    const [data] = await arrival
    listener.close()
    return data
  }
}

/** The bytes of a download that was set up by PASV, and its last answer. */
export async function get(client: FtpClient, line: string): Promise<string> {
  const data = await byPasv(client)
  await play(client, [line, 150])
  const bytes = await readAll(data)
  expect((await client.reply()).code).toBe(226)
  return bytes.toString()
}

/** An upload that was set up by PASV. */
export async function put(client: FtpClient, line: string, bytes: string): Promise<void> {
  const data = await byPasv(client)
  await play(client, [line, 150])
  data.resume()
  data.end(bytes)
  expect((await client.reply()).code).toBe(226)
}
