/** A volume that hangs, as NFS does whose server is gone: whoever needs it is told, nobody else is held up, and it goes on by itself. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type FrozenVolume, mountFreezable, noFrozenVolume } from '../support/frozen-volume.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

if (noFrozenVolume !== undefined) process.stderr.write(`SKIPPED: the test of a volume that hangs: ${noFrozenVolume}.\n`)

let root: string
let volume: FrozenVolume
let server: ServerProcess
const clients: FtpClient[] = []
// Each holds a thread for as long as the volume hangs, of which there are 16 unless told otherwise.
const hangingUploads = 20

beforeAll(async () => {
  if (noFrozenVolume !== undefined) return
  root = mkdtempSync(join(tmpdir(), 'ftp-operator-frozen-'))
  for (const home of ['alice', 'bob']) mkdirSync(join(root, home))
  volume = mountFreezable(join(root, 'bob'))
  server = await startServerProcess({
    root,
    server: { limits: { transferStallTimeoutSeconds: 2, failedLoginDelayMilliseconds: 0 } },
    users: [
      // Part of the tree of alice is on the volume.
      simpleUser('alice', { home: '/alice', folders: [{ path: '/shared', target: '/bob' }] }),
      simpleUser('bob', { home: '/bob' }),
    ],
  })
}, 60_000)

afterAll(async () => {
  for (const client of clients) client.close()
  volume?.thaw()
  await server?.dispose()
  volume?.dispose()
  if (root !== undefined) rmSync(root, { recursive: true, force: true })
}, 60_000)

async function logIn(user: string): Promise<FtpClient> {
  const client = await FtpClient.connect(server.port)
  clients.push(client)
  await client.login(user)
  await client.send('TYPE I')
  return client
}

/** Files of the volume that the server has open. */
async function openFiles(): Promise<readonly string[]> {
  const descriptors = await readdir(`/proc/${server.pid}/fd`)
  const targets = await Promise.all(descriptors.map(each => readlink(`/proc/${server.pid}/fd/${each}`).catch(() => '')))
  return targets.filter(target => target.startsWith(`${root}/bob/`))
}

async function stalledVolumes(): Promise<readonly string[]> {
  return (await server.status()).stalledVolumes.map(({ directory }) => directory)
}

describe.runIf(noFrozenVolume === undefined)('While a volume hangs', () => {
  test('whoever needs it is told so in time, and others go on as before', async () => {
    const bytes = randomBytes(20_000)
    const bobs = await Promise.all(Array.from({ length: hangingUploads }, () => logIn('bob')))
    const uploads = await Promise.all(
      bobs.map(async (client, index) => {
        const data = await client.passive()
        data.on('error', () => undefined)
        expect((await client.send(`STOR file-${index}`)).code).toBe(150)
        data.write(bytes)
        return data
      }),
    )
    const changing = await Promise.all([logIn('bob'), logIn('bob')])
    await eventually(
      async () =>
        (await server.status()).sessions
          .filter(({ transfer }) => transfer !== undefined)
          .every(({ transfer }) => transfer?.bytes === bytes.length),
      'all bytes have arrived',
    )
    await changing[1]?.passive().then(data => data.on('error', () => undefined))
    volume.freeze()
    for (const data of uploads) data.write(bytes)

    // Passwords are checked in the same threads.
    const alice = await logIn('alice')
    expect((await alice.upload('STOR hers', bytes)).end.code).toBe(226)
    expect((await alice.download('RETR hers')).bytes.equals(bytes)).toBe(true)
    expect((await alice.download('MLSD')).end.code).toBe(226)
    expect((await server.probe('/livez')).status).toBe(200)

    await eventually(async () => (await stalledVolumes()).length === 1, 'the volume is found to be stalled')
    expect(await stalledVolumes()).toEqual([join(root, 'bob')])
    expect(await (await server.probe('/metrics')).text()).toMatch(/_stalled_volumes 1$/m)

    const changed = await Promise.all(
      ['MKD made', 'STOR made-too'].map(async (command, index) => (await changing[index]?.send(command))?.code),
    )
    expect(changed).toEqual([451, 451])
    expect((await alice.send('MKD /shared/made')).code).toBe(451)
    expect((await alice.send('MKD /made')).code).toBe(257)
    expect((await alice.download('MLSD /')).end.code).toBe(226)
    const codes = await Promise.all(bobs.map(async client => (await client.reply()).code))
    expect(codes).toEqual(bobs.map(() => expect.toSatisfy((code: number) => [426, 451, 452].includes(code))))
    const again = await logIn('alice')
    expect((await again.upload('STOR hers-too', bytes)).end.code).toBe(226)

    volume.thaw()
    await eventually(async () => (await stalledVolumes()).length === 0, 'the volume answers again')
    const told = server.output().stdout.match(/volume (?:does not answer|answers again)/g)
    expect(told).toEqual(['volume does not answer', 'volume answers again'])
    const bob = await logIn('bob')
    expect((await bob.upload('STOR later', bytes)).end.code).toBe(226)
    expect((await readFile(join(root, 'bob/later'))).equals(bytes)).toBe(true)
    for (const client of [...bobs, ...changing]) expect((await client.send('NOOP')).code).toBe(200)
    // What was given up is put away: nothing keeps its file open.
    await eventually(async () => (await openFiles()).length === 0, 'no file of the volume is open')
    for (const client of clients) client.close()
    await eventually(async () => (await server.status()).sessionCount === 0, 'all sessions end')
    expect(server.output().stdout).not.toContain('"fault"')
    for (const data of uploads) data.destroy()
  })
})
