/** What a client is told of the server: greeting, HELP, FEAT (RFC 2389), OPTS, STAT. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands } from '../../server/commands/index.ts'
import { siteCommands } from '../../server/commands/site.ts'
import { permissionWords } from '../../server/config/schema/permissions.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { startReversibleTls } from '../support/reversible-tls.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'
import { connected, listenerWith, loggedIn, secured, temporaryServer } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    users: [
      simpleUser('alice'),
      simpleUser('reader', { role: 'read-only' }),
      simpleUser('admin', { permissions: [...permissionWords] }),
    ],
  })
})
afterAll(() => server.stop())

const facts = 'type*;size*;modify*;perm*;unique*;UNIX.mode*;UNIX.owner*;UNIX.group*;'

/** The lines between the first and the last; RFC 2389 section 3.2 has each begin with one space. */
async function features(client: FtpClient): Promise<string[]> {
  const { lines } = await client.send('FEAT')
  const inner = lines.slice(1, -1)
  for (const line of inner) expect(line).toMatch(/^ [A-Z]/)
  return inner.map(line => line.slice(1))
}

const common = [
  'REST STREAM',
  'UTF8',
  'TVFS',
  'EPRT',
  'EPSV',
  'LANG EN*;DE;FR;ES;IT',
  'MDTM',
  'SIZE',
  `MLST ${facts}`,
  'CLNT',
]
const checksums = [
  'HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32',
  ...['MD5', 'XCRC', 'XMD5', 'XSHA', 'XSHA1', 'XSHA256', 'XSHA512'],
]
const always = [
  ...common,
  'MODE Z',
  'RANG STREAM',
  ...checksums,
  'DSIZ',
  'AVBL',
  'CSID',
  'PRET',
  'SITE QUOTA',
  'SITE IDLE',
]
const siteWriting = ['CHMOD', 'UMASK', 'UTIME', 'MKDIR', 'RMDIR', 'CPFR', 'CPTO', 'COPY'].map(name => `SITE ${name}`)
const writing = ['MFMT', 'MFF Modify;UNIX.mode;', 'COMB', 'RMDA', ...siteWriting]

describe('the greeting', () => {
  it('is the banner', async () => {
    const client = await FtpClient.open(server.port)
    const greeting = await client.reply()
    expect(greeting).toEqual({ code: 220, lines: ['Service ready for new user.'], text: 'Service ready for new user.' })
    client.close()
  })

  it('may have several lines, each with the code', async () => {
    const banner = 'Welcome.\n220 is not the end.\nLast.\n'
    const { port } = await temporaryServer({ server: { banner } })
    const client = await FtpClient.open(port)
    client.write('QUIT\r\n')
    expect((await client.closed()).replace(/221 .*/, '221')).toBe(
      '220-Welcome.\r\n220-220 is not the end.\r\n220 Last.\r\n221\r\n',
    )
  })
})

describe('FEAT', () => {
  it('lists what a session in clear text may use, before and after login', async () => {
    const expected = [...always, ...writing, 'AUTH TLS', 'PBSZ', 'PROT', 'CCC'].toSorted()
    // Nobody knows yet who it will be.
    const withheld = ['SITE SYMLINK', 'SITE WHO']
    expect((await features(await connected(server))).toSorted()).toEqual([...expected, ...withheld].toSorted())
    expect((await features(await loggedIn(server, 'admin'))).toSorted()).toEqual([...expected, ...withheld].toSorted())
    expect((await features(await loggedIn(server))).toSorted()).toEqual(expected)
  })

  it('leaves out AUTH under TLS, and all of it where TLS is disabled or given up', async () => {
    const client = await connected(server)
    const endTls = await startReversibleTls(client)
    await client.login()
    const expected = [...always, ...writing, 'PBSZ', 'PROT', 'CCC'].toSorted()
    expect((await features(client)).toSorted()).toEqual(expected)
    await client.send('CCC')
    expect((await features(await endTls())).toSorted()).toEqual([...always, ...writing].toSorted())
    const plain = await temporaryServer({ server: { listeners: await listenerWith('disabled') } })
    const other = await loggedIn(plain)
    expect((await features(other)).toSorted()).toEqual([...always, ...writing].toSorted())
    expect((await other.send('AUTH TLS')).code).toBe(534)
  })

  it('leaves out what the user may not do', async () => {
    const expected = [...always, 'AUTH TLS', 'PBSZ', 'PROT', 'CCC'].toSorted()
    expect((await features(await loggedIn(server, 'reader'))).toSorted()).toEqual(expected)
  })

  it('leaves out CCC where the configuration forbids it', async () => {
    const strict = await temporaryServer({ server: { tls: { clearCommandChannel: false } } })
    const client = await secured(strict)
    expect(await features(client)).not.toContain('CCC')
    expect((await client.send('CCC')).code).toBe(534)
    expect((await client.send('NOOP')).code).toBe(200)
  })

  it('marks the facts that OPTS MLST has chosen; a bad OPTS changes nothing', async () => {
    const client = await loggedIn(server)
    expect((await client.send('OPTS MLST Size;TYPE;nosuch;')).text).toBe('MLST OPTS type;size;')
    const chosen = 'MLST type*;size*;modify;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;'
    expect(await features(client)).toContain(chosen)
    expect((await client.send('OPTS MLST type;size')).code).toBe(501)
    expect(await features(client)).toContain(chosen)
    expect((await client.send('OPTS MLST')).text).toBe('MLST OPTS')
    expect(await features(client)).toContain(`MLST ${facts.replaceAll('*', '')}`)
    await client.send('REIN')
    expect(await features(client)).toContain(`MLST ${facts}`)
  })
})

describe('HELP', () => {
  it('lists every verb the user may use', async () => {
    const client = await loggedIn(server)
    const { lines } = await client.send('HELP')
    const verbs = lines.slice(1, -1).flatMap(line => line.trim().split(/ +/))
    const unusable = ['ADAT', 'MIC', 'CONF', 'ENC', 'LPRT', 'LPSV', 'MFCT', 'HOST']
    const all = commands.flatMap(command => command.verbs)
    expect(verbs.toSorted()).toEqual(all.filter(verb => !unusable.includes(verb)).toSorted())
    const reader = await loggedIn(server, 'reader')
    const shown = (await reader.send('HELP')).lines.join(' ').split(/ +/)
    expect(shown).toContain('RETR')
    for (const verb of ['STOR', 'DELE', 'MKD', 'MFMT']) expect(shown).not.toContain(verb)
  })

  it('tells the syntax of each command, with its RFC', async () => {
    const client = await connected(server)
    for (const { verbs, syntax, rfc } of commands) {
      const { code, lines } = await client.send(`HELP ${verbs[0].toLowerCase()}`)
      expect([code, lines[0], lines.at(-1)]).toEqual([214, `Syntax: ${syntax}`, `${rfc}.`])
    }
  })

  it('of SITE lists the SITE commands the user may use', async () => {
    const client = await loggedIn(server, 'admin')
    expect((await client.send('SITE HELP')).lines.slice(1, -1)).toEqual(siteCommands.map(({ syntax }) => ` ${syntax}`))
    const reader = await loggedIn(server, 'reader')
    expect((await reader.send('SITE HELP')).lines.slice(1, -1)).toEqual([
      ' SITE QUOTA [<SP> <directory>]',
      ' SITE IDLE [<SP> <seconds>]',
      ' SITE HELP',
    ])
  })
})

describe('STAT', () => {
  it('tells the parameters of the session', async () => {
    const client = await secured(server)
    await client.send('TYPE I')
    await client.send('EPSV')
    expect((await client.send('STAT')).lines).toEqual([
      'Status of the session:',
      expect.stringMatching(/^ Connected from 127\.0\.0\.1 for \d+ s$/),
      expect.stringMatching(/^ Logged in as alice; \d+ sessions in all$/),
      ' TYPE: image; STRU: file; MODE: stream',
      ' Control connection: TLS; data connections: private',
      ' Data connection: passive',
      ' Transfer: none',
      'End of status.',
    ])
  })

  it('tells a stranger nothing of others', async () => {
    const client = await connected(server)
    const { lines } = await client.send('STAT')
    expect(lines).toContain(' Not logged in')
    expect(lines.join()).not.toContain('sessions')
  })
})
