/** SIGTERM ends the real process in good order, and what can't start says why. */
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'
import { RawConnection } from '../support/raw-connection.ts'
import {
  launchServerProcess,
  type ServerProcess,
  type ServerProcessOptions,
  startServerProcess,
} from '../support/server-process.ts'
import { takePort } from '../support/taken-port.ts'

const megabyte = 1_048_576
const started: ServerProcess[] = []

afterEach(async () => {
  for (const server of started.splice(0)) await server.dispose()
})

async function start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const server = await startServerProcess(options)
  started.push(server)
  return server
}

async function launch(options: ServerProcessOptions): Promise<ServerProcess> {
  const server = await launchServerProcess(options)
  started.push(server)
  return server
}

const limits = (drainTimeoutSeconds: number) => ({
  server: { limits: { drainTimeoutSeconds, failedLoginDelayMilliseconds: 0 } },
})

describe('On SIGTERM', () => {
  test('a server without sessions ends at once with code 0', async () => {
    const server = await start(limits(3600))
    server.signal('SIGTERM')
    expect(await server.exited).toBe(0)
  })

  test('running transfers finish while all others are sent away, then it ends with code 0', async () => {
    const server = await start(limits(60))
    const idle = await FtpClient.connect(server.port)
    await idle.login()
    const stranger = await FtpClient.connect(server.port)
    const uploader = await FtpClient.connect(server.port)
    await uploader.login()
    await uploader.send('TYPE I')
    const upload = await uploader.passive()
    await uploader.send('STOR upload')
    upload.write(Buffer.alloc(megabyte, 1))
    const downloader = await FtpClient.connect(server.port)
    await downloader.login()
    await downloader.send('TYPE I')
    await downloader.upload('STOR download', Buffer.alloc(30 * megabyte, 2))
    const download = await downloader.passive()
    await downloader.send('RETR download')

    server.signal('SIGTERM')
    await eventually(async () => (await server.probe('/readyz')).status === 503, 'not ready')
    expect((await server.probe('/livez')).status).toBe(200)
    for (const client of [idle, stranger]) expect(await client.closed()).toMatch(/^421 [^\r\n]+\r\n$/)
    const refused = await RawConnection.open(server.port)
    expect(await refused.untilClosed()).toMatch(/^421 /)

    const received = await readAll(download)
    expect(received.length).toBe(30 * megabyte)
    upload.end(Buffer.alloc(megabyte, 3))
    upload.resume()
    for (const client of [downloader, uploader]) expect(await client.closed()).toMatch(/^226 .*\r\n421 .*\r\n$/)
    expect(await server.exited).toBe(0)
    expect(server.output().stderr).toBe('')
    for (const client of [idle, stranger, uploader, downloader]) client.close()
  })

  test('who is in the midst of a batch goes on, and is sent away after a pause', async () => {
    const server = await start(limits(60))
    const client = await FtpClient.connect(server.port)
    await client.login()
    const waiting = await client.passive()
    server.signal('SIGTERM')
    await eventually(async () => (await server.probe('/readyz')).status === 503, 'not ready')
    expect((await client.send('NLST')).code).toBe(150)
    await readAll(waiting)
    expect((await client.reply()).code).toBe(226)
    for (let turn = 0; turn < 5; turn += 1) {
      expect((await client.upload(`STOR file-${turn}`, 'content')).end.code).toBe(226)
    }
    expect(await client.closed()).toMatch(/^421 [^\r\n]+\r\n$/)
    expect(await server.exited).toBe(0)
    client.close()
  })

  test('a batch that does not end is sent away when the time is over', async () => {
    const server = await start(limits(1))
    const client = await FtpClient.connect(server.port)
    await client.login()
    server.signal('SIGTERM')
    let answer = await client.send('NOOP')
    while (answer.code === 200) answer = await client.send('NOOP')
    expect(answer.code).toBe(421)
    expect(await server.exited).toBe(0)
    client.close()
  })

  test('a transfer that does not finish in time gets 426 and 421, and the code is 0 still', async () => {
    const server = await start(limits(1))
    const client = await FtpClient.connect(server.port)
    await client.login()
    const data = await client.passive()
    data.on('error', () => undefined)
    await client.send('STOR stuck')
    data.write('some bytes')
    server.signal('SIGTERM')
    expect(await client.closed()).toMatch(/^426 .*\r\n421 .*\r\n$/)
    expect(await server.exited).toBe(0)
    client.close()
    data.destroy()
  })

  test('a client that does not read holds up the end no longer than the time for last words', async () => {
    const server = await start(limits(1))
    const client = await FtpClient.connect(server.port)
    await client.login()
    client.socket.pause()
    for (let sent = 0; sent < 100; sent += 1) client.write('HELP\r\n'.repeat(1000))
    server.signal('SIGTERM')
    expect(await server.exited).toBe(0)
    client.close()
  })

  test('a handshake under way is not answered in clear text', async () => {
    const server = await start(limits(1))
    const connection = await RawConnection.open(server.port)
    await connection.write('AUTH TLS\r\n')
    await connection.untilReceived(/^234 /m)
    server.signal('SIGTERM')
    expect(await connection.untilClosed()).toMatch(/^220 .*\r\n234 .*\r\n$/)
    expect(await server.exited).toBe(0)
  })

  test('a second signal does not wait', async () => {
    const server = await start(limits(3600))
    const client = await FtpClient.connect(server.port)
    await client.login()
    const data = await client.passive()
    data.on('error', () => undefined)
    await client.send('STOR stuck')
    server.signal('SIGTERM')
    await eventually(async () => (await server.probe('/readyz')).status === 503, 'not ready')
    server.signal('SIGINT')
    expect(await server.exited).toBe(1)
    client.close()
    data.destroy()
  })
})

describe('A server that cannot start ends with code 1 and says why', () => {
  test('every error of a bad configuration by file and place', async () => {
    const server = await launch({
      server: { limits: { idleTimeoutSeconds: 0 }, passive: { ports: { first: 5, last: 1 } }, unknown: true },
      files: { 'tls/tls.crt': 'not a certificate' },
    })
    expect(await server.exited).toBe(1)
    const { stderr } = server.output()
    expect(stderr).toMatch(/^server\.yaml: limits\.idleTimeoutSeconds: /m)
    expect(stderr).toMatch(/^server\.yaml: .*unknown/m)
    expect(stderr).toMatch(/^tls\/tls\.(crt|key): /m)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test('no configuration directory', async () => {
    const server = await launch({ configurationDirectory: '/nowhere/at/all' })
    expect(await server.exited).toBe(1)
    expect(server.output().stderr).toMatch(/must be an existing directory/)
  })

  test.each(['listeners', 'probes'] as const)('a port of the %s that somebody else has', async which => {
    const { port } = await takePort()
    const taken = { port, addresses: ['127.0.0.1'] }
    const server = await launch({
      server: which === 'listeners' ? { listeners: [{ name: 'ftp', ...taken }] } : { probes: taken },
    })
    expect(await server.exited).toBe(1)
    const { stderr } = server.output()
    expect(stderr).toContain('EADDRINUSE')
    expect(stderr).toContain(`127.0.0.1:${port}`)
    expect(stderr).not.toMatch(/^\s+at /m)
  })
})
