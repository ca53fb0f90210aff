/** Bans through real sockets: addresses of the loopback network stand for clients. */
import { readdir, readFile, symlink } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, type TestServer } from '../support/server.ts'
import { temporaryServer } from '../support/sessions.ts'

const attacker = '127.0.0.66'
const victim = '127.0.0.67'
const limits = { failedLoginDelayMilliseconds: 0, maxFailedLogins: 100, maxSessionsPerAddress: 1000 }

async function banning(bans: object = {}, more: object = {}): Promise<TestServer> {
  return temporaryServer({
    server: { limits, bans: { exemptNetworks: [], ...bans }, ...more },
    users: ['alice', 'bob'].map(name => simpleUser(name)),
  })
}

async function from({ port }: TestServer, localAddress: string): Promise<FtpClient> {
  const client = await FtpClient.connect(port, '127.0.0.1', { localAddress })
  onTestFinished(() => client.close())
  return client
}

async function tryLogin(client: FtpClient, user: string, secret = 'wrong'): Promise<number> {
  await client.send(`USER ${user}`)
  return (await client.send(`PASS ${secret}`)).code
}

/** Whether a connection is closed before anything is said. */
function isRefused({ port }: TestServer, localAddress: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket: Socket = connect({ port, host: '127.0.0.1', localAddress })
    let said = false
    const settle = (refused: boolean): void => {
      socket.destroy()
      resolve(refused)
    }
    socket.once('data', () => {
      said = true
      settle(false)
    })
    socket.once('error', () => settle(!said))
    socket.once('end', () => settle(!said))
  })
}

describe('Who guesses passwords', () => {
  test('is banned, is seen in log, metrics and status, and is let in again when the ban is over', async () => {
    // Long enough for all that is looked at meanwhile.
    const server = await banning({ durationSeconds: 5 })
    const client = await from(server, attacker)
    for (let attempt = 1; attempt <= 9; attempt += 1) expect(await tryLogin(client, 'alice')).toBe(530)
    await client.send('USER alice')
    client.write('PASS wrong\r\n')
    expect(await client.closed()).toMatch(/^421 Too many failures/)
    expect(await isRefused(server, attacker)).toBe(true)
    expect(await isRefused(server, victim)).toBe(false)
    expect((await server.status()).bans).toMatchObject([{ client: attacker, count: 1, offence: 'wrong-password' }])
    expect(server.log()).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'client banned', client: attacker, seconds: 5, count: 1 }),
    )
    const metrics = await (await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)).text()
    expect(metrics).toMatch(/^ftp_bans_active 1$/m)
    expect(metrics).toMatch(/^ftp_bans_total\{offence="wrong-password"\} 1$/m)
    expect(metrics).toMatch(/^ftp_offences_total\{offence="wrong-password"\} 10$/m)
    expect(metrics).toMatch(/^ftp_connections_refused_total\{listener="ftp",reason="banned"\} 1$/m)
    await eventually(async () => !(await isRefused(server, attacker)), 'the ban is over', 30_000, 50)
    await eventually(() => server.log().some(({ msg }) => msg === 'ban ended'), 'the end is told')
    expect(await server.status()).toMatchObject({ bans: [], banCount: 0 })
  })

  test('is banned for twice as long the second time', async () => {
    const server = await banning({ durationSeconds: 1, threshold: 1 })
    const seconds = async (): Promise<unknown> => {
      const client = await from(server, attacker)
      client.write('USER alice\r\nPASS wrong\r\n')
      await client.closed()
      return server.log().findLast(({ msg }) => msg === 'client banned')?.['seconds']
    }
    expect(await seconds()).toBe(1)
    await eventually(async () => !(await isRefused(server, attacker)), 'the ban is over', 30_000, 50)
    expect(await seconds()).toBe(2)
  })

  test('does not get away with many sessions, each with few attempts', async () => {
    const server = await banning()
    const clients = await Promise.all(Array.from({ length: 20 }, () => from(server, attacker)))
    for (const client of clients) client.write('USER alice\r\nPASS wrong\r\n')
    await Promise.all(clients.map(client => client.closed()))
    expect(await isRefused(server, attacker)).toBe(true)
    await eventually(() => server.application.server.sessionCount === 0, 'all sessions have ended')
  })

  test('is banned for unknown users after half as many', async () => {
    const server = await banning()
    const client = await from(server, attacker)
    for (let attempt = 1; attempt <= 4; attempt += 1) expect(await tryLogin(client, `nobody-${attempt}`)).toBe(530)
    await client.send('USER nobody')
    client.write('PASS wrong\r\n')
    expect(await client.closed()).toMatch(/^421/)
  })

  test('does not buy attempts at others with logins to an own account', async () => {
    const server = await banning({ threshold: 3 })
    const client = await from(server, attacker)
    for (const expected of [530, 530]) {
      expect(await tryLogin(client, 'alice')).toBe(expected)
      expect(await tryLogin(client, 'bob', 'correct horse')).toBe(230)
    }
    await client.send('USER alice')
    client.write('PASS wrong\r\n')
    await client.closed()
    expect(await isRefused(server, attacker)).toBe(true)
  })

  test('and finds the own password in the end has lost nothing', async () => {
    const server = await banning({ threshold: 3 })
    const client = await from(server, victim)
    for (let round = 0; round < 4; round += 1) {
      for (let attempt = 0; attempt < 2; attempt += 1) expect(await tryLogin(client, 'alice')).toBe(530)
      expect(await tryLogin(client, 'alice', 'correct horse')).toBe(230)
    }
  })
})

test('Who knows the password, and is refused for another reason, is not counted', async () => {
  const server = await temporaryServer({
    server: { limits, bans: { exemptNetworks: [], threshold: 1 } },
    users: [
      simpleUser('disabled', { disabled: true }),
      simpleUser('expired', { expires: '2020-01-01' }),
      simpleUser('elsewhere', { allowedNetworks: ['192.0.2.0/24'] }),
      simpleUser('encrypted', { tls: 'required' }),
    ],
  })
  const client = await from(server, victim)
  for (const name of ['disabled', 'expired', 'elsewhere', 'encrypted']) {
    expect(await tryLogin(client, name, 'correct horse')).toBe(530)
  }
  expect(await isRefused(server, victim)).toBe(false)
})

describe('Abuse of the protocol', () => {
  const abuses: Record<string, readonly [sessions: number, sent: string]> = {
    'HTTP verbs': [2, 'GET / HTTP/1.1\r\n'],
    'commands behind AUTH': [2, 'AUTH TLS\r\nUSER alice\r\n'],
    'lines that are too long': [1, `${'A'.repeat(20_000)}\r\n`.repeat(5)],
    'unknown commands': [5, 'h\r\n'.repeat(100)],
    'errors before login': [10, 'PWD\r\n'.repeat(10)],
  }
  test.each(Object.entries(abuses))('%s: leads to a ban', async (_, [sessions, sent]) => {
    const server = await banning()
    for (let session = 1; session <= sessions; session += 1) {
      expect(await isRefused(server, attacker)).toBe(false)
      const client = await from(server, attacker)
      client.write(sent)
      await client.closed()
    }
    expect(await isRefused(server, attacker)).toBe(true)
    expect((await server.status()).banCount).toBe(1)
  })

  test('data connections to third parties: lead to a ban, also of who is logged in, but not those to private addresses', async () => {
    const server = await banning()
    const client = await from(server, attacker)
    await client.login()
    for (let attempt = 1; attempt <= 20; attempt += 1) {
      expect((await client.send('PORT 192,168,1,5,200,10')).code).toBe(501)
    }
    expect(await isRefused(server, attacker)).toBe(false)
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      expect((await client.send('EPRT |1|198.51.100.1|51210|')).code).toBe(501)
    }
    expect(await isRefused(server, attacker)).toBe(true)
  })

  test('a client that begins with TLS where it should not has made a mistake', async () => {
    const server = await banning({ threshold: 1 })
    const client = await from(server, victim)
    client.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]))
    expect(await client.closed()).toMatch(/^500/)
    expect(await isRefused(server, victim)).toBe(false)
  })

  test('a few commands that the server does not know are none', async () => {
    const server = await banning({ threshold: 1 })
    const client = await from(server, victim)
    for (let attempt = 1; attempt <= 9; attempt += 1) expect((await client.send('XYZZY')).code).toBe(500)
    expect(await isRefused(server, victim)).toBe(false)
  })
})

describe('A ban', () => {
  test('ends the sessions of its client in which nobody is logged in, and leaves the others: they may be other people’s', async () => {
    const server = await banning()
    const [user, stranger] = [await from(server, attacker), await from(server, attacker)]
    await user.login()
    const guesser = await from(server, attacker)
    for (let attempt = 1; attempt <= 9; attempt += 1) expect(await tryLogin(guesser, 'bob')).toBe(530)
    guesser.write('USER bob\r\nPASS wrong\r\n')
    await guesser.closed()
    expect(await stranger.closed()).toMatch(/^421/)
    expect((await user.send('NOOP')).code).toBe(200)
    expect((await user.send('STAT /')).code).toBe(212)
  })

  test('ends a session that it has spared as soon as that is used to try another user', async () => {
    const server = await banning()
    const user = await from(server, attacker)
    await user.login('bob')
    await provoke(server, attacker)
    expect((await user.send('NOOP')).code).toBe(200)
    await user.send('USER alice')
    user.write('PASS wrong\r\n')
    expect(await user.closed()).toMatch(/^421 Too many failures/)
  })

  test('is never given to networks that are exempt, and is lifted when its client becomes so', async () => {
    const server = await banning({ exemptNetworks: ['127.0.0.64/32'] })
    await provoke(server, '127.0.0.64')
    expect(await isRefused(server, '127.0.0.64')).toBe(false)
    await provoke(server, attacker)
    expect(await isRefused(server, attacker)).toBe(true)
    await server.reconfigure('server.yaml', {
      ...server.application.server.configuration.server,
      bans: { exemptNetworks: ['127.0.0.64/30'] },
    })
    expect(await isRefused(server, attacker)).toBe(false)
    expect((await server.status()).banCount).toBe(0)
  })

  test('by default is never given to loopback addresses', async () => {
    const server = await temporaryServer({ server: { limits } })
    await provoke(server, attacker)
    await provoke(server, attacker)
    expect(await isRefused(server, attacker)).toBe(false)
  })
})

test('The directory of the state below the root is there for no user', async () => {
  const server = await temporaryServer()
  const { root, application } = server
  const directory = join(root, '.ftp-server')
  await server.reconfigure('server.yaml', { ...application.server.configuration.server, state: { directory } })
  const file = await eventually(
    async () => (await readdir(directory)).find(name => name.endsWith('.json')),
    'the state is written',
  )
  await symlink('.ftp-server', join(root, 'link'))
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login()
  expect((await client.download('MLSD')).bytes.toString()).not.toContain('.ftp-server')
  expect((await client.download('LIST -a')).bytes.toString()).not.toContain('.ftp-server')
  for (const directoryName of ['.ftp-server', 'link', '.FTP-SERVER']) {
    const path = `${directoryName}/${file}`
    for (const command of ['CWD', 'MKD', 'RMD', 'MLST', 'RNFR']) {
      expect((await client.send(`${command} ${directoryName}`)).code, `${command} ${directoryName}`).toBe(550)
    }
    for (const command of ['SIZE', 'MDTM', 'DELE', 'RNFR', 'MLST']) {
      expect((await client.send(`${command} ${path}`)).code, `${command} ${path}`).toBe(550)
    }
    expect((await client.download(`RETR ${path}`)).end.code).toBe(550)
    expect((await client.upload(`STOR ${path}`, 'mine')).end.code).toBe(550)
  }
  expect(await readFile(join(directory, file), 'utf8')).toContain('"version":1')
})

async function provoke(server: TestServer, address: string): Promise<void> {
  for (let session = 1; session <= 2; session += 1) {
    const client = await from(server, address)
    client.write('GET / HTTP/1.1\r\n')
    await client.closed()
  }
}
