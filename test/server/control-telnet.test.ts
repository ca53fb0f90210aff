/** The control connection as Telnet: RFC 959 section 4.2, RFC 1123 sections 4.1.2.10 and 4.1.2.12, and what clients make of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FtpClient } from '../support/ftp-client.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { connected, loggedIn } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const bytes = (...parts: readonly (string | number)[]): Buffer =>
  Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(part))))
const [IAC, IP, DM, WILL, WONT, DO, DONT] = [0xff, 0xf4, 0xf2, 0xfb, 0xfc, 0xfd, 0xfe]

/** All that the server says to these bytes and QUIT, in latin1. */
async function exchange(sent: Buffer): Promise<string> {
  const client = await connected(server)
  client.write(Buffer.concat([sent, Buffer.from('QUIT\r\n')]))
  return (await client.closed()).replace(/221 .*\r\n$/, '')
}

async function uploading(): Promise<FtpClient> {
  const client = await loggedIn(server)
  await client.passive()
  expect((await client.send('STOR file')).code).toBe(150)
  return client
}

async function expectAborted(client: FtpClient): Promise<void> {
  expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
}

describe('Telnet negotiation', () => {
  it('is refused, option by option', async () => {
    const said = await exchange(bytes(IAC, WILL, 1, IAC, DO, 3, 'NOOP\r\n'))
    expect(said).toBe(`${bytes(IAC, DONT, 1, IAC, WONT, 3).toString('latin1')}200 OK.\r\n`)
  })

  it('is not answered where it is a refusal itself', async () => {
    expect(await exchange(bytes(IAC, WONT, 1, IAC, DONT, 3, 'NOOP\r\n'))).toBe('200 OK.\r\n')
  })

  it('does not disturb the command it stands in', async () => {
    expect(await exchange(bytes('NO', IAC, WILL, 24, 'OP\r\n'))).toMatch(/200 OK\.\r\n$/)
  })
})

describe('ABOR as urgent data', () => {
  it.each([
    ['as a line', bytes('ABOR\r\n')],
    ['after IAC IP, with the urgent IAC lost', bytes(IAC, IP, DM, 'ABOR\r\n')],
    ['after IAC IP IAC, with the urgent DM lost', bytes(IAC, IP, IAC, 'ABOR\r\n')],
    ['after all of IAC IP IAC DM', bytes(IAC, IP, IAC, DM, 'ABOR\r\n')],
    ['in lower case', bytes('abor\r\n')],
  ])('is understood %s', async (_how, sent) => {
    const client = await uploading()
    client.write(sent)
    await expectAborted(client)
    expect((await client.send('NOOP')).code).toBe(200)
  })

  it('is understood without its LF, which Python’s ftplib loses', async () => {
    const client = await uploading()
    client.write('ABOR\r')
    await expectAborted(client)
    expect((await client.send('SYST')).code).toBe(215)
  })

  it('is one command even if its LF comes late', async () => {
    const client = await uploading()
    client.write('ABOR\r')
    await expectAborted(client)
    client.write('\n')
    expect((await client.send('SYST')).code).toBe(215)
  })

  it('is the same for STAT and QUIT, and for no other command', async () => {
    const client = await uploading()
    client.write('STAT\r')
    expect((await client.reply()).code).toBe(211)
    client.write('NOOP\r')
    client.write('x\r\nABOR\r\n')
    await expectAborted(client)
    // A CR alone ends no line: this was one, and no command.
    expect((await client.reply()).code).toBe(500)
    client.write('QUIT\r')
    expect((await client.reply()).code).toBe(221)
  })
})

describe('lines', () => {
  it('may end with LF alone, and be empty', async () => {
    expect(await exchange(Buffer.from('NOOP\n\r\nNOOP\r\n'))).toBe('200 OK.\r\n500 Unknown command.\r\n200 OK.\r\n')
  })

  it('that are too long are answered with 500, and their tail is no command', async () => {
    for (const length of [4097, 5000, 100_000]) {
      const line = `NOOP ${'x'.repeat(length - 5)}`
      expect(await exchange(Buffer.from(`${line}\r\nSYST\r\n`))).toBe(
        '500 The line is too long.\r\n215 UNIX Type: L8\r\n',
      )
    }
    expect(await exchange(Buffer.from(`NOOP ${'x'.repeat(4091)}\r\n`))).toBe('200 OK.\r\n')
  })

  it('that are too long do not run what looks like a command behind the limit', async () => {
    const client = await loggedIn(server)
    await client.send('MKD victim')
    client.write(`NOOP ${'x'.repeat(4091)}`)
    client.write('DELE file\rRMD victim\r\n')
    expect((await client.reply()).code).toBe(500)
    expect((await client.send('RMD victim')).code).toBe(250)
  })

  it.each([
    ['REST', ['TYPE I', 'REST 2'], 'STOR'],
    ['RANG', ['TYPE I', 'RANG 2 3'], 'STOR'],
    ['RNFR', ['RNFR file'], 'RNTO'],
    ['SITE CPFR', ['SITE CPFR file'], 'SITE CPTO'],
  ])('that are too long use up what %s has set for them', async (_, before, verb) => {
    const client = await loggedIn(server)
    await client.upload('STOR file', 'content')
    for (const line of before) await client.send(line)
    expect((await client.send(`${verb} ${'x'.repeat(5000)}`)).code).toBe(500)
    if (verb === 'STOR') expect((await client.upload('STOR file', 'new')).end.code).toBe(226)
    else expect((await client.send(`${verb} other`)).code).toBe(503)
    expect((await client.download('RETR file')).bytes.toString()).toBe(verb === 'STOR' ? 'new' : 'content')
  })
})

describe('unknown commands', () => {
  it('are answered with 500 that repeats nothing of them', async () => {
    const client = await connected(server)
    for (const line of ['<script>alert(1)</script>', 'GETS / HTTP/1.1', 'HOSTS example.org', 'XWHAT file', '&&']) {
      const { code, lines } = await client.send(line)
      expect([code, lines]).toEqual([500, ['Unknown command.']])
    }
    expect((await client.send('HELP <script>')).lines.join()).not.toContain('script')
    expect((await client.send('OPTS <script> x')).lines.join()).not.toContain('script')
  })
})
