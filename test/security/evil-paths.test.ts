/** Paths that have led out of other servers, in every command that takes one: nothing outside of the home is told or touched. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { commands } from '../../server/commands/index.ts'
import { siteCommands } from '../../server/commands/site.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { canaryIn, layCanaries, pictureOf } from '../support/outside-canaries.ts'
import { pathCommands, tell } from '../support/path-commands.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: FtpClient
let outside: string
let home: string

beforeAll(async () => {
  server = await startServer({
    users: [simpleUser('alice', { home: '/alice', paths: [{ path: '/forbidden', permissions: [] }] })],
  })
  home = join(server.root, 'alice')
  outside = join(dirname(server.root), 'outside')
  layCanaries(outside)
  layCanaries(join(server.root, 'bob'))
  mkdirSync(home)
})
afterAll(() => server.stop())

beforeEach(async () => {
  client = await FtpClient.connect(server.port)
  await client.login()
  await client.send('TYPE I')
  return () => client.close()
})

/** Nothing is left of what the command before has done. The directory itself stays: the session holds it. */
function layOutHome(): void {
  for (const name of readdirSync(home, { encoding: 'buffer' })) {
    rmSync(Buffer.concat([Buffer.from(`${home}/`), name]), { recursive: true, force: true })
  }
  mkdirSync(join(home, 'open/sub'), { recursive: true })
  layCanaries(join(home, 'forbidden'))
  writeFileSync(join(home, 'mine'), 'mine')
  writeFileSync(join(home, 'open/file'), 'public')
  for (const [name, target] of Object.entries(links())) symlinkSync(target, join(home, name))
}

const links = () => ({
  out: '../../outside',
  absolute: outside,
  file: '../../outside/canary',
  up: '..',
  top: '/',
  neighbour: '../bob',
  loop: 'loop',
  inner: 'forbidden',
  'open/deep': '../../bob/canary-directory',
  'open/chain': '../out/canary-directory',
  proc: '/proc/self/root',
})

const dots = '../'.repeat(12)
/** As bytes of latin1. */
const outsideOrNowhere: readonly string[] = [
  ...['..', '../', '../..', '/..', '/../', '/../..', './..', '.', '/', '//', '/.', '/./', '', ' ', '..;', '...'],
  ...['../bob', '../bob/canary', '/../bob/canary', './../bob/canary', 'open/../../bob/canary', '//bob/canary'],
  ...['open/../../../outside/canary', 'open/sub/../../../../outside', '/open/./../..//bob/./canary', '../bob/canary/.'],
  ...[`${dots}etc/passwd`, `/${dots}etc/passwd`, '/etc/passwd', '/etc//passwd', '///etc/passwd', '/./etc/passwd'],
  ...['....//bob/canary', '....//....//etc/passwd', '.../...//bob', '..;/bob/canary', '.;/../bob/canary', '..:/bob'],
  ...['..\\bob\\canary', '..\\..\\outside\\canary', '\\..\\bob', 'open\\..\\..\\bob', '\\\\host\\share', 'C:\\', 'C:/'],
  ...['%2e%2e/bob/canary', '%2e%2e%2fbob%2fcanary', '..%2fbob', '..%252fbob', '%252e%252e/bob', '..%c0%afbob', '%00'],
  ...[
    '\xc0\xae\xc0\xae/bob/canary',
    '..\xc0\xafbob',
    '\xe0\x80\xae\xe0\x80\xae/bob',
    '..\xe0\x80\xafbob',
    '\xf0\x80\x80\xae./bob',
  ],
  ...['\xef\xbc\x8e\xef\xbc\x8e/bob/canary', '..\xef\xbc\x8fbob', '..\xe2\x88\x95bob', '\xe2\x80\xa4\xe2\x80\xa4/bob'],
  ...['~', '~root', '~bob', '~/../bob', '$HOME', '${PWD}/../bob', '`id`', '$(id)', '|id', ';id', '%username%', '&'],
  ...[
    '"../bob/canary"',
    "'../bob/canary'",
    '"',
    'file:///etc/passwd',
    '../bob/canary\0',
    '../bob/canary\0.txt',
    '\0',
    'a\0/../../bob',
  ],
  ...[
    '../bob/canary ',
    ' ../bob/canary',
    '.. /bob',
    '../bob/canary.',
    '..\r/bob',
    '../bob\r',
    '\t../bob',
    '\x1b[2J../bob',
  ],
  ...[
    '/proc/self/root/etc/passwd',
    '/proc/self/fd/0',
    '/proc/self/cwd',
    '/dev/null',
    '/dev/stdin',
    '/proc/self/environ',
  ],
  ...['a'.repeat(300), `${'a/'.repeat(1900)}b`, `${'../'.repeat(1300)}bob`, `${'./'.repeat(1900)}../bob/canary`],
  ...[
    'out',
    'out/canary',
    'out/../bob/canary',
    'out/new',
    'absolute',
    'absolute/canary',
    'file',
    'file/',
    'up',
    'up/bob/canary',
  ],
  ...[
    'top',
    'top/etc/passwd',
    'neighbour',
    'neighbour/canary',
    'neighbour/new',
    'loop',
    'loop/x',
    'open/deep',
    'open/deep/canary',
  ],
  ...[
    'open/chain',
    'open/chain/canary',
    'proc',
    'proc/etc/passwd',
    'out/.',
    'out/',
    'open/../out/canary',
    'up/../bob/canary',
  ],
  ...['*/canary', '../*', '*/../*/canary', '{..,}/bob', '[.][.]/bob', '?./bob', '/*/*', 'ou[t]', 'out/*', '**/canary'],
]
/** What the policy keeps from the user, spelled in all ways that mean it. */
const forbidden: readonly string[] = [
  ...['forbidden', 'forbidden/', '/forbidden', '//forbidden', './forbidden', 'open/../forbidden', '../forbidden'],
  ...[
    'forbidden/canary',
    '/forbidden/canary',
    '//forbidden//canary',
    '/./forbidden/./canary',
    'forbidden/sub/../canary',
  ],
  ...[
    'forbidden/canary-directory/../canary',
    '/../forbidden/canary',
    'open/sub/../../forbidden/canary',
    'forbidden/new',
  ],
  ...[
    'inner',
    'inner/canary',
    './inner//canary',
    'open/../inner/new',
    'forbidden/.',
    'forbidden/canary/..',
    'up/alice/forbidden/canary',
  ],
]

describe('The commands with a path', () => {
  it('are those of the table', () => {
    const inTable = [
      ...commands.filter(({ syntax }) => syntax.includes('<pathname>')).flatMap(({ verbs }) => verbs),
      ...siteCommands.filter(({ syntax }) => syntax.includes('<pathname>')).map(({ verbs }) => `SITE ${verbs[0]}`),
    ]
    // SMNT takes one only to say that there is nothing to mount.
    const here = new Set(Object.keys(pathCommands))
    expect(inTable.filter(verb => !here.has(verb))).toEqual(['SMNT', 'MFCT'])
    expect(outsideOrNowhere.length + forbidden.length).toBeGreaterThan(60)
  })

  it.each(Object.keys(pathCommands))('tell nothing of what lies outside and leave it as it is: %s', async verb => {
    const command = pathCommands[verb]
    if (command === undefined) throw new Error('no such command')
    layOutHome()
    const before = [outside, join(server.root, 'bob')].map(pictureOf)
    for (const path of outsideOrNowhere) {
      layOutHome()
      const kept = pictureOf(join(home, 'forbidden'))
      const { all } = await tell(client, command, path)
      // The forbidden directory is seen where the home is listed; its contents never are.
      expect(canaryIn(all), JSON.stringify([verb, path])).toEqual([])
      expect(all, path).not.toMatch(/root:|daemon/)
      expect([outside, join(server.root, 'bob')].map(pictureOf), path).toEqual(before)
      expect(pictureOf(join(home, 'forbidden')), path).toEqual(kept)
      await client.send('CWD /')
    }
  })

  it.each(Object.keys(pathCommands))('obey the policy on the very path that is meant: %s', async verb => {
    const command = pathCommands[verb]
    if (command === undefined) throw new Error('no such command')
    for (const path of forbidden) {
      layOutHome()
      const before = pictureOf(join(home, 'forbidden'))
      const { last, all } = await tell(client, command, path)
      expect(canaryIn(all), JSON.stringify([verb, path])).toEqual([])
      expect(pictureOf(join(home, 'forbidden')), JSON.stringify([verb, path])).toEqual(before)
      expect(`${verb} ${path}: ${last.code}`).toMatch(allowedAnswers(verb, path))
      await client.send('CWD /')
    }
  })
})

/** A pattern that matches nothing the user may see gives an empty listing; a link itself is the home’s: it may be renamed and removed, and STOU finds a name beside it. */
function allowedAnswers(verb: string, path: string): RegExp {
  const mayBeDone = verb === 'LIST of a pattern' || (path === 'inner' && /^(DELE|RN..|STOU)$/.test(verb))
  return mayBeDone ? /: (2|4|5)\d\d$/ : /: [45]\d\d$/
}
