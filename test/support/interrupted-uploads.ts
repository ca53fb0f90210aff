/** Uploads whose server is killed in the midst of them, again and again, and clients that go on where the files end. */
import { randomBytes, randomInt } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { eventually } from './eventually.ts'
import { FtpClient } from './ftp-client.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

export type KillOptions = {
  readonly root: string
  readonly rounds: number
  readonly uploadsAtOnce: number
  /** More of `server.yaml`. */
  readonly server?: Record<string, unknown>
}

export type KillReport = {
  readonly kills: number
  readonly uploads: number
  /** Uploads that were cut by a kill, some of them more than once. */
  readonly cut: number
  /** Uploads that went on where the file ended, instead of at its beginning. */
  readonly resumed: number
}

const chunkBytes = 65_536
const pieceMilliseconds = 4
const megabyte = 1_048_576
const longestRoundMilliseconds = 60_000

type Progress = { cut: number; resumed: number }
type Upload = { readonly name: string; readonly content: Buffer; readonly how: 'APPE' | 'REST' }

/**
 * In each round that many clients upload at once; the server is killed at some moment, and started anew on the same files and
 * ports. Fails unless every file is whole in the end and nothing else is there.
 */
export async function killDuringUploads({
  root,
  rounds,
  uploadsAtOnce,
  server: settings,
}: KillOptions): Promise<KillReport> {
  const progress: Progress = { cut: 0, resumed: 0 }
  const limits = { maxSessionsPerAddress: 10_000, drainTimeoutSeconds: 1 }
  const first = await startServerProcess({ root, server: { limits, ...settings } })
  let running: ServerProcess = first
  const names = new Set<string>()
  try {
    for (let round = 0; round < rounds; round += 1) {
      const uploads = Array.from({ length: uploadsAtOnce }, (_, index): Upload => {
        const content = randomBytes(randomInt(1, 2 * megabyte))
        return { name: `${round}-${index}`, content, how: index % 2 === 0 ? 'APPE' : 'REST' }
      })
      const finished = Promise.all(uploads.map(upload => finish(upload, first.port, progress)))
      finished.catch(() => undefined)
      await underWay(root, names.size + randomInt(Math.ceil(uploadsAtOnce / 5), uploadsAtOnce))
      await delay(randomInt(0, 30))
      running.signal('SIGKILL')
      await running.exited
      const next = await restart(first)
      if (running !== first) await running.dispose()
      running = next
      await finished
      for (const { name, content } of uploads) {
        expect((await readFile(join(root, name))).equals(content), `${name} is whole`).toBe(true)
      }
      for (const { name } of uploads) names.add(name)
      expect((await readdir(root, { recursive: true })).toSorted()).toEqual([...names].toSorted())
      expect(running.output().stdout).not.toContain('"fault"')
      expect(running.output().stderr).toBe('')
    }
  } finally {
    if (running !== first) await running.dispose()
    await first.dispose()
  }
  return { kills: rounds, uploads: rounds * uploadsAtOnce, ...progress }
}

/** So that the moments of the kills are spread over the uploads, however fast the machine is. */
async function underWay(root: string, files: number): Promise<void> {
  const begun = async () => (await readdir(root, { recursive: true })).length
  await eventually(async () => (await begun()) >= files, `${files} uploads have begun`, longestRoundMilliseconds, 1)
}

function restart({ configurationDirectory, port, probesPort, root }: ServerProcess): Promise<ServerProcess> {
  return startServerProcess({ configurationDirectory, port, probesPort, root })
}

/** Uploads until all is there, whatever comes between. */
async function finish(upload: Upload, port: number, progress: Progress): Promise<void> {
  const deadline = performance.now() + longestRoundMilliseconds
  while (performance.now() < deadline) {
    try {
      if (await attempt(upload, port, progress)) return
    } catch {
      // Nobody may be listening.
    }
    await delay(20)
  }
  throw new Error(`${upload.name} is not there after ${longestRoundMilliseconds} ms.`)
}

async function attempt({ name, content, how }: Upload, port: number, progress: Progress): Promise<boolean> {
  const client = await FtpClient.connect(port)
  let isUnderWay = false
  try {
    await client.login()
    await client.send('TYPE I')
    const size = await client.send(`SIZE ${name}`)
    const offset = size.code === 213 ? Number(size.text) : 0
    if (offset > content.length) throw new Error(`${name} is too long: ${offset}`)
    if (offset > 0) progress.resumed += 1
    const data = await client.passive()
    data.on('error', () => undefined)
    data.resume()
    if (how === 'REST' && offset > 0) await client.send(`REST ${offset}`)
    const opening = await client.send(how === 'APPE' ? `APPE ${name}` : `STOR ${name}`)
    if (opening.code !== 150) throw new Error(`${opening.code} ${opening.text}`)
    isUnderWay = true
    const closed = new Promise<never>((_, reject) => {
      data.once('close', () => reject(new Error('the data connection is closed')))
    })
    closed.catch(() => undefined)
    for (let position = offset; position < content.length; position += chunkBytes) {
      const chunk = content.subarray(position, position + chunkBytes)
      await Promise.race([closed, new Promise<void>(resolve => data.write(chunk, () => resolve()))])
      // Over a real network it takes its time; here all would be there before the first kill.
      await delay(pieceMilliseconds)
    }
    data.end()
    const { code, text } = await client.reply()
    if (code !== 226) throw new Error(`${code} ${text}`)
    isUnderWay = false
    return true
  } finally {
    if (isUnderWay) progress.cut += 1
    client.close()
  }
}
