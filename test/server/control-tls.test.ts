/** TLS on the control connection and what it means for data: RFC 4217, RFC 2228. */
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FtpClient } from '../support/ftp-client.ts'
import { startReversibleTls } from '../support/reversible-tls.ts'
import { password, startServer, type TestServer } from '../support/server.ts'
import { connected, listenerWith, loggedIn, secured, temporaryServer } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
  const client = await FtpClient.connect(server.port)
  await client.login()
  await client.send('MKD dir')
  client.close()
})
afterAll(() => server.stop())

describe('AUTH', () => {
  it('resets the session: login, directory, type, data connection, REST, EPSV ALL, options', async () => {
    const client = await loggedIn(server)
    for (const line of ['CWD dir', 'TYPE I', 'OPTS MLST', 'EPSV ALL', 'EPSV', 'REST 5']) await client.send(line)
    await client.startTls()
    expect((await client.send('PWD')).code).toBe(530)
    expect((await client.send('PROT P')).code).toBe(503)
    await client.login()
    expect((await client.send('PWD')).text).toMatch(/^"\/" /)
    expect((await client.send('STAT')).lines.join()).toMatch(
      /TYPE: ascii.*data connections: clear.*Data connection: none/,
    )
    expect((await client.send('FEAT')).lines.join()).toContain('type*;size*')
    expect((await client.send('PASV')).code).toBe(227)
  })

  it('closes the connection where anything was sent before the handshake, and answers none of it', async () => {
    const client = await connected(server)
    client.write('AUTH TLS\r\nUSER alice\r\nNOOP\r\n')
    expect((await client.reply()).code).toBe(503)
    expect(await client.closed()).toBe('')
    const half = await connected(server)
    half.write('AUTH TLS\r\nUSER al')
    expect((await half.reply()).code).toBe(503)
    expect(await half.closed()).toBe('')
  })

  it('drops a client that speaks clear text in place of TLS, without a word', async () => {
    const client = await connected(server)
    expect((await client.send('AUTH TLS')).code).toBe(234)
    client.write('USER alice\r\n')
    expect(await client.closed()).not.toMatch(/\d{3} /)
  })

  it('is refused where TLS is disabled', async () => {
    const plain = await temporaryServer({ server: { listeners: await listenerWith('disabled') } })
    const client = await connected(plain)
    expect((await client.send('AUTH TLS')).code).toBe(534)
    expect((await client.send('AUTH GSSAPI')).code).toBe(504)
  })

  it('SSL and TLS-P imply private data connections', async () => {
    for (const mechanism of ['SSL', 'TLS-P']) {
      const client = await connected(server)
      expect((await client.send(`AUTH ${mechanism}`)).code).toBe(234)
      await client.secure()
      await client.login()
      expect((await client.download('LIST', {})).end.code).toBe(226)
    }
  })
})

describe('PBSZ and PROT', () => {
  it('come in that order, at any time, even between EPSV and the transfer', async () => {
    const client = await connected(server)
    await client.startTls()
    expect((await client.send('PROT P')).code).toBe(503)
    expect((await client.send('PBSZ 0')).code).toBe(200)
    expect((await client.send('PROT P')).code).toBe(200)
    await client.login()
    const raw = await client.passive()
    expect((await client.send('PROT C')).code).toBe(200)
    expect((await client.send('NLST')).code).toBe(150)
    expect(String((await raw.toArray())[0])).toBe('dir\r\n')
    expect((await client.reply()).code).toBe(226)
    await client.send('PROT P')
    expect((await client.download('NLST', {})).bytes.toString()).toBe('dir\r\n')
  })

  it('a data connection without the handshake that was agreed on is answered with 522', async () => {
    const client = await secured(server)
    const raw = await client.passive()
    expect((await client.send('STOR new')).code).toBe(150)
    raw.on('error', () => undefined)
    raw.resume()
    raw.end('clear text where TLS is due')
    expect((await client.reply()).code).toBe(522)
    expect((await client.send('NOOP')).code).toBe(200)
  })

  it('where the listener demands TLS, data must be private: 534 to PROT C, 521 to transfers', async () => {
    const strict = await temporaryServer({ server: { listeners: await listenerWith('required') } })
    const client = await connected(strict)
    await client.startTls()
    await client.login()
    for (const line of ['LIST', 'NLST', 'MLSD', 'RETR x', 'STOR x', 'APPE x', 'STOU']) {
      await client.send('EPSV')
      expect((await client.send(line)).code, line).toBe(521)
    }
    await client.send('PBSZ 0')
    expect((await client.send('PROT C')).code).toBe(534)
    expect((await client.send('PROT P')).code).toBe(200)
    expect((await client.upload('STOR x', 'private', {})).end.code).toBe(226)
  })
})

describe('CCC', () => {
  it('goes back to clear text, where no PBSZ, PROT or AUTH is taken, and data stays private', async () => {
    const client = await connected(server)
    const endTls = await startReversibleTls(client)
    await client.login()
    await client.send('PBSZ 0')
    await client.send('PROT P')
    await client.send('CWD dir')
    expect((await client.send('CCC')).code).toBe(200)
    const clear = await endTls()
    expect((await clear.send('PWD')).text).toMatch(/^"\/dir" /)
    expect((await clear.send('PBSZ 0')).code).toBe(503)
    expect((await clear.send('PROT C')).code).toBe(503)
    expect((await clear.send('AUTH TLS')).code).toBe(534)
    expect((await clear.send('CCC')).code).toBe(533)
    expect((await clear.upload('STOR private', 'bytes', {})).end.code).toBe(226)
    expect((await clear.download('RETR private', {})).bytes.toString()).toBe('bytes')
    expect((await clear.send('DELE private')).code).toBe(250)
    // Everything is as just after connecting.
    expect((await clear.send('REIN')).code).toBe(220)
    await clear.startTls()
    await clear.login()
  })

  it('is refused before login: the password would go in clear text', async () => {
    const client = await connected(server)
    await client.startTls()
    expect((await client.send('CCC')).code).toBe(534)
    await client.login()
    expect((await client.send('CCC')).code).toBe(200)
  })

  it('closes the connection where anything was sent behind it', async () => {
    const client = await connected(server)
    await client.startTls()
    await client.login()
    client.write('CCC\r\nDELE fi')
    expect((await client.reply()).code).toBe(503)
    expect(await client.closed()).toBe('')
  })
})

describe('REIN', () => {
  it('under TLS is answered under TLS, and the next login begins in clear text or with AUTH', async () => {
    const client = await connected(server)
    const endTls = await startReversibleTls(client)
    await client.login()
    expect((await client.send('REIN')).code).toBe(220)
    const clear = await endTls()
    expect((await clear.send('PWD')).code).toBe(530)
    expect((await clear.send('PROT P')).code).toBe(503)
    await clear.login()
    expect((await clear.send('STAT')).lines.join()).toContain('Control connection: clear; data connections: clear')
    await clear.startTls()
    expect((await clear.send('PWD')).code).toBe(530)
    await clear.login()
  })
})

describe('implicit TLS', () => {
  it('begins with the handshake; data is private without a word', async () => {
    const implicit = await temporaryServer({ server: { listeners: await listenerWith('implicit') } })
    const client = await FtpClient.connectImplicit(implicit.port)
    await client.login()
    expect((await client.upload('STOR file', 'implied', {})).end.code).toBe(226)
    expect((await client.send('AUTH TLS')).code).toBe(534)
    // PBSZ is implied as well.
    expect((await client.send('PROT C')).code).toBe(200)
    expect((await client.download('RETR file')).bytes.toString()).toBe('implied')
    expect((await client.send('REIN')).code).toBe(220)
    await client.login()
    expect((await client.download('RETR file', {})).bytes.toString()).toBe('implied')
    client.close()
  })

  it('is served by workers, too', async () => {
    const listeners = await listenerWith('implicit')
    const implicit = await temporaryServer({ server: { workers: 2, listeners, limits: { drainTimeoutSeconds: 1 } } })
    for (const _ of [1, 2, 3, 4]) {
      const client = await FtpClient.connectImplicit(implicit.port)
      await client.login()
      expect((await client.send('PBSZ 0')).code).toBe(200)
      client.close()
    }
  })

  it('says nothing in clear text', async () => {
    const implicit = await temporaryServer({ server: { listeners: await listenerWith('implicit') } })
    const client = await FtpClient.open(implicit.port)
    client.write(`USER alice\r\nPASS ${password}\r\n`)
    expect(await client.closed()).not.toMatch(/\d{3} /)
  })

  it('takes clients that mean FTP by ALPN, and no others', async () => {
    const implicit = await temporaryServer({ server: { listeners: await listenerWith('implicit') } })
    const client = await FtpClient.connectImplicit(implicit.port, '127.0.0.1', { ALPNProtocols: ['ftp'] })
    expect(client.tls?.alpnProtocol).toBe('ftp')
    client.close()
    const refused = new Promise((_, reject) => {
      const options = { port: implicit.port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] }
      connectTls(options, () => reject(new Error('taken'))).once('error', reject)
    })
    await expect(refused).rejects.toThrow('no application protocol')
  })
})
