/** What each command needs: by permission, by role and by path. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Permission, permissionWords, roles } from '../../server/config/schema/permissions.ts'
import { layOut } from '../support/conformance/conformance.ts'
import type { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'
import { loggedIn } from '../support/sessions.ts'

let server: TestServer

const dropBox = { path: '/dir', role: 'upload-only' }
const users = [
  ...permissionWords.map(word => simpleUser(word, { permissions: [word] })),
  simpleUser('nothing', { permissions: [] }),
  simpleUser('updater', { permissions: ['upload', 'overwrite'] }),
  simpleUser('resumer', { permissions: ['append', 'overwrite'] }),
  simpleUser('mover', { permissions: ['rename', 'overwrite'] }),
  ...Object.keys(roles).map(role => simpleUser(role, { role })),
  simpleUser('dropper', { role: 'read-only', paths: [dropBox] }),
  simpleUser('confined', { permissions: [], paths: [{ path: '/dir/deep', role: 'read-write' }] }),
]

beforeAll(async () => {
  server = await startServer({ users })
})
beforeEach(() => layOut(server.root))
afterAll(() => server.stop())

type Operation = { readonly needs: readonly Permission[]; readonly run: (client: FtpClient) => Promise<number> }

const command = (...lines: readonly string[]): Operation['run'] =>
  async function last(client) {
    let code = 0
    for (const line of lines) code = (await client.send(line)).code
    return code
  }
const download =
  (line: string): Operation['run'] =>
  async client =>
    (await client.download(line)).end.code
const upload =
  (line: string, offset?: number): Operation['run'] =>
  async client => {
    await client.send('TYPE I')
    if (offset !== undefined) await client.send(`REST ${offset}`)
    return (await client.upload(line, 'data')).end.code
  }

const operations: Readonly<Record<string, Operation>> = {
  LIST: { needs: ['list'], run: download('LIST') },
  NLST: { needs: ['list'], run: download('NLST') },
  MLSD: { needs: ['list'], run: download('MLSD') },
  'STAT with a directory': { needs: ['list'], run: command('STAT dir') },
  RETR: { needs: ['download'], run: download('RETR file') },
  'STOR of a new file': { needs: ['upload'], run: upload('STOR new') },
  'STOR over a file': { needs: ['upload', 'overwrite'], run: upload('STOR file') },
  'STOR from the end on': { needs: ['append'], run: upload('STOR file', 10) },
  'STOR from the middle on': { needs: ['append', 'overwrite'], run: upload('STOR file', 5) },
  STOU: { needs: ['upload'], run: upload('STOU') },
  'APPE to a file': { needs: ['append'], run: upload('APPE file') },
  'APPE to a new file': { needs: ['upload'], run: upload('APPE new') },
  'RNTO a free name': { needs: ['rename'], run: command('RNFR file', 'RNTO new') },
  'RNTO a file': { needs: ['rename', 'overwrite'], run: command('RNFR file', 'RNTO dir/inner') },
  DELE: { needs: ['delete'], run: command('DELE file') },
  MKD: { needs: ['mkdir'], run: command('MKD new') },
  RMD: { needs: ['rmdir'], run: command('RMD empty') },
  'SITE CHMOD': { needs: ['chmod'], run: command('SITE CHMOD 600 file') },
  MFMT: { needs: ['mtime'], run: command('MFMT 20200101000000 file') },
  'MFF of both facts': { needs: ['mtime', 'chmod'], run: command('MFF modify=20200101000000;unix.mode=0600; file') },
  HASH: { needs: ['download'], run: command('HASH file') },
  XCRC: { needs: ['download'], run: command('XCRC file') },
  MD5: { needs: ['download'], run: command('MD5 file') },
  DSIZ: { needs: ['list'], run: command('DSIZ dir') },
  RMDA: { needs: ['delete', 'rmdir'], run: command('RMDA dir') },
  'COMB to a file': { needs: ['download', 'delete', 'append'], run: command('COMB dir/inner file') },
  'COMB to a new file': { needs: ['download', 'delete', 'upload'], run: command('COMB new file') },
  'SITE UTIME': { needs: ['mtime'], run: command('SITE UTIME 20200101000000 file') },
  'SITE MKDIR': { needs: ['mkdir'], run: command('SITE MKDIR new/deeper') },
  'SITE RMDIR': { needs: ['delete', 'rmdir'], run: command('SITE RMDIR dir') },
  'SITE SYMLINK': { needs: ['symlink'], run: command('SITE SYMLINK file link') },
  'SITE CPTO': { needs: ['download', 'upload'], run: command('SITE CPFR file', 'SITE CPTO new') },
  'SITE COPY': { needs: ['download', 'upload', 'overwrite'], run: command('SITE COPY file dir/inner') },
  'SITE WHO': { needs: ['who'], run: command('SITE WHO') },
  'MDTM with a time': { needs: ['mtime'], run: command('MDTM 20200101000000 file') },
}

const sets: Readonly<Record<string, readonly Permission[]>> = {
  ...Object.fromEntries(permissionWords.map(word => [word, [word]])),
  ...roles,
  nothing: [],
  updater: ['upload', 'overwrite'],
  resumer: ['append', 'overwrite'],
  mover: ['rename', 'overwrite'],
}

describe.each(Object.entries(sets))('a user with %s', (user, permissions) => {
  it('may do what that allows, and gets 550 for all else', async () => {
    const answers: Record<string, boolean> = {}
    const expected: Record<string, boolean> = {}
    for (const [name, { needs, run }] of Object.entries(operations)) {
      await layOut(server.root)
      const client = await loggedIn(server, user)
      const code = await run(client)
      if (code >= 300) expect([550, 503], name).toContain(code)
      answers[name] = code < 300
      expected[name] = needs.every(word => permissions.includes(word))
      client.close()
    }
    expect(answers).toEqual(expected)
  })
})

describe('an upload-only user', () => {
  it('can bring files into any directory, and take nothing back', async () => {
    const client = await loggedIn(server, 'upload-only')
    expect((await client.send('CWD dir')).code).toBe(250)
    expect((await client.upload('STOR mine', 'data')).end.code).toBe(226)
    for (const line of ['RETR mine', 'STOR mine', 'LIST', 'NLST', 'MLSD', 'APPE mine']) {
      await client.send('EPSV')
      expect((await client.send(line)).code, line).toBe(550)
    }
    for (const line of ['DELE mine', 'RNFR mine', 'STAT .', 'SITE CHMOD 777 mine', 'MFMT 20200101000000 mine']) {
      expect((await client.send(line)).code, line).toBe(550)
    }
    expect((await client.upload('STOU mine', 'data')).opening.text).toBe('FILE: mine.1')
  })
})

describe('permissions by path', () => {
  it('replace those of the user at the path and below it', async () => {
    const client = await loggedIn(server, 'dropper')
    expect((await client.download('RETR file')).end.code).toBe(226)
    expect((await client.upload('STOR new', 'data')).end.code).toBe(550)
    expect((await client.download('RETR dir/inner')).end.code).toBe(550)
    expect((await client.upload('STOR dir/new', 'data')).end.code).toBe(226)
    expect((await client.send('MKD dir/sub')).code).toBe(257)
    expect((await client.upload('STOR dir/sub/new', 'data')).end.code).toBe(226)
    expect((await client.send('MKD sub')).code).toBe(550)
    expect((await client.upload('STOR dir/../new', 'data')).end.code).toBe(550)
  })

  it('let the user reach what is below, and tell nothing of what is beside', async () => {
    const client = await loggedIn(server, 'confined')
    const texts = new Set<string>()
    for (const line of ['SIZE file', 'SIZE missing', 'MLST empty', 'MLST missing', 'CWD empty', 'CWD missing']) {
      await client.send('TYPE I')
      const { code, text } = await client.send(line)
      texts.add(`${code} ${text}`)
    }
    expect([...texts]).toEqual(['550 No such file or directory, or not permitted.'])
    expect((await client.send('CWD dir')).code).toBe(250)
    expect((await client.send('MKD deep')).code).toBe(257)
    expect((await client.upload('STOR deep/file', 'data')).end.code).toBe(226)
    expect((await client.download('LIST')).end.code).toBe(550)
    expect((await client.download('NLST deep')).bytes.toString()).toBe('deep/file\r\n')
  })
})
