/** Uploads over TLS by clients that do not end it well are stored whole, or not called complete. */
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FtpClient, type FtpReply } from '../support/ftp-client.ts'
import { password } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const megabyte = 1_048_576
const versions = ['1.2', '1.3'] as const
const hasPython = canRun('python3', '--version')
let root: string
let server: ServerProcess

beforeAll(async () => {
  root = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ftp-operator-uploads-'))
  server = await startServerProcess({ root })
})

afterAll(async () => {
  await server.dispose()
  await rm(root, { recursive: true })
})

describe('A client that writes 50 MB and closes without reading', () => {
  if (!hasPython) process.stderr.write('SKIPPED: uploads by a naive client need python3.\n')

  test.runIf(hasPython).each(versions)('has every byte stored, 50 times, over TLS %s', async version => {
    const names = Array.from({ length: 50 }, (_, index) => `upload-${index}`)
    const workers = Array.from({ length: 4 }, (_, worker) => names.filter((_name, index) => index % 4 === worker))
    const uploads = await Promise.all(workers.map(share => uploadNaively(version, 50 * megabyte, share)))
    const failed = uploads.flat().filter(({ code, stored, sent }) => code !== '226' || stored !== sent)
    expect(failed).toEqual([])
    expect(uploads.flat()).toHaveLength(50)
  })
})

describe('An upload over TLS that is cut off', () => {
  const content = randomBytes(4 * megabyte)

  describe.each(versions)('over TLS %s', version => {
    test.each([
      ['RST', 2 * megabyte + 777],
      ['FIN', 2 * megabyte + 777],
      ['RST', 3000],
      ['FIN', 3000],
    ] as const)('by %s within a record gets no 226, and can be resumed', async (how, bytes) => {
      const client = await FtpClient.connect(server.port)
      const options = { minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` } as const
      await client.loginSecurely(options)
      await client.send('TYPE I')
      const name = `cut-${how}-${version}-${bytes}`
      expect((await uploadCut(client, name, content, { bytes, how })).code).toBe(426)

      const { size, isPrefix } = await compare(name, content)
      expect(isPrefix).toBe(true)
      expect(size).toBeLessThan(bytes)
      // Of what came before an RST, the kernel may not have given us everything; of what came before a FIN, it has.
      if (how === 'FIN' && bytes > megabyte) expect(size).toBeGreaterThan(bytes - 40_000)

      expect((await client.send(`REST ${size}`)).code).toBe(350)
      const { end } = await client.upload(`STOR ${name}`, content.subarray(size), options)
      expect(end.code).toBe(226)
      expect(await compare(name, content)).toEqual({ size: content.length, isPrefix: true })
      client.close()
    })
  })
})

type Upload = { readonly name: string; readonly sent: string; readonly code: string; readonly stored: string }

async function uploadNaively(version: string, bytes: number, names: readonly string[]): Promise<readonly Upload[]> {
  const script = join(import.meta.dirname, '../support/naive-upload.py')
  const arguments_ = [script, String(server.port), 'alice', password, version, String(bytes), ...names]
  const child = spawn('python3', arguments_, { stdio: ['ignore', 'pipe', 'inherit'] })
  const uploads: Upload[] = []
  for await (const line of createInterface(child.stdout)) {
    const [name = '', sent = '', code = ''] = line.split(' ')
    const stored = createHash('sha256')
      .update(await readFile(join(root, name)))
      .digest('hex')
    await rm(join(root, name))
    uploads.push({ name, sent, code, stored })
  }
  return uploads
}

type Cut = { readonly bytes: number; readonly how: 'FIN' | 'RST' }

/** An upload whose data connection ends after so many bytes on the wire; gives the last reply. */
async function uploadCut(client: FtpClient, name: string, content: Uint8Array, cut: Cut): Promise<FtpReply> {
  const port = Number(/\|(\d+)\|/.exec((await client.send('EPSV')).text)?.[1])
  await using wire = createServer(local => cutOff(local, connectSocket({ port, host: '127.0.0.1' }), cut))
  await new Promise<void>(resolve => wire.listen(0, '127.0.0.1', resolve))
  const address = wire.address()
  const socket = connectSocket({ port: typeof address === 'object' ? (address?.port ?? 0) : 0, host: '127.0.0.1' })
  expect((await client.send(`STOR ${name}`)).code).toBe(150)
  const session = client.session
  const data = connectTls({ socket, rejectUnauthorized: false, ...(session === undefined ? {} : { session }) })
  data.on('error', () => undefined)
  data.write(content)
  const end = await client.reply()
  data.destroy()
  return end
}

/** Passes bytes on in both directions, and ends the connection to the server after some of those to it. */
function cutOff(from: Socket, to: Socket, { bytes, how }: Cut): void {
  let left = bytes
  from.on('error', () => undefined)
  to.on('error', () => undefined)
  to.on('data', chunk => from.write(chunk))
  to.on('close', () => from.destroy())
  from.on('close', () => to.destroy())
  from.on('data', (chunk: Buffer) => {
    if (left === 0) return
    const part = chunk.subarray(0, left)
    left -= part.length
    to.write(part, () => {
      if (left > 0) return
      if (how === 'RST') to.resetAndDestroy()
      else to.end()
    })
  })
}

async function compare(name: string, content: Uint8Array): Promise<{ size: number; isPrefix: boolean }> {
  const stored = await readFile(join(root, name))
  return { size: stored.length, isPrefix: stored.equals(content.subarray(0, stored.length)) }
}

function canRun(command: string, ...options: readonly string[]): boolean {
  try {
    execFileSync(command, options, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
