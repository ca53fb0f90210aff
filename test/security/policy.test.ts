/** For any policy: a command that touches a path is refused if and only if the policy refuses it. The oracle is written from the guide, not from the code. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { commands } from '../../server/commands/index.ts'
import { siteCommands } from '../../server/commands/site.ts'
import { type Permission, permissionWords } from '../../server/config/schema/permissions.ts'
import { parseUserList } from '../../server/config/users/users.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { pictureOf } from '../support/outside-canaries.ts'
import { type PathCommand, pathCommands, tell } from '../support/path-commands.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: FtpClient

beforeAll(async () => {
  server = await startServer({ users: [simpleUser('alice')] })
  client = await FtpClient.connect(server.port)
  await client.login()
})
afterAll(async () => {
  client.close()
  await server.stop()
})

type Policy = {
  readonly own: readonly Permission[]
  readonly paths: readonly { readonly path: string; readonly permissions: readonly Permission[] }[]
}

const directories = ['/a', '/a/b', '/a/b/c', '/d', '/ab'] as const
const places = ['/', ...directories, '/a/file', '/a/b/new', '/d/file', '/a/b/empty', '/d/new'] as const

function layOut(): void {
  for (const name of readdirSync(server.root)) rmSync(join(server.root, name), { recursive: true })
  for (const directory of directories) {
    mkdirSync(join(server.root, directory, 'empty'), { recursive: true })
    writeFileSync(join(server.root, directory, 'file'), 'content')
  }
}

/** Docs: the longest matching path decides; without one, the user’s own. */
function may({ own, paths }: Policy, word: Permission, path: string): boolean {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf('/')) || '/') {
    const rule = paths.find(each => each.path === at)
    if (rule !== undefined) return rule.permissions.includes(word)
    if (at === '/') return own.includes(word)
  }
}

function isBelow(path: string, directory: string): boolean {
  return directory === '/' ? path !== '/' : path.startsWith(`${directory}/`)
}

/** Something may be done there, or somewhere below. */
function seen(policy: Policy, path: string): boolean {
  if (permissionWords.some(word => may(policy, word, path))) return true
  return policy.paths.some(rule => isBelow(rule.path, path) && rule.permissions.length > 0)
}

/** At the path, and at all below it that has a rule of its own. */
function mayMove(policy: Policy, path: string): boolean {
  const below = policy.paths.filter(rule => isBelow(rule.path, path))
  return may(policy, 'rename', path) && below.every(rule => rule.permissions.includes('rename'))
}

type Case = {
  readonly command: PathCommand
  /** What it is tried on, by the directory that is chosen. */
  readonly path: (directory: string) => string
  readonly allowed: (policy: Policy, path: string) => boolean
}

const file = (directory: string) => `${directory}/file`
const fresh = (directory: string) => `${directory}/new`
const empty = (directory: string) => `${directory}/empty`
const itself = (directory: string) => directory
const needs =
  (...words: readonly Permission[]) =>
  (policy: Policy, path: string): boolean =>
    words.every(word => may(policy, word, path))

/** At the path, and at all below it that has a rule of its own. */
const needsBelow =
  (...words: readonly Permission[]) =>
  (policy: Policy, path: string): boolean =>
    needs(...words)(policy, path) &&
    policy.paths.every(rule => !isBelow(rule.path, path) || words.every(word => rule.permissions.includes(word)))

function command(verb: keyof typeof pathCommands): PathCommand {
  const found = pathCommands[verb]
  if (found === undefined) throw new Error(`no command ${verb}`)
  return found
}
const rename = (to: (path: string) => string): PathCommand => ({ lines: path => [`RNFR ${path}`, `RNTO ${to(path)}`] })
const restart = (offset: number): PathCommand => ({ lines: path => [`REST ${offset}`, `STOR ${path}`], data: 'puts' })

const cases: Readonly<Record<string, Case>> = {
  CWD: { command: command('CWD'), path: itself, allowed: seen },
  XCWD: { command: command('XCWD'), path: itself, allowed: seen },
  SIZE: { command: command('SIZE'), path: file, allowed: seen },
  MDTM: { command: command('MDTM'), path: file, allowed: seen },
  MLST: { command: command('MLST'), path: file, allowed: seen },
  'MLST of a directory': { command: command('MLST'), path: itself, allowed: seen },
  STAT: { command: command('STAT'), path: itself, allowed: needs('list') },
  LIST: { command: command('LIST'), path: itself, allowed: needs('list') },
  NLST: { command: command('NLST'), path: itself, allowed: needs('list') },
  MLSD: { command: command('MLSD'), path: itself, allowed: needs('list') },
  RETR: { command: command('RETR'), path: file, allowed: needs('download') },
  ...Object.fromEntries(
    ['HASH', 'MD5', 'XCRC', 'XMD5', 'XSHA', 'XSHA1', 'XSHA256', 'XSHA512', 'XCRC of a part'].map(name => [
      name,
      { command: command(name), path: file, allowed: needs('download') } satisfies Case,
    ]),
  ),
  DSIZ: { command: command('DSIZ'), path: itself, allowed: needsBelow('list') },
  AVBL: { command: command('AVBL'), path: itself, allowed: seen },
  RMDA: { command: command('RMDA'), path: itself, allowed: needsBelow('delete', 'rmdir') },
  COMB: {
    command: { lines: path => [`COMB "${path}" "/ab/file"`] },
    path: directory => (directory === '/ab' ? '/d/file' : `${directory}/file`),
    allowed: (policy, path) => needs('download', 'delete')(policy, '/ab/file') && may(policy, 'append', path),
  },
  'COMB of a part': {
    command: { lines: path => [`COMB "/d/new" "${path}"`] },
    path: file,
    allowed: (policy, path) => needs('download', 'delete')(policy, path) && may(policy, 'upload', '/d/new'),
  },
  'SITE UTIME': { command: command('SITE UTIME'), path: file, allowed: needs('mtime') },
  'SITE UTIME with three times': {
    command: command('SITE UTIME with three times'),
    path: file,
    allowed: needs('mtime'),
  },
  'SITE MKDIR': {
    command: { lines: path => [`SITE MKDIR ${path}/deep`] },
    path: fresh,
    allowed: (policy, path) => needs('mkdir')(policy, path) && may(policy, 'mkdir', `${path}/deep`),
  },
  'SITE RMDIR': { command: command('SITE RMDIR'), path: itself, allowed: needsBelow('delete', 'rmdir') },
  'SITE SYMLINK': {
    command: { lines: path => [`SITE SYMLINK /d/file ${path}`] },
    path: fresh,
    allowed: (policy, path) =>
      may(policy, 'symlink', path) &&
      permissionWords.every(word => may(policy, word, '/d/file') || !may(policy, word, path)),
  },
  'SITE CPFR': {
    command: { lines: path => [`SITE CPFR ${path}`] },
    path: file,
    allowed: (policy, path) => may(policy, 'download', path) && places.some(place => may(policy, 'upload', place)),
  },
  'SITE CPTO': {
    command: { lines: path => ['SITE CPFR /d/file', `SITE CPTO ${path}`] },
    path: fresh,
    allowed: (policy, path) => may(policy, 'download', '/d/file') && may(policy, 'upload', path),
  },
  'SITE COPY': {
    command: { lines: path => [`SITE COPY /ab/file ${path}`] },
    path: directory => (directory === '/ab' ? '/d/file' : `${directory}/file`),
    allowed: (policy, path) => may(policy, 'download', '/ab/file') && needs('upload', 'overwrite')(policy, path),
  },
  'SITE COPY of a file': {
    command: { lines: path => [`SITE COPY ${path} /d/new`] },
    path: file,
    allowed: (policy, path) => may(policy, 'download', path) && may(policy, 'upload', '/d/new'),
  },
  'STOR of a new file': { command: command('STOR'), path: fresh, allowed: needs('upload') },
  STOR: { command: command('STOR'), path: file, allowed: needs('upload', 'overwrite') },
  'STOR from the end on': { command: restart(7), path: file, allowed: needs('append') },
  'STOR from the middle on': { command: restart(3), path: file, allowed: needs('append', 'overwrite') },
  'APPE to a new file': { command: command('APPE'), path: fresh, allowed: needs('upload') },
  APPE: { command: command('APPE'), path: file, allowed: needs('append') },
  'STOU of a new name': { command: command('STOU'), path: fresh, allowed: needs('upload') },
  STOU: {
    command: command('STOU'),
    path: file,
    allowed: (policy, path) => may(policy, 'upload', path) && may(policy, 'upload', `${path}.1`),
  },
  MKD: { command: command('MKD'), path: fresh, allowed: needs('mkdir') },
  XMKD: { command: command('XMKD'), path: fresh, allowed: needs('mkdir') },
  RMD: { command: command('RMD'), path: empty, allowed: needs('rmdir') },
  XRMD: { command: command('XRMD'), path: empty, allowed: needs('rmdir') },
  DELE: { command: command('DELE'), path: file, allowed: needs('delete') },
  'SITE CHMOD': { command: command('SITE CHMOD'), path: file, allowed: needs('chmod') },
  'SITE CHMOD of a directory': { command: command('SITE CHMOD'), path: empty, allowed: needs('chmod') },
  MFMT: { command: command('MFMT'), path: file, allowed: needs('mtime') },
  MFF: { command: { lines: path => [`MFF unix.mode=0700; ${path}`] }, path: file, allowed: needs('chmod') },
  'MFF of both facts': { command: command('MFF'), path: file, allowed: needs('mtime', 'chmod') },
  'MDTM with a time': { command: command('MDTM with a time'), path: file, allowed: needs('mtime') },
  RNTO: {
    command: rename(() => '/d/new'),
    path: file,
    allowed: (policy, path) => mayMove(policy, path) && mayMove(policy, '/d/new'),
  },
  RNFR: {
    command: rename(path => `${path}-moved`),
    path: file,
    allowed: (policy, path) => mayMove(policy, path) && mayMove(policy, `${path}-moved`),
  },
  'RNTO a file': {
    command: rename(() => '/ab/file'),
    path: directory => (directory === '/ab' ? '/d/file' : `${directory}/file`),
    allowed: (policy, path) =>
      mayMove(policy, path) && mayMove(policy, '/ab/file') && may(policy, 'overwrite', '/ab/file'),
  },
  'RNTO of a directory': {
    command: rename(() => '/ab/moved'),
    path: directory => (directory === '/ab' ? '/d' : directory),
    allowed: (policy, path) => mayMove(policy, path) && mayMove(policy, '/ab/moved'),
  },
}

const words = fc.oneof(
  fc.subarray([...permissionWords]),
  fc.constant([...permissionWords]),
  fc.constant<Permission[]>([]),
)
const policies: fc.Arbitrary<Policy> = fc.record({
  own: words,
  paths: fc.uniqueArray(fc.record({ path: fc.constantFrom(...places), permissions: words }), {
    maxLength: 4,
    selector: ({ path }) => path,
  }),
})

async function putInForce({ own, paths }: Policy): Promise<void> {
  const list = await parseUserList(
    'users.yaml',
    stringify({ users: [simpleUser('alice', { permissions: own, paths })] }),
  )
  const outcome = list.accepted ? list.entries[0]?.outcome : undefined
  if (outcome?.kind !== 'user') throw new Error('the list was refused')
  const { configuration } = server.application.server
  await server.application.server.apply({ ...configuration, users: new Map([['alice', outcome.user]]) })
}

it('holds for every command with a path', () => {
  const tried = new Set(
    Object.values(cases).flatMap(each => each.command.lines('').map(line => line.replace(/ [^A-Z]*$/, ''))),
  )
  const verbs = [
    ...commands.filter(({ syntax }) => syntax.includes('<pathname>')).flatMap(each => each.verbs),
    ...siteCommands.filter(({ syntax }) => syntax.includes('<pathname>')).map(each => `SITE ${each.verbs[0]}`),
  ]
  expect(verbs.filter(verb => !tried.has(verb))).toEqual(['SMNT', 'MFCT'])
})

it('refuses exactly what the policy refuses, and then changes nothing', async () => {
  const attempt = fc.record({
    name: fc.constantFrom(...Object.keys(cases)),
    directory: fc.constantFrom(...directories),
  })
  await client.send('TYPE I')
  await fc.assert(
    fc.asyncProperty(policies, fc.array(attempt, { minLength: 8, maxLength: 16 }), async (policy, attempts) => {
      await putInForce(policy)
      for (const { name, directory } of attempts) {
        const tried = cases[name]
        if (tried === undefined) throw new Error('no such case')
        layOut()
        const before = pictureOf(server.root)
        const path = tried.path(directory)
        await client.send('CWD /')
        const { last } = await tell(client, tried.command, path)
        const refused = last.code >= 400
        expect({ name, path, code: last.code, refused }).toMatchObject({ refused: !tried.allowed(policy, path) })
        if (refused) expect(last.code).toBe(550)
        if (refused) expect(pictureOf(server.root)).toEqual(before)
      }
    }),
    { numRuns: 80 },
  )
})

it('lets RNFR hold for the very next command, whatever that is', async () => {
  await putInForce({ own: [...permissionWords], paths: [] })
  layOut()
  const before = pictureOf(server.root)
  for (const between of ['NOOP', 'PWD', 'CWD /', 'UNKNOWN', 'RNTO', 'SIZE /d/file', 'STAT', 'RNFR /missing', '']) {
    expect((await client.send('RNFR /a/file')).code).toBe(350)
    await client.send(between)
    expect((await client.send('RNTO /d/moved')).code, between).toBe(503)
  }
  expect(pictureOf(server.root)).toEqual(before)
})
