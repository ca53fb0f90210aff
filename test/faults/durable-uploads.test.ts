/** With `durability: fsync`, 226 and 250 are only said once the disk has the file and its name. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

type Watched = {
  readonly client: FtpClient
  readonly root: string
  readonly gate: string
  told: () => readonly string[]
}

/** A server that tells what it syncs; while there is a file `hold` in the directory `gate`, no sync ends. */
async function start(uploads: Record<string, unknown>): Promise<Watched> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ftp-operator-durable-')))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const preload = join(import.meta.dirname, '../support/watched-syncs.js')
  const root = join(directory, 'data')
  const server: ServerProcess = await startServerProcess({
    root,
    server: { uploads },
    preload,
    environment: { SYNC_GATE: directory },
  })
  onTestFinished(() => server.dispose())
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login()
  await client.send('TYPE I')
  const seen = server.output().stderr.length
  return {
    client,
    root,
    gate: directory,
    told: () =>
      server
        .output()
        .stderr.slice(seen)
        .split('\n')
        .slice(0, -1)
        .map(line => line.replace(root, '').trim()),
  }
}

describe.each(['direct', 'atomic'] as const)('A %s upload', mode => {
  test('is answered with 226 once the file and its directory are on the disk, and not before', async () => {
    const { client, gate, told } = await start({ mode, durability: 'fsync' })
    writeFileSync(join(gate, 'hold'), '')
    const data = await client.passive()
    expect((await client.send('STOR file')).code).toBe(150)
    data.end('content')
    await eventually(() => told().length > 0, 'a sync has begun')
    // The control connection is answered; the transfer is not over.
    expect((await client.send('STAT')).lines.join()).toContain('Transfer: STOR')
    rmSync(join(gate, 'hold'))
    expect((await client.reply()).code).toBe(226)
    const file = mode === 'atomic' ? expect.stringMatching(/^synced \/\.ftp-upload-/) : 'synced /file'
    const order = told().filter(line => !/^sync( |$)/.test(line))
    expect(order).toEqual([file, ...(mode === 'atomic' ? ['renamed'] : []), 'synced'])
  })

  test('is in a directory that is on the disk as well, and so is a new name', async () => {
    const { client, told } = await start({ mode, durability: 'fsync' })
    expect((await client.send('MKD made')).code).toBe(257)
    await eventually(() => told().length >= 3, 'the directory is synced')
    expect(told()).toEqual(['made', 'sync', 'synced'])
    await client.upload('STOR made/file', 'content')
    await eventually(() => told().at(-1) === 'synced /made', 'the file is synced')
    const before = told().length
    await client.send('RNFR made/file')
    expect((await client.send('RNTO moved')).code).toBe(250)
    await eventually(() => told().length >= before + 5, 'both directories are synced')
    expect(told().slice(before)).toEqual(['renamed', 'sync', 'synced', 'sync /made', 'synced /made'])
  })

  test('syncs nothing unless told to', async () => {
    const { client, told } = await start({ mode })
    expect((await client.upload('STOR file', 'content')).end.code).toBe(226)
    expect((await client.send('MKD made')).code).toBe(257)
    // Otherwise nothing would be told at all; what is told comes by another way than replies.
    await eventually(() => told().includes('made'), 'the directory is told of')
    expect(told().filter(line => line.startsWith('sync'))).toEqual([])
  })
})
