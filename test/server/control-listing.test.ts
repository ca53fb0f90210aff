/** LIST, NLST, STAT with a path, MLSD and MLST: RFC 959, RFC 1123 section 4.1.2.7, RFC 3659 section 7. */
import { chmod, mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'
import { loggedIn } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  const users = [
    simpleUser('alice'),
    simpleUser('bob', { paths: [{ path: '/private', permissions: ['download'] }] }),
    simpleUser('reader', { role: 'read-only' }),
  ]
  server = await startServer({ users })
  const { root } = server
  await mkdir(join(root, 'dir', 'sub'), { recursive: true })
  await mkdir(join(root, 'private'))
  for (const [name, content] of [
    ['a.txt', '1'],
    ['b.txt', '22'],
    ['c.log', '333'],
    ['.hidden', '4444'],
    ['dir/in.txt', '55555'],
    ['dir/sub/deep.txt', '666666'],
    ['private/known', 'secret'],
  ] as const) {
    await writeFile(join(root, name), content)
    await utimes(join(root, name), 0, Date.UTC(2020, 1, 29, 12, 34, 56) / 1000 + content.length)
    await chmod(join(root, name), 0o640)
  }
})
afterAll(() => server.stop())

async function list(client: FtpClient, command: string): Promise<string[]> {
  const { opening, bytes, end } = await client.download(command)
  expect([opening.code, end.code], command).toEqual([150, 226])
  const text = bytes.toString('latin1')
  expect(text === '' || text.endsWith('\r\n')).toBe(true)
  return text.split('\r\n').slice(0, -1)
}

const nameIn = (line: string): string => line.split(' ').at(-1) ?? ''

describe('LIST', () => {
  it('is in the format of Unix', async () => {
    const client = await loggedIn(server)
    const [line] = await list(client, 'LIST a.txt')
    expect(line).toMatch(/^-rw-r----- +1 \S+ +\S+ +1 Feb 29 {2}2020 a\.txt$/)
    expect((await list(client, 'LIST')).map(nameIn)).toEqual(['.hidden', 'a.txt', 'b.txt', 'c.log', 'dir', 'private'])
    expect((await list(client, 'LIST')).find(one => one.endsWith(' dir'))).toMatch(/^d/)
  })

  it.each([
    ['LIST -a', ['.', '..', '.hidden', 'a.txt', 'b.txt', 'c.log', 'dir', 'private']],
    ['LIST -A', ['.hidden', 'a.txt', 'b.txt', 'c.log', 'dir', 'private']],
    ['LIST -la dir', ['.', '..', 'in.txt', 'sub']],
    ['LIST -l -a dir', ['.', '..', 'in.txt', 'sub']],
    ['LIST -S *.*', ['c.log', 'b.txt', 'a.txt']],
    ['LIST -t *.*', ['c.log', 'b.txt', 'a.txt']],
    ['LIST -tr *.*', ['a.txt', 'b.txt', 'c.log']],
    ['LIST -d dir', ['dir']],
    ['LIST -Z%x dir', ['in.txt', 'sub']],
    ['LIST -- dir', ['in.txt', 'sub']],
    ['LIST *.txt', ['a.txt', 'b.txt']],
    ['LIST [ab].txt', ['a.txt', 'b.txt']],
    ['LIST ?.l*', ['c.log']],
    ['LIST dir/*.txt', ['in.txt']],
    ['LIST */*/*.txt', ['dir/sub/deep.txt']],
    ['LIST *.none', []],
  ] as const)('%s', async (command, names) => {
    const client = await loggedIn(server)
    expect((await list(client, command)).map(nameIn)).toEqual(names)
  })
})

describe('NLST', () => {
  it.each(['NLST', 'NLST dir', 'NLST dir/', 'NLST /dir', 'NLST dir/*.txt', 'NLST *.txt', 'NLST a.txt', 'NLST ./dir'])(
    '%s gives names that RETR and MLST take',
    async command => {
      const client = await loggedIn(server)
      const names = await list(client, command)
      expect(names.length).toBeGreaterThan(0)
      for (const name of names) {
        if (name.endsWith('.txt')) expect((await client.download(`RETR ${name}`)).end.code, name).toBe(226)
        else expect((await client.send(`MLST ${name}`)).code, name).toBe(250)
      }
    },
  )

  it('takes flags', async () => {
    const client = await loggedIn(server)
    expect(await list(client, 'NLST -A dir/..')).toContain('dir/../.hidden')
  })
})

describe('STAT with a path', () => {
  it('lists over the control connection what LIST does', async () => {
    const client = await loggedIn(server)
    for (const argument of ['dir', 'a.txt', '-la', '*.txt']) {
      const { code, lines } = await client.send(`STAT ${argument}`)
      expect(code).toBe(argument === 'a.txt' ? 213 : 212)
      expect(lines.slice(1, -1).map(nameIn)).toEqual((await list(client, `LIST ${argument}`)).map(nameIn))
    }
  })
})

describe('MLST and MLSD', () => {
  it('tell all facts in the order of FEAT, of one file with its full path', async () => {
    const client = await loggedIn(server)
    await client.send('CWD dir')
    const { code, lines } = await client.send('MLST in.txt')
    expect([code, lines.length]).toEqual([250, 3])
    expect(lines[1]).toMatch(
      /^ type=file;size=5;modify=20200229123501;perm=adfrw;unique=[^;]+;UNIX\.mode=0640;UNIX\.owner=\d+;UNIX\.group=\d+; \/dir\/in\.txt$/,
    )
    expect((await client.send('MLST')).lines[1]).toMatch(/^ type=dir;modify=\d{14};perm=cdeflmp;.*; \/dir$/)
    expect((await client.send('MLST /')).lines[1]).toMatch(/;perm=celmp;.* \/$/)
  })

  it('MLSD has a line for each entry, hidden ones too, with its bare name; chosen facts only', async () => {
    const client = await loggedIn(server)
    await client.send('OPTS MLST type;size;')
    expect((await list(client, 'MLSD')).toSorted()).toEqual([
      'type=dir; dir',
      'type=dir; private',
      'type=file;size=1; a.txt',
      'type=file;size=2; b.txt',
      'type=file;size=3; c.log',
      'type=file;size=4; .hidden',
    ])
    await client.send('OPTS MLST')
    expect(await list(client, 'MLSD dir/sub')).toEqual([' deep.txt'])
  })

  it('the perm fact is what the user may do', async () => {
    const client = await loggedIn(server, 'reader')
    await client.send('OPTS MLST perm;')
    expect((await client.send('MLST a.txt')).lines[1]).toBe(' perm=r; /a.txt')
    expect((await client.send('MLST dir')).lines[1]).toBe(' perm=el; /dir')
    const bob = await loggedIn(server, 'bob')
    await bob.send('OPTS MLST perm;')
    expect(await list(bob, 'MLSD')).toContain('perm=e; private')
  })

  it('unique is the same for the same file, and no other', async () => {
    const client = await loggedIn(server)
    await client.send('OPTS MLST unique;')
    const unique = async (path: string) => /unique=([^;]+);/.exec((await client.send(`MLST ${path}`)).lines.join())?.[1]
    expect(await unique('a.txt')).toBe(await unique('dir/../a.txt'))
    expect(await unique('a.txt')).not.toBe(await unique('b.txt'))
  })
})

describe('a directory the user may not list', () => {
  it.each(['LIST', 'NLST', 'MLSD', 'STAT'])('is refused by %s with 550 before any data', async verb => {
    const client = await loggedIn(server, 'bob')
    await client.send('EPSV')
    expect((await client.send(`${verb} private`)).code).toBe(550)
    await client.send('CWD private')
    await client.send('EPSV')
    if (verb !== 'STAT') expect((await client.send(verb)).code).toBe(550)
    expect((await client.download('RETR known')).bytes.toString()).toBe('secret')
  })

  it('is passed over by patterns', async () => {
    const client = await loggedIn(server, 'bob')
    expect(await list(client, 'NLST */*')).toEqual(['dir/in.txt', 'dir/sub'])
  })
})
