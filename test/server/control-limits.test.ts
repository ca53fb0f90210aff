/** Limits on sessions and on time (RFC 1123 section 4.1.3.2, RFC 2577 section 5), and what ends a session. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { password, simpleUser } from '../support/server.ts'
import { connected, listenerWith, loggedIn, secured, temporaryServer } from '../support/sessions.ts'

const quick = { failedLoginDelayMilliseconds: 0 }

async function tryLogin(client: FtpClient, user: string): Promise<number> {
  await client.send(`USER ${user}`)
  return (await client.send(`PASS ${password}`)).code
}

describe('limits', () => {
  it('hold for the sessions of a user', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice', { limits: { maxSessions: 1 } })] })
    const first = await loggedIn(server)
    const second = await connected(server)
    expect(await tryLogin(second, 'alice')).toBe(530)
    await first.send('QUIT')
    await eventually(async () => (await tryLogin(second, 'alice')) === 230, 'the place is free again')
    // A login in place of one's own takes no second place.
    expect(await tryLogin(second, 'alice')).toBe(230)
  })

  it('hold for the connections of an address', async () => {
    const server = await temporaryServer({ server: { limits: { ...quick, maxSessionsPerAddress: 2 } } })
    await connected(server)
    const second = await connected(server)
    const refused = await FtpClient.open(server.port)
    expect((await refused.reply()).code).toBe(421)
    expect(await refused.closed()).toBe('')
    await second.send('QUIT')
    await eventually(async () => {
      const third = await FtpClient.open(server.port)
      const { code } = await third.reply()
      third.close()
      return code === 220
    }, 'the place is free again')
  })

  it('have a place again as soon as a client has quit, also where that does not close its side', async () => {
    const server = await temporaryServer()
    const client = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void client.destroy())
    client.setEncoding('latin1').write('NOOP\r\nQUIT\r\n')
    let replies = ''
    client.on('data', text => (replies += text))
    await once(client, 'end')
    expect(replies).toMatch(/^220 .*\r\n200 .*\r\n221 .*\r\n$/)
    expect(server.application.server.sessionCount).toBe(0)
  })

  it('end a session that does not log in in time, counted from when it last was', async () => {
    const server = await temporaryServer({ server: { limits: { ...quick, loginTimeoutSeconds: 1 } } })
    const idle = await connected(server)
    const active = await loggedIn(server)
    expect((await idle.reply()).code).toBe(421)
    await idle.closed()
    await active.send('REIN')
    const { server: ftp } = server.application
    await ftp.apply(ftp.configuration)
    expect((await active.send('NOOP')).code).toBe(200)
  })

  it('end an idle session, but not one whose transfer stands still', async () => {
    const server = await temporaryServer({ server: { limits: { ...quick, idleTimeoutSeconds: 1 } } })
    const busy = await loggedIn(server)
    const data = await busy.passive()
    expect((await busy.send('STOR new')).code).toBe(150)
    const idle = await loggedIn(server)
    expect((await idle.reply()).code).toBe(421)
    expect(await idle.closed()).toBe('')
    data.end('late')
    expect((await busy.reply()).code).toBe(226)
  })

  it('end a session whose client sends and never reads', async () => {
    const server = await temporaryServer({ server: { limits: { ...quick, idleTimeoutSeconds: 1 } } })
    const client = await loggedIn(server)
    client.socket.pause()
    client.write('HELP\r\n'.repeat(40_000))
    const { server: ftp } = server.application
    await eventually(() => ftp.sessionCount === 0, 'the session has ended')
  })

  it('end a session that errs too often before it logs in, whatever the errors are', async () => {
    const server = await temporaryServer({
      server: { limits: { ...quick, maxErrorsBeforeLogin: 5 }, logging: { level: 'debug' } },
    })
    const errors = {
      'commands that need a login': 'PWD',
      'commands that nobody knows': 'XYZZY',
      'wrong arguments': 'AUTH',
      'hosts that do not exist': 'HOST other.example',
      'lines that are too long': 'A'.repeat(5000),
    }
    for (const [what, line] of Object.entries(errors)) {
      const client = await connected(server)
      for (let time = 1; time < 5; time += 1) expect((await client.send(line)).code, what).toBeGreaterThanOrEqual(500)
      expect(await client.send(line)).toMatchObject({ code: 421, text: 'Too many errors: closing.' })
      expect(await client.closed()).toBe('')
    }
    const ends = server.log().filter(({ reason }) => reason === 'too many errors before login')
    expect(ends.length).toBeGreaterThanOrEqual(Object.keys(errors).length - 1)
  })

  it('count errors before login over AUTH and REIN, without refused passwords, and anew after a login', async () => {
    const server = await temporaryServer({
      server: { limits: { ...quick, maxErrorsBeforeLogin: 4, maxFailedLogins: 100 } },
    })
    const client = await connected(server)
    for (let time = 1; time <= 10; time += 1) expect(await tryLogin(client, 'nobody')).toBe(530)
    for (let time = 1; time <= 3; time += 1) expect((await client.send('PWD')).code).toBe(530)
    expect(await tryLogin(client, 'alice')).toBe(230)
    for (let time = 1; time <= 10; time += 1) expect((await client.send('XYZZY')).code).toBe(500)
    for (let time = 1; time <= 2; time += 1) {
      await client.send('REIN')
      expect((await client.send('PWD')).code).toBe(530)
    }
    await client.startTls()
    expect((await client.send('PWD')).code).toBe(530)
    expect((await client.send('PWD')).code).toBe(421)
  })

  it('are none for errors before login where that is 0', async () => {
    const server = await temporaryServer({ server: { limits: { ...quick, maxErrorsBeforeLogin: 0 } } })
    const client = await connected(server)
    for (let time = 1; time <= 50; time += 1) expect((await client.send('PWD')).code).toBe(530)
    expect((await client.login()).code).toBe(230)
  })

  it('leave clients that try out what a server knows enough of tries, where it knows nothing of that', async () => {
    const server = await temporaryServer({ server: { listeners: await listenerWith('disabled') } })
    const client = await connected(server)
    const tried = ['AUTH GSSAPI', 'AUTH KERBEROS_V4', 'AUTH TLS', 'AUTH SSL', 'HOST ftp.example', 'PROT P', 'XYZZY']
    for (const line of tried) expect((await client.send(line)).code, line).toBeGreaterThanOrEqual(500)
    expect((await client.login()).code).toBe(230)
  })

  it('end the session, with its transfer, of a user who is removed', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice'), simpleUser('bob')] })
    const bob = await secured(server, 'bob')
    const raw = await bob.passive()
    expect((await bob.send('STOR new')).code).toBe(150)
    const data = await bob.protect(raw)
    data.on('error', () => undefined)
    const alice = await loggedIn(server)
    await server.reconfigure('users/users.yaml', { users: [simpleUser('alice')] })
    expect((await bob.reply()).code).toBe(426)
    expect((await bob.reply()).code).toBe(421)
    expect(await bob.closed()).toBe('')
    expect((await alice.send('NOOP')).code).toBe(200)
  })
})
