/** A crowd of clients that behave as clients do, well and badly, each at its own pace. What an orderly one may expect and does not get is a surprise. */
import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { FtpClient, readAll } from './ftp-client.ts'

export type CrowdOptions = {
  readonly port: number
  readonly clients: number
  /** Users of the orderly ones, by number. */
  readonly userOf: (client: number) => string
  /** A user that comes and goes, and may be refused or cut at any time. */
  readonly guest: string
  readonly signal: AbortSignal
}

export type Crowd = {
  /** How often each thing was done. */
  readonly done: ReadonlyMap<string, number>
  /** What was answered otherwise than it should be. */
  readonly surprises: readonly string[]
  /** Resolves when all have gone, after the signal. */
  readonly gone: Promise<unknown>
}

const longestPauseMilliseconds = 8000
const largestFileBytes = 600_000
const mostSurprises = 50
/** As long as the less patient of real clients wait for an answer. */
const patience = { deadlineMilliseconds: 10_000 }

export function startCrowd({ port, clients, userOf, guest, signal }: CrowdOptions): Crowd {
  const done = new Map<string, number>()
  const surprises: string[] = []
  const note = (what: string) => void done.set(what, (done.get(what) ?? 0) + 1)
  const live = async (index: number): Promise<void> => {
    await pause(signal)
    while (!signal.aborted && surprises.length < mostSurprises) {
      const visit = choose(visits)
      try {
        await visit.run({ port, index, user: userOf(index), guest, signal, note })
        note(visit.name)
      } catch (error) {
        surprises.push(`${visit.name} of client ${index}: ${error instanceof Error ? error.message : String(error)}`)
      }
      await pause(signal)
    }
  }
  return { done, surprises, gone: Promise.all(Array.from({ length: clients }, (_, index) => live(index))) }
}

type Visit = {
  readonly port: number
  readonly index: number
  readonly user: string
  readonly guest: string
  readonly signal: AbortSignal
  readonly note: (what: string) => void
}
type Kind<Run> = { readonly name: string; readonly weight: number; readonly run: Run }
type Orderly = {
  readonly client: FtpClient
  readonly file: string
  readonly tls: { readonly tls?: Record<string, never> }
}

const visits: readonly Kind<(visit: Visit) => Promise<void>>[] = [
  { name: 'in clear text', weight: 8, run: visit => orderly(visit, 'clear') },
  { name: 'under TLS', weight: 5, run: visit => orderly(visit, 'tls') },
  { name: 'a wrong password', weight: 2, run: wrongPassword },
  { name: 'a guest', weight: 1, run: asGuest },
  { name: 'a connection and nothing more', weight: 1, run: nothing },
  { name: 'half a handshake', weight: 1, run: halfHandshake },
]

const acts: readonly Kind<(session: Orderly, visit: Visit) => Promise<'go on' | 'gone'>>[] = [
  { name: 'upload and download', weight: 6, run: thereAndBack },
  { name: 'listing', weight: 4, run: list },
  { name: 'aborted download', weight: 1, run: abortDownload },
  { name: 'reset upload', weight: 1, run: resetUpload },
  { name: 'reset download', weight: 1, run: resetDownload },
  { name: 'data connection given up', weight: 1, run: giveUp },
  { name: 'rest', weight: 2, run: rest },
  { name: 'abandoned session', weight: 1, run: abandon },
]

async function orderly(visit: Visit, protection: 'clear' | 'tls'): Promise<void> {
  const client = await FtpClient.connect(visit.port, '127.0.0.1', patience)
  try {
    if (protection === 'tls') await client.loginSecurely({}, visit.user)
    else await client.login(visit.user)
    await expectCode(client, 'TYPE I', 200)
    const session = { client, file: `file-${visit.index}`, tls: protection === 'tls' ? { tls: {} } : {} }
    for (let count = randomInt(1, 6); count > 0 && !visit.signal.aborted; count -= 1) {
      const act = choose(acts)
      const after = await act.run(session, visit).catch(error => {
        throw new Error(`${act.name}: ${error instanceof Error ? error.message : String(error)}`)
      })
      visit.note(act.name)
      if (after === 'gone') return
      await pause(visit.signal)
    }
    await expectCode(client, 'QUIT', 221)
  } finally {
    client.close()
  }
}

async function thereAndBack({ client, file, tls }: Orderly): Promise<'go on'> {
  const content = randomBytes(randomInt(0, largestFileBytes))
  const upload = await client.upload(`STOR ${file}`, content, tls.tls)
  if (upload.end.code !== 226) throw new Error(`STOR: ${upload.end.code} ${upload.end.text}`)
  const download = await client.download(`RETR ${file}`, tls.tls)
  if (download.end.code !== 226) throw new Error(`RETR: ${download.end.code} ${download.end.text}`)
  if (!download.bytes.equals(content)) throw new Error(`${file} came back as ${download.bytes.length} other bytes`)
  return 'go on'
}

async function list({ client, tls }: Orderly): Promise<'go on'> {
  for (const command of ['MLSD', 'LIST', 'NLST']) {
    const { end } = await client.download(command, tls.tls)
    if (end.code !== 226) throw new Error(`${command}: ${end.code} ${end.text}`)
  }
  return 'go on'
}

async function abortDownload({ client, file, tls }: Orderly): Promise<'go on'> {
  const data = await begin(client, `RETR ${file}`, tls)
  if (data === undefined) return 'go on'
  const first = await client.send('ABOR')
  // A small file may be through before.
  if (first.code !== 426 && first.code !== 226) throw new Error(`ABOR: ${first.code} ${first.text}`)
  const second = await client.reply()
  if (second.code !== 226 && second.code !== 225) throw new Error(`after ABOR: ${second.code} ${second.text}`)
  data.socket.destroy()
  await expectCode(client, 'NOOP', 200)
  return 'go on'
}

async function resetUpload({ client, file, tls }: Orderly): Promise<'go on'> {
  const data = await begin(client, `STOR ${file}-reset`, tls)
  if (data === undefined) throw new Error('STOR was refused')
  data.socket.write(randomBytes(randomInt(1, largestFileBytes)))
  data.reset()
  const { code, text } = await client.reply()
  if (!isFitForReset(code, tls)) throw new Error(`after a reset: ${code} ${text}`)
  await expectCode(client, `DELE ${file}-reset`, 250)
  return 'go on'
}

async function resetDownload({ client, file, tls }: Orderly): Promise<'go on'> {
  const data = await begin(client, `RETR ${file}`, tls)
  if (data === undefined) return 'go on'
  data.reset()
  const { code, text } = await client.reply()
  if (!isFitForReset(code, tls)) throw new Error(`after a reset: ${code} ${text}`)
  return 'go on'
}

/** Nothing comes over the port any more, where others may come and go. */
async function giveUp({ client, file, tls }: Orderly): Promise<'go on'> {
  const data = await client.passive()
  data.on('error', () => undefined)
  data.resetAndDestroy()
  const first = await client.send(`RETR ${file}`)
  const { code, text } = first.code === 150 ? await client.reply() : first
  if (code !== 550 && !isFitForReset(code, tls)) throw new Error(`after giving up: ${code} ${text}`)
  return 'go on'
}

/**
 * The kernel may have had all of it before, or not even the end of the handshake. One that was reset before the server took it
 * has no address any more: it is a stray one, and the server waits for the right one as long as it waits for any (425).
 */
function isFitForReset(code: number, { tls }: Orderly['tls']): boolean {
  return [226, 425, 426].includes(code) || (tls !== undefined && code === 522)
}

/** A data connection on which a transfer has begun; undefined if there is no such file yet. */
async function begin(client: FtpClient, command: string, { tls }: Orderly['tls']) {
  const raw = await client.passive()
  raw.on('error', () => undefined)
  const { code, text } = await client.send(command)
  if (code === 550 && command.startsWith('RETR')) {
    raw.destroy()
    return undefined
  }
  if (code !== 150) throw new Error(`${command}: ${code} ${text}`)
  // A socket under TLS can't be reset: the one below it is.
  const reset = (): void => void raw.resetAndDestroy()
  if (tls === undefined) return { socket: raw, reset }
  const socket = await client.protect(raw)
  socket.on('error', () => undefined)
  return { socket, reset }
}

async function rest({ client }: Orderly, { signal }: Visit): Promise<'go on'> {
  for (let count = 0; count < 3; count += 1) await pause(signal)
  await expectCode(client, 'NOOP', 200)
  return 'go on'
}

async function abandon({ client, file }: Orderly): Promise<'gone'> {
  const data = await client.passive()
  data.on('error', () => undefined)
  client.write(`RETR ${file}\r\n`)
  // A socket under TLS can't be reset.
  if (client.tls === undefined) client.socket.resetAndDestroy()
  else client.close()
  await readAll(data).catch(() => undefined)
  data.destroy()
  return 'gone'
}

/** Each time from another address: those who guess are banned by it. */
async function wrongPassword({ port, user }: Visit): Promise<void> {
  const localAddress = `127.${randomInt(1, 255)}.${randomInt(0, 255)}.${randomInt(1, 255)}`
  const client = await FtpClient.connect(port, '127.0.0.1', { ...patience, localAddress })
  try {
    await expectCode(client, `USER ${randomInt(2) === 0 ? user : 'nobody'}`, 331)
    await expectCode(client, 'PASS wrong', 530)
  } finally {
    client.close()
  }
}

async function asGuest({ port, guest, signal }: Visit): Promise<void> {
  const client = await FtpClient.connect(port)
  try {
    await client.login(guest)
    for (let count = 0; count < 5; count += 1) {
      await pause(signal)
      await client.download('LIST')
    }
  } catch {
    // Refused, or sent away.
  } finally {
    client.close()
  }
}

async function nothing({ port, signal }: Visit): Promise<void> {
  const client = await FtpClient.open(port)
  client.write('USER ali')
  await pause(signal)
  client.socket.resetAndDestroy()
}

async function halfHandshake({ port, signal }: Visit): Promise<void> {
  const client = await FtpClient.connect(port, '127.0.0.1', patience)
  await expectCode(client, 'AUTH TLS', 234)
  client.write(Buffer.from([22, 3, 1, 2, 0, 1]))
  await pause(signal)
  client.close()
}

async function expectCode(client: FtpClient, command: string, wanted: number): Promise<void> {
  const { code, text } = await client.send(command)
  if (code !== wanted) throw new Error(`${command}: ${code} ${text}`)
}

/** At random, so that no two go in step; not longer than the crowd is there. */
async function pause(signal: AbortSignal): Promise<void> {
  await delay(randomInt(longestPauseMilliseconds), undefined, { signal }).catch(() => undefined)
}

function choose<Choice extends { readonly weight: number }>(choices: readonly Choice[]): Choice {
  let point = randomInt(choices.reduce((sum, { weight }) => sum + weight, 0))
  const found = choices.find(({ weight }) => (point -= weight) < 0)
  if (found === undefined) throw new Error('nothing to choose from')
  return found
}
