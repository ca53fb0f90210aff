/** Nothing of one protocol is taken for another: STARTTLS injection, ALPACA, reflection. */
import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { commands } from '../../server/commands/index.ts'
import { siteCommands } from '../../server/commands/site.ts'
import { clientHello } from '../support/client-hello.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { connected, listenerWith, loggedIn, temporaryServer } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

async function raw(port = server.port): Promise<RawConnection> {
  const connection = await RawConnection.open(port)
  onTestFinished(() => void connection.socket.destroy())
  await connection.untilReceived(/^220 .*\r\n/)
  return connection
}

/** What came after the greeting, once the server has closed the connection. */
async function said(connection: RawConnection): Promise<string> {
  return (await connection.untilClosed()).replace(/^220 .*\r\n/, '')
}

describe('What is sent behind AUTH', () => {
  const behind: readonly (readonly [string, string | Uint8Array])[] = [
    ['a command', 'USER evil\r\n'],
    ['half a command', 'USER ev'],
    ['one byte', 'U'],
    ['an empty line', '\r\n'],
    ['Telnet', Buffer.from([0xff, 0xfb, 0x01])],
    ['a line too long to be kept', 'A'.repeat(9000)],
    ['many commands', 'NOOP\r\n'.repeat(200)],
    ['another AUTH', 'AUTH TLS\r\n'],
    ['a ClientHello', clientHello()],
  ]

  it.each(behind)('in the same segment ends the connection with 503: %s', async (_, bytes) => {
    const connection = await raw()
    await connection.write(Buffer.concat([Buffer.from('AUTH TLS\r\n'), Buffer.from(bytes)]))
    expect(await said(connection)).toMatch(/^503 [^\r\n]*\r\n$/)
  })

  it.each(behind.filter(([what]) => what !== 'a ClientHello'))(
    'byte by byte is never answered after 234: %s',
    async (_, bytes) => {
      const connection = await raw()
      connection.socket.setNoDelay(true)
      for (const byte of Buffer.concat([Buffer.from('AUTH TLS\r\n'), Buffer.from(bytes)]).subarray(0, 400)) {
        await connection.write(Uint8Array.of(byte))
      }
      connection.end()
      // The handshake may end with an alert, which is no reply.
      expect(await said(connection)).toMatch(/^(?:503 [^\r\n]*\r\n|234 [^\r\n]*\r\n(?![2-5]\d\d )[^]*)$/)
    },
  )

  it('is not heard under TLS: nothing that came before the handshake was kept', async () => {
    // What a man in the middle sends ahead, in one go with the client’s own AUTH.
    for (const ahead of [
      'REST 7\r\n',
      'RNFR x\r\n',
      'USER alice\r\n',
      'TYPE I\r\n',
      'CLNT evil\r\n',
      'OPTS MLST\r\n',
    ]) {
      const client = await connected(server)
      client.write(`${ahead}AUTH TLS\r\n`)
      await client.reply()
      expect((await client.reply()).code).toBe(234)
      await client.secure()
      expect((await client.send('PASS correct horse')).code, ahead).toBe(503)
      await client.login()
      expect((await client.send('RNTO y')).code).toBe(503)
      expect((await client.send('STAT')).lines.join()).toContain('TYPE: ascii')
      expect((await client.send('FEAT')).lines.join()).toMatch(/MLST type\*;/)
    }
  })
})

describe('The TLS handshake', () => {
  const alpn = (port: number, names: readonly string[]) =>
    new Promise<string | false | null>((resolve, reject) => {
      const options = { port, rejectUnauthorized: false, ALPNProtocols: [...names] }
      const socket = connectTls(options, () => {
        resolve(socket.alpnProtocol)
        socket.destroy()
      })
      socket.once('error', reject)
    })

  it.each([
    [['http/1.1']],
    [['h2', 'http/1.1']],
    [['smtp']],
    [['imap', 'pop3']],
    [['FTP']],
    [['ftp-data']],
    [['ftps']],
  ])('is refused with no_application_protocol to who means %j', async names => {
    const implicit = await temporaryServer({ server: { listeners: await listenerWith('implicit') } })
    await expect(alpn(implicit.port, names)).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    })
    const client = await connected(server)
    await expect(client.startTls({ ALPNProtocols: names })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    })
  })

  it('is done with who means ftp, among others or without a word', async () => {
    const implicit = await temporaryServer({ server: { listeners: await listenerWith('implicit') } })
    expect(await alpn(implicit.port, ['ftp'])).toBe('ftp')
    expect(await alpn(implicit.port, ['h2', 'ftp'])).toBe('ftp')
    expect(await alpn(implicit.port, [])).toBe(false)
  })

  it('of a data connection is refused to who means another protocol', async () => {
    const client = await connected(server)
    await client.loginSecurely()
    const data = await client.passive()
    expect((await client.send('NLST')).code).toBe(150)
    await expect(client.protect(data, { ALPNProtocols: ['http/1.1'] })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    })
    expect((await client.reply()).code).toBe(522)
  })

  it('takes any host name by default, since many clients connect by a name of their own', async () => {
    const client = await connected(server)
    await client.startTls({ servername: 'ftp.elsewhere.example' })
    expect((await client.send('NOOP')).code).toBe(200)
  })

  it('refuses host names that the certificate does not cover with unrecognized_name, where that is asked for', async () => {
    const strict = await temporaryServer({ server: { tls: { strictServerName: true } } })
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const only = { minVersion: version, maxVersion: version }
      const foreign = await connected(strict)
      await expect(foreign.startTls({ ...only, servername: 'www.example' })).rejects.toMatchObject({
        code: expect.stringContaining('UNRECOGNIZED_NAME'),
      })
      const own = await connected(strict)
      await own.loginSecurely({ ...only, servername: 'localhost' })
      expect((await own.download('NLST', { ...only, servername: 'localhost' })).end.code).toBe(226)
      const nameless = await connected(strict)
      await nameless.startTls(only)
      expect((await nameless.send('NOOP')).code).toBe(200)
    }
  })
})

const requests: readonly (readonly [string, string | Uint8Array])[] = [
  ['GET', 'GET /canary HTTP/1.1\r\nHost: canary\r\n\r\n'],
  ['HEAD', 'HEAD /canary HTTP/1.0\r\n\r\n'],
  ['POST with FTP in its body', 'POST /canary HTTP/1.1\r\n\r\nUSER alice\r\nPASS correct horse\r\nLIST canary\r\n'],
  ['PUT', 'PUT /canary HTTP/1.1\r\n\r\n'],
  ['PATCH', 'PATCH /canary HTTP/1.1\r\n\r\n'],
  ['DELETE', 'DELETE /canary HTTP/1.1\r\n\r\n'],
  ['OPTIONS', 'OPTIONS * HTTP/1.1\r\nX-Canary: canary\r\n\r\n'],
  ['CONNECT', 'CONNECT canary:443 HTTP/1.1\r\n\r\n'],
  ['TRACE', 'TRACE /canary HTTP/1.1\r\n\r\n'],
  ['in small letters', 'get /canary HTTP/1.1\r\n\r\n'],
  ['a header', 'Host: canary\r\n'],
  ['a header with no space', 'X-Canary:canary\r\nNOOP\r\n'],
  ['EHLO', 'EHLO canary\r\nMAIL FROM:<canary@canary>\r\n'],
  ['HELO', 'HELO canary\r\n'],
  ['LHLO', 'LHLO canary\r\n'],
  ['MAIL', 'MAIL FROM:<canary@canary>\r\n'],
  ['RCPT', 'RCPT TO:<canary@canary>\r\n'],
  ['DATA', 'DATA\r\ncanary\r\n.\r\n'],
  ['STARTTLS', 'STARTTLS\r\n'],
  ['control bytes', '\x03\x00\x00\x13\x0e canary\r\n'],
  ['TLS', clientHello()],
  ['one byte of TLS', Uint8Array.of(0x16)],
]

describe('Another protocol', () => {
  it.each(requests)('on a control connection gets one line and its end: %s', async (_, bytes) => {
    const connection = await raw()
    await connection.write(bytes)
    expect(await said(connection)).toBe('500 This is an FTP server: closing.\r\n')
  })

  it.each(requests.filter(([what]) => !what.includes('TLS')))('under TLS as well: %s', async (_, bytes) => {
    const client = await connected(server)
    await client.startTls()
    client.write(bytes)
    expect(await client.closed()).toBe('500 This is an FTP server: closing.\r\n')
  })

  it('ends the session of a user who is logged in, too: its verbs are none of FTP', async () => {
    const client = await loggedIn(server)
    expect((await client.send('POST / HTTP/1.1')).code).toBe(500)
    expect(await client.closed()).toBe('')
  })

  it('is not what FTP clients say by mistake: unknown verbs, options of others, lines without sense', async () => {
    const client = await connected(server)
    for (const line of ['HOST ftp.example', 'OPTS', 'GETS x', 'XCRC x', '', ' ', 'puté x', 'PROXY']) {
      expect((await client.send(line)).code, line).toBeGreaterThanOrEqual(500)
    }
    expect((await client.send('NOOP')).code).toBe(200)
  })

  it('on a passive port gets nothing that is not FTP data', async () => {
    const client = await loggedIn(server)
    const data = await client.passive()
    data.write('GET /canary HTTP/1.1\r\n\r\n')
    expect((await client.send('NLST')).code).toBe(150)
    const [answer] = await Promise.all([data.toArray(), client.reply()])
    expect(Buffer.concat(answer).toString()).not.toMatch(/canary|HTTP/)
  })
})

describe('Replies', () => {
  const canary = 'cANary-7f3a'
  /** Where a standard wants the client’s own words back, and only from who is logged in. */
  const quoting: Readonly<Record<string, string>> = {
    MKD: 'RFC 959 appendix II: the 257 quotes the directory that was made',
    XMKD: 'RFC 959 appendix II',
    MFMT: 'draft-somers-ftp-mfxx section 3.1: the reply names the file',
    MFF: 'draft-somers-ftp-mfxx section 4: as MFMT',
    HASH: 'draft-bryan-ftpext-hash section 3: the reply names the file',
    MD5: 'draft-twine-ftpmd5 section 3: the reply names the file',
    STOU: 'RFC 1123 section 4.1.2.9: the 150 names the file',
    CWD: 'RFC 959 appendix II, for those who ask where they are now',
    XCWD: 'RFC 959 appendix II',
    MLST: 'RFC 3659 section 7: the entry has its path',
    STAT: 'RFC 959 section 4.1.3: a listing',
  }

  it('before login hold nothing of what was sent', async () => {
    const verbs = [...commands.flatMap(command => command.verbs), canary, `${canary.toUpperCase()}X`]
    for (const verb of verbs) {
      const client = await connected(server)
      for (const argument of [canary, `${canary} ${canary}`, `20300101000000 ${canary}`, `<${canary}>\x1b[2J`]) {
        client.write(`${verb} ${argument}\r\n`)
      }
      client.write('QUIT\r\n')
      expect((await client.closed()).toLowerCase(), verb).not.toContain(canary.toLowerCase())
      client.close()
    }
  })

  it('after login hold it only where a standard has the path quoted', async () => {
    const told = new Set<string>()
    const verbs = [
      ...commands.flatMap(command => command.verbs),
      ...siteCommands.flatMap(command => command.verbs.map(verb => `SITE ${verb}`)),
      canary,
    ]
    for (const verb of verbs) {
      for (const argument of [canary, `666 ${canary}`, `20300101000000 ${canary}`, `-${canary}`, `${canary}*`]) {
        const client = await loggedIn(server)
        for (const setup of ['MKD /directory', 'CWD /directory', `MKD ${canary}`, 'EPSV']) await client.send(setup)
        client.write(`${verb} ${argument}\r\nABOR\r\nQUIT\r\n`)
        if ((await client.closed()).toLowerCase().includes(canary.toLowerCase())) told.add(verb)
        client.close()
      }
    }
    expect([...told].filter(verb => quoting[verb] === undefined)).toEqual([])
  })
})

it('a client that was told to go by another protocol leaves the others alone', async () => {
  const orderly = await loggedIn(server)
  const foreign = await raw()
  await foreign.write('GET / HTTP/1.1\r\n\r\n')
  await once(foreign.socket, 'end')
  expect((await orderly.send('NOOP')).code).toBe(200)
  expect(await FtpClient.connect(server.port).then(client => client.close())).toBeUndefined()
})
