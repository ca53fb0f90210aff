/** A session that transfers file after file, slowly, so that something always runs. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FtpClient } from './ftp-client.ts'

export type PacedSessionOptions = {
  readonly port: number
  /** The user's home on disk. */
  readonly home: string
  readonly name: string
  readonly secure: boolean
  readonly transfers: number
  /** Whether the first transfer is an upload, or a download of the file that is there. */
  readonly begin: 'upload' | 'download'
  /** Bytes of each transfer, by its number. */
  readonly size: (turn: number) => number
  /** Whether to hurry: what is left then goes as fast as it can. */
  readonly hurry: () => boolean
  /** Called after each transfer. */
  readonly onTransfer: () => void
}

const chunkBytes = 65_536
const paceMilliseconds = 40

/** Uploads and downloads in turn; resolves to the number of transfers. Rejects as soon as anything is not as it should be. */
export async function runPacedSession(options: PacedSessionOptions): Promise<number> {
  const client = await FtpClient.connect(options.port)
  try {
    if (options.secure) await client.loginSecurely()
    else await client.login()
    await client.send('TYPE I')
    for (let turn = 0; turn < options.transfers; turn += 1) {
      if ((turn % 2 === 0) === (options.begin === 'upload')) await upload(client, options, turn)
      else await download(client, options, turn)
      options.onTransfer()
    }
    demand('NOOP', (await client.send('NOOP')).code, 200)
    demand('QUIT', (await client.send('QUIT')).code, 221)
    return options.transfers
  } finally {
    client.close()
  }
}

async function upload(client: FtpClient, options: PacedSessionOptions, turn: number): Promise<void> {
  const content = randomBytes(options.size(turn))
  const data = await open(client, `STOR ${options.name}`, options)
  data.resume()
  for (let at = 0; at < content.length; at += chunkBytes) {
    if (!data.write(content.subarray(at, at + chunkBytes))) await once(data, 'drain')
    if (!options.hurry()) await delay(paceMilliseconds)
  }
  data.end()
  demand('the end of STOR', (await client.reply()).code, 226)
  demand('the file', digest(await readFile(join(options.home, options.name))), digest(content))
}

async function download(client: FtpClient, options: PacedSessionOptions, turn: number): Promise<void> {
  const content = await readFile(join(options.home, options.name))
  const data = await open(client, `RETR ${options.name}`, options)
  const received = createHash('sha256')
  for await (const chunk of data) {
    received.update(chunk as Buffer)
    if (!options.hurry()) await delay(paceMilliseconds)
  }
  demand(`the end of RETR ${turn}`, (await client.reply()).code, 226)
  demand('what was received', received.digest('hex'), digest(content))
}

async function open(client: FtpClient, command: string, { secure }: PacedSessionOptions): Promise<Socket> {
  const raw = await client.passive()
  demand(command, (await client.send(command)).code, 150)
  const data = secure ? await client.protect(raw) : raw
  // What goes wrong shows in the reply and in the content.
  data.on('error', () => undefined)
  return data
}

function digest(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function demand<Value extends string | number>(what: string, is: Value, expected: Value): void {
  if (is !== expected) throw new Error(`${what}: ${is} instead of ${expected}`)
}
