/** Logging in: RFC 959 USER and PASS, with the defences of RFC 2577. */
import { describe, expect, it } from 'vitest'
import { selfSigned } from '../support/certificates.ts'
import { clientCertificateFor } from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'
import type { FtpClient } from '../support/ftp-client.ts'
import { startReversibleTls } from '../support/reversible-tls.ts'
import { password, simpleUser } from '../support/server.ts'
import { connected, listenerWith, loggedIn, temporaryServer } from '../support/sessions.ts'

const quick = { failedLoginDelayMilliseconds: 0 }

function daysFromNow(days: number): string {
  const date = new Date(Date.now() + days * 86_400_000)
  return date.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' }).toLowerCase()
}

async function tryLogin(client: FtpClient, user: string, secret = password): Promise<number> {
  await client.send(`USER ${user}`)
  return (await client.send(`PASS ${secret}`)).code
}

describe('USER and PASS', () => {
  it('begin a new login at any time, which keeps the transfer parameters and starts at the root', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice'), simpleUser('bob', { home: '/bob' })] })
    const client = await loggedIn(server)
    await client.upload('STOR file', 'data')
    await client.send('MKD dir')
    await client.send('CWD dir')
    await client.send('TYPE I')
    expect((await client.send('USER bob')).code).toBe(331)
    expect((await client.send('PWD')).code).toBe(530)
    expect((await client.send(`PASS ${password}`)).code).toBe(230)
    expect((await client.send('PWD')).text).toBe('"/" is the working directory.')
    expect((await client.send('SIZE file')).code).toBe(550)
    await client.upload('STOR mine', 'four')
    expect((await client.send('SIZE mine')).text).toBe('4')
  })

  it('close the session after so many failures, even if it starts over in between', async () => {
    const server = await temporaryServer({ server: { limits: { ...quick, maxFailedLogins: 3 } } })
    const client = await connected(server)
    expect(await tryLogin(client, 'alice', 'wrong')).toBe(530)
    await client.send('REIN')
    expect(await tryLogin(client, 'nobody', 'wrong')).toBe(530)
    await client.startTls()
    expect(await tryLogin(client, 'alice', 'wrong')).toBe(421)
    expect(await client.closed()).toBe('')
  })

  it('count failures anew after a login', async () => {
    const server = await temporaryServer({ server: { limits: { ...quick, maxFailedLogins: 2 } } })
    const client = await connected(server)
    expect(await tryLogin(client, 'alice', 'wrong')).toBe(530)
    expect(await tryLogin(client, 'alice')).toBe(230)
    expect(await tryLogin(client, 'alice', 'wrong')).toBe(530)
    expect(await tryLogin(client, 'alice')).toBe(230)
  })

  it('answer a failure after the configured delay', async () => {
    const server = await temporaryServer({ server: { limits: { failedLoginDelayMilliseconds: 300 } } })
    const client = await connected(server)
    await client.send('USER alice')
    const started = performance.now()
    expect((await client.send('PASS wrong')).code).toBe(530)
    expect(performance.now() - started).toBeGreaterThan(290)
  })

  it('never show a password in the log', async () => {
    const server = await temporaryServer({ server: { logging: { level: 'debug' } } })
    const client = await connected(server)
    expect(await tryLogin(client, 'alice', 'not-for-the-log')).toBe(530)
    expect(await tryLogin(client, 'alice')).toBe(230)
    await eventually(() => server.log().some(({ msg }) => msg === 'logged in'), 'the login is logged')
    const log = JSON.stringify(server.log())
    expect(log).not.toContain('not-for-the-log')
    expect(log).not.toContain(password)
  })
})

describe('who may log in', () => {
  it('is told by the same 530, whatever the reason', async () => {
    const own = await selfSigned('localhost')
    const server = await temporaryServer({
      users: [
        simpleUser('disabled', { disabled: true }),
        simpleUser('expired', { expires: '2020-01-01' }),
        simpleUser('elsewhere', { allowedNetworks: ['192.0.2.0/24'] }),
        simpleUser('encrypted', { tls: 'required' }),
        simpleUser('late', { schedule: { windows: [{ days: [daysFromNow(3)] }] } }),
        simpleUser('guest', { hosts: ['a.example'] }),
        simpleUser('holder', { clientCertificate: { commonName: 'Holder' } }),
        { name: 'card', clientCertificate: { commonName: 'Card' } },
        simpleUser('coded', { totp: { secret: 'ABCDEFGHIJKLMNOPQRSTUVWX' } }),
        simpleUser('local', { allowedNetworks: ['127.0.0.0/8'], expires: '2999-01-01', disabled: false }),
      ],
      server: {
        limits: { ...quick, maxFailedLogins: 100 },
        hosts: [{ name: 'a.example' }],
        tls: { clientCertificates: 'optional' },
      },
      files: { 'tls/tls.crt': own.certificate, 'tls/tls.key': own.key, 'tls/ca.crt': own.certificate },
    })
    const client = await connected(server)
    const answers = new Set<string>()
    const known = ['disabled', 'expired', 'elsewhere', 'encrypted', 'late', 'guest', 'holder', 'card', 'coded']
    for (const name of [...known, 'unknown']) {
      const asked = await client.send(`USER ${name}`)
      expect([name, asked.code, asked.text]).toEqual([name, 331, 'Password required.'])
      // Whose code is missing as well is not told before the password is right.
      for (const given of name === 'coded' ? ['wrong', `${password}000000`] : ['wrong', password]) {
        const { code, text } = await client.send(`PASS ${given}`)
        answers.add(`${code} ${text}`)
        await client.send(`USER ${name}`)
      }
    }
    const reasons = server.log().flatMap(({ msg, reason }) => (msg === 'login failed' ? [reason] : []))
    expect(new Set(reasons)).toEqual(
      new Set([
        ...['wrong-password', 'disabled', 'expired', 'network-not-allowed', 'tls-required', 'outside-schedule'],
        ...['host-not-allowed', 'certificate-required', 'wrong-code', 'unknown-user'],
      ]),
    )
    expect([...answers]).toEqual(['530 Login incorrect.'])
    expect(await tryLogin(client, 'local')).toBe(230)
  })

  it('includes anonymous users only if they are enabled, and then for reading', async () => {
    const closed = await temporaryServer()
    const stranger = await connected(closed)
    expect(await tryLogin(stranger, 'anonymous', 'me@example.org')).toBe(530)
    const open = await temporaryServer({ server: { anonymous: { enabled: true }, limits: quick } })
    for (const name of ['anonymous', 'ftp']) {
      const client = await connected(open)
      expect(await tryLogin(client, name, 'me@example.org')).toBe(230)
      expect((await client.upload('STOR new', 'data')).end.code).toBe(550)
      expect((await client.download('LIST')).end.code).toBe(226)
    }
    const emptyPassword = await connected(open)
    await emptyPassword.send('USER anonymous')
    expect((await emptyPassword.send('PASS')).code).toBe(230)
  })

  it('depends on TLS where the user needs it, for data as well', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice', { tls: 'required' })] })
    const client = await connected(server)
    await client.startTls()
    expect(await tryLogin(client, 'alice')).toBe(230)
    await client.send('PBSZ 0')
    expect((await client.send('PROT C')).code).toBe(534)
    await client.send('EPSV')
    expect((await client.send('LIST')).code).toBe(521)
    await client.send('PROT P')
    expect((await client.download('LIST', {})).end.code).toBe(226)
  })

  it('depends on TLS for everybody where the listener demands it, and again after CCC', async () => {
    const server = await temporaryServer({ server: { listeners: await listenerWith('required'), limits: quick } })
    const client = await connected(server)
    expect((await client.send('USER alice')).code).toBe(530)
    expect((await client.send(`PASS ${password}`)).code).toBe(530)
    const endTls = await startReversibleTls(client)
    expect(await tryLogin(client, 'alice')).toBe(230)
    await client.send('EPSV')
    expect((await client.send('LIST')).code).toBe(521)
    expect((await client.send('CCC')).code).toBe(200)
    const clear = await endTls()
    expect((await clear.send('PWD')).code).toBe(257)
    expect((await clear.send('USER alice')).code).toBe(530)
  })

  it('depends on TLS for users who need it, again after CCC: their password would go in clear text', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice', { tls: 'required' })] })
    const client = await connected(server)
    const endTls = await startReversibleTls(client)
    expect(await tryLogin(client, 'alice')).toBe(230)
    expect((await client.send('CCC')).code).toBe(200)
    expect(await tryLogin(await endTls(), 'alice')).toBe(530)
  })
})

describe('a client certificate', () => {
  it('logs its user in at USER with 232, and nobody else', async () => {
    const { server, key, cert } = await withCertificates()
    const client = await connected(server)
    await client.startTls({ key, cert })
    expect((await client.send('USER alice')).code).toBe(331)
    expect((await client.send('USER carol')).code).toBe(232)
    expect((await client.send('PWD')).code).toBe(257)
    const without = await connected(server)
    await without.startTls()
    expect((await without.send('USER carol')).code).toBe(331)
    expect((await without.send('PASS anything')).code).toBe(530)
  })

  it('speaks for what is said under TLS only: not after CCC, not after REIN', async () => {
    const { server, key, cert } = await withCertificates()
    for (const command of ['CCC', 'REIN']) {
      const client = await connected(server)
      const endTls = await startReversibleTls(client, { key, cert })
      expect((await client.send('USER carol')).code).toBe(232)
      expect((await client.send(command)).code).toBeLessThan(300)
      const clear = await endTls()
      expect((await clear.send('USER carol')).code).toBe(331)
      expect((await clear.send('PASS anything')).code).toBe(530)
    }
  })
})

async function withCertificates() {
  const [{ authority, certificate, key }, own] = await Promise.all([
    clientCertificateFor('carol'),
    selfSigned('localhost'),
  ])
  const server = await temporaryServer({
    server: { tls: { clientCertificates: 'optional' }, limits: quick },
    users: [simpleUser('alice'), { name: 'carol', clientCertificate: { commonName: 'carol' }, home: '/' }],
    files: { 'tls/tls.crt': own.certificate, 'tls/tls.key': own.key, 'tls/ca.crt': authority },
  })
  return { server, key, cert: certificate }
}
