/** One-time codes as a second factor (RFC 6238): behind the password, or by ACCT (RFC 959: 332). */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { selfSigned } from '../support/certificates.ts'
import { clientCertificateFor } from '../support/data-connections.ts'
import type { FtpClient } from '../support/ftp-client.ts'
import { password, simpleUser, type TestServer, type TestServerOptions } from '../support/server.ts'
import { connected, temporaryServer } from '../support/sessions.ts'

/** `12345678901234567890`. */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const totp = { secret }

/** The code of a moment, made by other means than the server's. */
function codeAt(time: number): string {
  const counter = Buffer.from(
    Math.floor(time / 30_000)
      .toString(16)
      .padStart(16, '0'),
    'hex',
  )
  const digest = createHmac('sha1', '12345678901234567890').update(counter).digest()
  const offset = (digest[19] ?? 0) % 16
  const number = (digest.readUInt32BE(offset) % 2 ** 31) % 1_000_000
  return String(number).padStart(6, '0')
}

async function start(options: TestServerOptions = {}): Promise<TestServer> {
  return temporaryServer({ users: [simpleUser('alice'), simpleUser('tina', { totp })], ...options })
}

async function codeOf(client: FtpClient, user: string, secretText: string): Promise<number> {
  await client.send(`USER ${user}`)
  return (await client.send(`PASS ${secretText}`)).code
}

describe('A code', () => {
  it('comes behind the password, or by ACCT once PASS has been answered with 332', async () => {
    const server = await start()
    const client = await connected(server)
    expect(await codeOf(client, 'tina', password + codeAt(Date.now()))).toBe(230)
    expect(await codeOf(client, 'tina', password)).toBe(332)
    expect((await client.send('PWD')).code).toBe(530)
    expect((await client.send(`PASS ${password}`)).code).toBe(503)
    expect((await client.send('USER tina')).code).toBe(331)
    expect((await client.send(`PASS ${password}`)).code).toBe(332)
    // Another than the one above, which is used up.
    expect((await client.send(`ACCT ${codeAt(Date.now() + 30_000)}`)).code).toBe(230)
    expect((await client.send('PWD')).code).toBe(257)
    expect((await client.send('ACCT 123456')).code).toBe(202)
  })

  it.each([
    ['a wrong code', () => password + wrong()],
    ['a code that is too old', () => password + codeAt(Date.now() - 90_000)],
    ['a wrong password, with a code', () => `wrong${codeAt(Date.now())}`],
    ['a wrong password, without', () => 'wrong'],
    ['the code alone', () => codeAt(Date.now())],
  ])('%s is answered as any wrong password: 530', async (_, given) => {
    const client = await connected(await start())
    expect(await codeOf(client, 'tina', given())).toBe(530)
    expect((await client.send('ACCT 123456')).code).toBe(202)
  })

  it.each([1, 2])('is taken once, in all of %i process(es), and not taken away by a wrong password', async workers => {
    const server = await start({ server: { workers, limits: { failedLoginDelayMilliseconds: 0 } } })
    const code = codeAt(Date.now())
    const clients = await Promise.all([1, 2, 3, 4].map(() => connected(server)))
    expect(await codeOf(clients[0] ?? fail(), 'tina', `wrong${code}`)).toBe(530)
    const codes = await Promise.all(clients.map(client => codeOf(client, 'tina', password + code)))
    expect(codes.toSorted((one, other) => one - other)).toEqual([230, 530, 530, 530])
    expect(server.log().filter(({ reason }) => reason === 'wrong-code')).toHaveLength(3)
  })

  it('that is wrong counts as a failed login, by ACCT as well', async () => {
    const server = await start({ server: { limits: { failedLoginDelayMilliseconds: 0, maxFailedLogins: 2 } } })
    const client = await connected(server)
    expect(await codeOf(client, 'tina', password)).toBe(332)
    expect((await client.send(`ACCT ${wrong()}`)).code).toBe(530)
    expect((await client.send(`ACCT ${codeAt(Date.now())}`)).code).toBe(202)
    expect(await codeOf(client, 'tina', password)).toBe(332)
    expect((await client.send(`ACCT ${wrong()}`)).code).toBe(421)
    expect(await client.closed()).toBe('')
  })

  it.each([1, 2])(
    'is not found by trying: after ten wrong ones no other is looked at, with %i process(es)',
    async workers => {
      const server = await start({
        users: [simpleUser('tina', { totp }), simpleUser('other', { totp })],
        server: { workers, limits: { failedLoginDelayMilliseconds: 0, maxFailedLogins: 100 } },
      })
      const [one, two] = [await connected(server), await connected(server)]
      for (let count = 0; count < 20; count += 1) {
        // Neither who lacks the password uses up the tries of the user, nor who has a code that was taken.
        expect(await codeOf(one, 'tina', `wrong${wrong()}`)).toBe(530)
      }
      for (let count = 0; count < 5; count += 1) {
        for (const client of [one, two]) expect(await codeOf(client, 'tina', password + wrong())).toBe(530)
      }
      expect(await codeOf(two, 'tina', password + codeAt(Date.now()))).toBe(530)
      expect(await codeOf(two, 'tina', password)).toBe(332)
      expect((await two.send(`ACCT ${codeAt(Date.now())}`)).code).toBe(530)
      expect(server.log().filter(({ reason }) => reason === 'too-many-codes')).toHaveLength(2)
      expect(await codeOf(one, 'other', password + codeAt(Date.now()))).toBe(230)
    },
  )

  it('is not asked for where the user needs none, whose password may end in digits', async () => {
    const server = await start({
      users: [simpleUser('alice'), { name: 'digits', home: '/', passwordFile: 'digits.password' }],
      files: { 'users/digits.password': 'secret123456' },
    })
    expect(await codeOf(await connected(server), 'alice', password)).toBe(230)
    expect(await codeOf(await connected(server), 'digits', 'secret123456')).toBe(230)
  })

  it('is checked by the secret in force: in a file, which is followed; without one the user is refused', async () => {
    const server = await start({
      users: [simpleUser('tina', { totp: { secretFile: 'tina.totp' } })],
      files: { 'users/tina.totp': 'MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U\n' },
    })
    expect(await codeOf(await connected(server), 'tina', password + codeAt(Date.now()))).toBe(530)
    await server.reconfigure('users/tina.totp', `${secret.toLowerCase()}\n`)
    const client = await connected(server)
    expect(await codeOf(client, 'tina', password)).toBe(332)
    expect((await client.send(`ACCT ${codeAt(Date.now())}`)).code).toBe(230)
    const none = await start({ users: [simpleUser('tina', { totp: { secretFile: 'missing' } })] })
    expect((await none.status()).users).toMatchObject({ accepted: 0, rejectedCount: 1 })
    expect(JSON.stringify(await none.status())).not.toContain(secret)
  })

  it('goes with the user who was proved: whose password has changed meanwhile has to begin anew', async () => {
    const server = await start()
    const client = await connected(server)
    expect(await codeOf(client, 'tina', password)).toBe(332)
    const changed = { name: 'tina', home: '/', passwordFile: 'tina.password', totp }
    await server.configure('users/tina.password', 'another')
    await server.reconfigure('users/users.yaml', { users: [changed] })
    expect((await client.send(`ACCT ${codeAt(Date.now())}`)).code).toBe(530)
  })

  it('may come beside a certificate, which does not suffice then', async () => {
    const server = await start({
      server: { tls: { clientCertificates: 'optional' }, limits: { failedLoginDelayMilliseconds: 0 } },
      users: [{ name: 'machine', home: '/', clientCertificate: { commonName: 'machine' }, totp }],
      files: await certificateFiles(),
    })
    const client = await connected(server)
    await client.startTls(identity)
    expect((await client.send('USER machine')).code).toBe(331)
    expect((await client.send('PASS')).code).toBe(332)
    expect((await client.send(`ACCT ${codeAt(Date.now())}`)).code).toBe(230)
    const stranger = await connected(server)
    await stranger.startTls()
    expect(await codeOf(stranger, 'machine', codeAt(Date.now() + 30_000))).toBe(530)
  })
})

let identity: { readonly cert: string; readonly key: string }

async function certificateFiles(): Promise<Record<string, string>> {
  const own = await selfSigned('localhost')
  const { authority, certificate, key } = await clientCertificateFor('machine')
  identity = { cert: certificate, key }
  return { 'tls/tls.crt': own.certificate, 'tls/tls.key': own.key, 'tls/ca.crt': authority }
}

/** None of those that count around now. */
function wrong(): string {
  const good = [-2, -1, 0, 1, 2, 3].map(step => codeAt(Date.now() + step * 30_000))
  return ['000000', '111111', '222222', '333333', '444444', '555555', '666666'].find(code => !good.includes(code)) ?? ''
}

function fail(): never {
  throw new Error('There is no client.')
}
