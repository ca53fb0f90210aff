/** Atomic uploads: a name has a whole file or none, whatever happens, and what broke off can be gone on with. */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { partialName, targetHash } from '../../server/storage/local/uploads/partials.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { StalePartials } from '../../server/storage/local/uploads/stale-partials.ts'
import { nameClaim } from '../../server/storage/local/uploads/upload-claims.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { pathCommands, tell } from '../support/path-commands.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'

const megabyte = 1_048_576

let server: TestServer

beforeEach(async () => {
  server = await startServer({
    server: { uploads: { mode: 'atomic' } },
    users: [
      simpleUser('alice'),
      simpleUser('bob'),
      simpleUser('writer', { permissions: ['list', 'download', 'upload', 'append'] }),
      simpleUser('dropper', { role: 'upload-only' }),
    ],
  })
  return () => server.stop()
})

async function logIn(user = 'alice'): Promise<FtpClient> {
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login(user)
  await client.send('TYPE I')
  return client
}

/** An upload whose connection is reset once so many bytes are in the partial file. */
async function breakOff(client: FtpClient, command: string, bytes: string, partial: string): Promise<void> {
  const data = await client.passive()
  data.on('error', () => undefined)
  const before = sizeOf(partial)
  expect((await client.send(command)).code).toBe(150)
  data.write(bytes)
  await eventually(() => (sizeOf(partial) ?? 0) >= bytes.length, `${bytes.length} bytes more than ${before}`)
  data.resetAndDestroy()
  expect((await client.reply()).code).toBe(426)
}

function sizeOf(name: string): number | undefined {
  return statSync(join(server.root, name), { throwIfNoEntry: false })?.size
}

function read(name: string): string {
  return readFileSync(join(server.root, name), 'latin1')
}

const left = partialName('file', 'alice')

describe('A name', () => {
  test('never shows anything but a whole file to who watches the volume, while 40 uploads replace and append to it', async () => {
    const path = join(server.root, 'file')
    const watcher = new Worker(watch, { eval: true, workerData: { path, unit: megabyte } })
    const told = new Promise<{ looks: number; sizes: number[] }>(resolve => watcher.once('message', resolve))
    await new Promise(resolve => watcher.once('online', resolve))
    const clients = await Promise.all([logIn(), logIn('bob')])
    const unit = Buffer.alloc(megabyte, 'a')
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        clients.map(async (client, index) => {
          const { end } = await client.upload(`${index === 0 ? 'STOR' : 'APPE'} file`, unit)
          expect([226, 450]).toContain(end.code)
          await client.upload(`STOR other-${index}`, unit)
        }),
      )
    }
    watcher.postMessage('enough')
    const { looks, sizes } = await told
    expect(looks).toBeGreaterThan(20)
    expect(sizes.filter(size => size === 0 || size % megabyte !== 0)).toEqual([])
    expect(sizes.length).toBeGreaterThan(0)
    expect(readdirSync(server.root).toSorted()).toEqual(['file', 'other-0', 'other-1'])
  })

  test('keeps its whole file until the next one is whole, for readers and in listings', async () => {
    const client = await logIn()
    await client.upload('STOR file', 'the first one')
    await breakOff(client, 'STOR file', 'the sec', left)
    for (const reader of [client, await logIn('bob')]) {
      expect((await reader.download('RETR file')).bytes.toString()).toBe('the first one')
      expect((await reader.download('MLSD')).bytes.toString()).toMatch(/^[^\n]*;size=13;[^\n]* file\r\n$/i)
      expect((await reader.download('LIST -a')).bytes.toString()).not.toContain('ftp-upload')
      expect((await reader.download('NLST')).bytes.toString()).toBe('file\r\n')
    }
    expect((await client.upload('STOR file', 'the second one')).end.code).toBe(226)
    expect(read('file')).toBe('the second one')
    expect(readdirSync(server.root)).toEqual(['file'])
  })

  test('is not there at all until the first upload is whole', async () => {
    const client = await logIn()
    await breakOff(client, 'STOR file', 'half', left)
    for (const command of ['MLST file', 'MDTM file', 'RNFR file', 'SITE CHMOD 600 file']) {
      expect(await client.send(command)).toMatchObject({ code: 550 })
    }
    expect((await client.download('RETR file')).opening.code).toBe(550)
    expect((await client.download('NLST')).bytes.toString()).toBe('')
    expect(readdirSync(server.root)).toEqual([left])
  })

  test('is written to by one upload at a time, and neither deleted nor replaced meanwhile', async () => {
    const [alice, bob] = [await logIn(), await logIn('bob')]
    await bob.upload('STOR mine', 'mine')
    const data = await alice.passive()
    expect((await alice.send('STOR file')).code).toBe(150)
    for (const command of ['STOR file', 'APPE file']) expect((await bob.upload(command, 'x')).end.code).toBe(450)
    expect((await bob.send('DELE file')).code).toBe(450)
    await bob.send('RNFR mine')
    expect((await bob.send('RNTO file')).code).toBe(450)
    data.end('whole')
    expect((await alice.reply()).code).toBe(226)
    expect(read('file')).toBe('whole')
  })

  test('for STOU is another one for each of 20 uploads at once', async () => {
    const uploads = Array.from({ length: 20 }, async (_, index) => {
      const client = await logIn()
      expect((await client.upload('STOU unique', `content ${index}`)).end.code).toBe(226)
    })
    await Promise.all(uploads)
    const names = readdirSync(server.root)
    expect(new Set(names.map(read)).size).toBe(20)
    expect(names.every(name => name.startsWith('unique'))).toBe(true)
  })

  test('that is a link stays one: the file it leads to is replaced', async () => {
    const client = await logIn()
    mkdirSync(join(server.root, 'there'))
    writeFileSync(join(server.root, 'there/target'), 'old')
    symlinkSync('there/target', join(server.root, 'link'))
    await breakOff(client, 'STOR link', 'ne', `there/${partialName('target', 'alice')}`)
    expect((await client.send('SIZE link')).text).toBe('2')
    expect((await client.upload('APPE link', 'w one')).end.code).toBe(226)
    expect(read('there/target')).toBe('new one')
    expect(new Set(readdirSync(server.root, { recursive: true, encoding: 'utf8' }))).toEqual(
      new Set(['link', 'there', 'there/target']),
    )
  })

  test('keeps the permission bits of the file, which hold for what is beside it as well', async () => {
    const client = await logIn()
    await client.upload('STOR file', 'old')
    chmodSync(join(server.root, 'file'), 0o640)
    await breakOff(client, 'STOR file', 'new', left)
    expect(statSync(join(server.root, left)).mode & 0o7777).toBe(0o640)
    await client.upload('STOR file', 'new')
    expect(statSync(join(server.root, 'file')).mode & 0o7777).toBe(0o640)
  })

  test('that has become a directory meanwhile gets no 226', async () => {
    const client = await logIn()
    const data = await client.passive()
    await client.send('STOR file')
    mkdirSync(join(server.root, 'file'))
    data.end('content')
    expect((await client.reply()).code).toBe(550)
  })
})

describe('An upload that broke off', () => {
  test.each(['STOR', 'APPE'])('goes on where SIZE says, by REST and %s', async verb => {
    const client = await logIn()
    await client.upload('STOR file', 'an older and longer file')
    await breakOff(client, 'STOR file', 'first half', left)
    const again = await logIn()
    expect((await again.send('SIZE file')).text).toBe('10')
    expect((await again.send('REST 10')).code).toBe(350)
    expect((await again.upload(`${verb} file`, ', second half')).end.code).toBe(226)
    expect(read('file')).toBe('first half, second half')
    expect(readdirSync(server.root)).toEqual(['file'])
  })

  test('goes on by APPE alone, and more than once', async () => {
    const client = await logIn()
    await breakOff(client, 'STOR file', 'one, ', left)
    await breakOff(client, 'APPE file', 'two, ', left)
    await eventually(() => sizeOf(left) === 10, 'ten bytes are there')
    expect((await client.upload('APPE file', 'three')).end.code).toBe(226)
    expect(read('file')).toBe('one, two, three')
  })

  test('is never mixed with the file it was to replace: an offset beyond its end is refused', async () => {
    const client = await logIn()
    await client.upload('STOR file', 'an older and longer file')
    await breakOff(client, 'STOR file', 'half', left)
    await client.send('REST 20')
    expect((await client.upload('STOR file', 'x')).end.code).toBe(554)
    expect(read('file')).toBe('an older and longer file')
  })

  test('is told to nobody else, and another user’s upload has nothing of it', async () => {
    const client = await logIn()
    await client.upload('STOR file', 'old')
    await breakOff(client, 'STOR file', 'secret half', left)
    const bob = await logIn('bob')
    expect((await bob.send('SIZE file')).text).toBe('3')
    expect((await bob.upload('APPE file', ' and new')).end.code).toBe(226)
    expect(read('file')).toBe('old and new')
    expect((await client.send('SIZE file')).text).toBe('11')
  })

  test('is deleted with its name', async () => {
    const client = await logIn()
    await breakOff(client, 'STOR file', 'half', left)
    expect((await client.send('DELE file')).code).toBe(250)
    expect((await client.send('DELE file')).code).toBe(550)
    expect((await client.send('SIZE file')).code).toBe(550)
    expect(readdirSync(server.root)).toEqual([])
  })

  test('leaves nothing if nothing came', async () => {
    const client = await logIn()
    await client.upload('STOR file', 'old')
    for (const command of ['STOR new', 'APPE file']) {
      const data = await client.passive()
      await client.send(command)
      data.resetAndDestroy()
      expect((await client.reply()).code).toBe(426)
    }
    expect(readdirSync(server.root)).toEqual(['file'])
  })

  test('leaves its directory empty for RMD, unless it still runs', async () => {
    const client = await logIn()
    await client.send('MKD there')
    await breakOff(client, 'STOR there/file', 'half', `there/${left}`)
    const other = await logIn('bob')
    const data = await other.passive()
    await other.send('STOR there/other')
    expect((await client.send('RMD there')).code).toBe(450)
    data.resetAndDestroy()
    await other.reply()
    expect((await client.send('RMD there')).code).toBe(250)
    expect(readdirSync(server.root)).toEqual([])
  })

  test('lets nobody replace a file who may not', async () => {
    const client = await logIn('writer')
    const own = partialName('file', 'writer')
    await breakOff(client, 'STOR file', 'half', own)
    await (await logIn('bob')).upload('STOR file', 'whole')
    expect((await client.upload('STOR file', 'x')).end.code).toBe(550)
    // What is told is what an upload would go on from.
    expect((await client.send('SIZE file')).text).toBe('5')
    expect((await client.upload('APPE file', ' and more')).end.code).toBe(226)
    expect(read('file')).toBe('whole and more')
  })

  test('is begun anew by who may not append', async () => {
    const client = await logIn('dropper')
    await breakOff(client, 'STOR file', 'half', partialName('file', 'dropper'))
    expect((await client.upload('STOR file', 'whole')).end.code).toBe(226)
    expect(read('file')).toBe('whole')
    expect((await client.upload('STOR file', 'another')).end.code).toBe(550)
  })

  test('that was published, but not yet removed, when the server was killed takes nothing from the file', async () => {
    const client = await logIn()
    await client.upload('STOR file', 'whole')
    linkSync(join(server.root, 'file'), join(server.root, left))
    const data = await client.passive()
    await client.send('STOR file')
    expect(read('file')).toBe('whole')
    data.end('new')
    await client.reply()
    linkSync(join(server.root, 'file'), join(server.root, left))
    const more = await client.passive()
    await client.send('APPE file')
    more.write(' one')
    await eventually(() => sizeOf(left) === 7, 'it has arrived')
    expect(read('file')).toBe('new')
    more.end()
    expect((await client.reply()).code).toBe(226)
    expect(read('file')).toBe('new one')
  })

  test('and was taken away by another server gets no 226, and no file', async () => {
    const client = await logIn()
    for (const replacement of [undefined, 'of somebody else']) {
      const data = await client.passive()
      await client.send('STOR file')
      data.write('half')
      await eventually(() => sizeOf(left) === 4, 'it has arrived')
      rmSync(join(server.root, left))
      if (replacement !== undefined) writeFileSync(join(server.root, left), replacement)
      data.end()
      expect((await client.reply()).code).toBe(451)
      expect(sizeOf('file')).toBeUndefined()
    }
  })
})

describe('Appending', () => {
  test.each([['APPE file'], ['REST 10485760', 'STOR file']])(
    'to a whole file takes its place at the end: %s',
    async (...commands) => {
      const client = await logIn()
      const whole = randomBytes(10 * megabyte)
      writeFileSync(join(server.root, 'file'), whole)
      const data = await client.passive()
      for (const command of commands) await client.send(command)
      data.write('more')
      await eventually(() => sizeOf(left) === whole.length + 4, 'the bytes are there')
      expect(readFileSync(join(server.root, 'file')).equals(whole)).toBe(true)
      data.end()
      expect((await client.reply()).code).toBe(226)
      expect(readFileSync(join(server.root, 'file')).equals(Buffer.concat([whole, Buffer.from('more')]))).toBe(true)
    },
  )
})

describe('The name of what an upload has left', () => {
  test.each(Object.entries(pathCommands))('is no name for %s', async (_name, command) => {
    const client = await logIn()
    await breakOff(client, 'STOR file', 'half', left)
    await client.upload('STOR mine', 'mine')
    for (const path of [left, left.toUpperCase(), `/${left}`]) {
      const { last, all } = await tell(client, command, path)
      expect(last.code === 550 || (last.code === 226 && !all.includes('ftp-upload')), `${last.code} ${last.text}`).toBe(
        true,
      )
    }
    expect(readdirSync(server.root).toSorted()).toEqual([left, 'mine'])
    expect(read(left)).toBe('half')
  })

  test('is none for links either', async () => {
    const client = await logIn()
    await breakOff(client, 'STOR file', 'half', left)
    symlinkSync(left, join(server.root, 'link'))
    expect((await client.download('RETR link')).end.code).toBe(550)
    expect((await client.upload('STOR link', 'intruder')).end.code).toBe(550)
    expect((await client.download('NLST')).bytes.toString()).toBe('')
    expect(read(left)).toBe('half')
  })
})

describe('What nobody went on with', () => {
  test('is removed once it is too old, in all directories, but neither what is younger nor what is written to', async () => {
    const root = await mkdtemp(join(tmpdir(), 'ftp-operator-stale-'))
    onTestFinished(() => rm(root, { recursive: true }))
    mkdirSync(join(root, 'a/b'), { recursive: true })
    const stale = [left, `a/${left}`, `a/b/${left}`]
    const kept = [partialName('young', 'alice'), `a/${partialName('running', 'alice')}`, 'a/old', 'a/.ftp-upload-old']
    for (const name of [...stale, ...kept]) {
      writeFileSync(join(root, name), 'x')
      if (name !== kept[0]) await utimes(join(root, name), 1_000_000, 1_000_000)
    }
    symlinkSync('..', join(root, 'a/loop'))
    const { claims } = new RunningUploads()
    await claims.claim(nameClaim({ stats: statSync(join(root, 'a')) }, targetHash('running')))
    const removed = Promise.withResolvers<number>()
    const fault = (error: unknown) => removed.reject(error)
    const options = { roots: [root], expireSeconds: 3600, pauseSeconds: 60, claims }
    const walk = new StalePartials({ ...options, onEach: () => undefined, onRemoved: removed.resolve, onFault: fault })
    onTestFinished(() => walk.close())
    expect(await removed.promise).toBe(3)
    expect([...stale, ...kept].filter(name => existsSync(join(root, name)))).toEqual(kept)
  })

  test('is removed by a server whose mode is atomic, which says so', async () => {
    const text = readFileSync(join(server.configurationDirectory, 'server.yaml'), 'utf8')
    await server.reconfigure('server.yaml', text.replace('mode: atomic', 'mode: direct'))
    writeFileSync(join(server.root, left), 'x')
    await utimes(join(server.root, left), 1_000_000, 1_000_000)
    await server.reconfigure('server.yaml', text)
    await eventually(() => sizeOf(left) === undefined, 'it is gone')
    await eventually(
      () => server.log().some(({ msg, count }) => msg === 'stale partial uploads removed' && count === 1),
      'it is logged',
    )
  })
})

/** Looks at a file as fast as it can, until it is told that this is enough: how often, and all sizes that it has found. */
const watch = `
const { parentPort, workerData } = require('node:worker_threads')
const { openSync, fstatSync, readSync, closeSync } = require('node:fs')
const sizes = new Set()
let looks = 0
let enough = false
parentPort.on('message', () => { enough = true })
const last = Buffer.alloc(1)
const look = () => {
  for (let count = 0; count < 50; count++) {
    let descriptor
    try { descriptor = openSync(workerData.path) } catch { continue }
    looks++
    const size = fstatSync(descriptor).size
    sizes.add(size)
    if (size > 0) {
      readSync(descriptor, last, 0, 1, size - 1)
      if (last.toString() !== 'a') sizes.add(-1)
    }
    // A file that was opened whole does not change.
    sizes.add(fstatSync(descriptor).size)
    closeSync(descriptor)
  }
  if (enough) parentPort.postMessage({ looks, sizes: [...sizes] })
  else setImmediate(look)
}
look()
`
