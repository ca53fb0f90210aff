/** Several processes are one server: for its clients, its limits, its metrics, and for whoever stops it or kills a part of it. */
import { readFile } from 'node:fs/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { eventually } from '../support/eventually.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { replaceFile } from '../support/replace-file.ts'
import { simpleUser } from '../support/server.ts'
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from '../support/server-process.ts'

const megabyte = 1_048_576
const started: ServerProcess[] = []
const clients: FtpClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const server of started.splice(0)) await server.dispose()
})

const users = ['alice', 'bob', 'carol', 'dave'].map(name => simpleUser(name))

async function start(server: Record<string, unknown> = {}, options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const limits = { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1, ...(server['limits'] as object) }
  const running = await startServerProcess({ users, ...options, server: { workers: 2, ...server, limits } })
  started.push(running)
  return running
}

async function connect(server: ServerProcess, localAddress = '127.0.0.1'): Promise<FtpClient> {
  const client = await FtpClient.connect(server.port, '127.0.0.1', { localAddress })
  clients.push(client)
  return client
}

async function logIn(server: ServerProcess, user = 'alice'): Promise<FtpClient> {
  const client = await connect(server)
  await client.login(user)
  return client
}

async function expectRefused(server: ServerProcess, localAddress = '127.0.0.1'): Promise<void> {
  const connection = await RawConnection.open(server.port, { localAddress })
  expect(await connection.untilClosed()).toMatch(/^421 [^\r\n]+\r\n$/)
}

/** The worker that serves a user. */
async function workerOf(server: ServerProcess, user: string) {
  const { sessions, workers } = await server.status()
  const session = sessions.find(each => each.user === user)
  const worker = workers.find(({ id }) => id === session?.worker)
  if (worker?.pid === undefined) throw new Error(`No worker serves ${user}.`)
  return { ...worker, pid: worker.pid }
}

/** Alice in one worker, Bob in the other. */
async function twoApart(server: ServerProcess): Promise<readonly [FtpClient, FtpClient]> {
  const pair = [await logIn(server, 'alice'), await logIn(server, 'bob')] as const
  expect((await workerOf(server, 'alice')).id).not.toBe((await workerOf(server, 'bob')).id)
  return pair
}

async function metric(server: ServerProcess, name: string): Promise<number> {
  const text = await (await server.probe('/metrics')).text()
  const lines = text.split('\n').filter(line => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tX')
  return !/^State:\s+[XZ]/m.test(status)
}

describe('Sessions', () => {
  test('go to the worker that has the fewest, and the log and the status tell which', async () => {
    const server = await start()
    const opened = await Promise.all(Array.from({ length: 10 }, () => connect(server)))
    const { workers, sessionCount, sessions } = await server.status()
    expect(workers.map(worker => worker.sessionCount)).toEqual([5, 5])
    expect(sessionCount).toBe(10)
    expect(sessions).toHaveLength(10)
    await opened[0]?.login()
    const line = await eventually(() => {
      const lines = server.output().stdout.split('\n').slice(0, -1)
      return lines.find(each => each.includes('"logged in"'))
    }, 'the log tells of the login')
    expect(JSON.parse(line)).toMatchObject({ worker: expect.any(Number), user: 'alice' })
  })

  test('that end leave a process for others, whoever is there longer', async () => {
    const server = await start()
    const names = ['alice', 'bob', 'carol', 'dave']
    const opened = new Map<string, FtpClient>()
    for (const name of names) opened.set(name, await logIn(server, name))
    const emptied = await workerOf(server, 'alice')
    const { sessions } = await server.status()
    for (const { user, worker } of sessions) if (worker === emptied.id) await opened.get(user ?? '')?.send('QUIT')
    await eventually(async () => (await server.status()).sessionCount === 2, 'two have gone')
    await Promise.all([connect(server), connect(server)])
    const { workers } = await server.status()
    expect(workers.map(({ sessionCount }) => sessionCount)).toEqual([2, 2])
  })

  test('are counted in all processes together: on the whole, by address and by user', async () => {
    const server = await start({ limits: { maxSessions: 4, maxSessionsPerAddress: 3, maxSessionsPerUser: 2 } })
    const first = await logIn(server)
    await logIn(server)
    const third = await connect(server)
    await expect(third.login()).rejects.toThrow('Not logged in: 530')
    await expectRefused(server)
    const other = await connect(server, '127.0.0.2')
    await expectRefused(server, '127.0.0.3')
    // Places that are given back can be taken in another process.
    await first.send('QUIT')
    await eventually(async () => (await server.status()).sessionCount === 3, 'a place is free')
    await third.login()
    await expect(other.login()).rejects.toThrow('Not logged in: 530')
    await other.login('bob')
  })

  test('have one self-signed certificate, in whatever process they are', async () => {
    const server = await start()
    const pair = await twoApart(server)
    for (const client of pair) await client.startTls()
    const [one, other] = pair.map(client => client.tls?.getPeerX509Certificate()?.fingerprint256)
    expect(one).toBeDefined()
    expect(one).toBe(other)
    expect((await server.status()).certificate?.fingerprint).toBe(one)
  })
})

describe('Files', () => {
  test('that one process writes to are busy in the others, until the end', async () => {
    const server = await start()
    const [alice, bob] = await twoApart(server)
    const upload = await alice.passive()
    await alice.send('STOR shared')
    upload.write('first')
    await bob.passive()
    expect((await bob.send('STOR shared')).code).toBe(450)
    expect((await bob.send('DELE shared')).code).toBe(450)
    upload.end()
    upload.resume()
    expect((await alice.reply()).code).toBe(226)
    expect((await bob.upload('APPE shared', ' second')).end.code).toBe(226)
    expect(await readFile(`${server.root}/shared`, 'utf8')).toBe('first second')
  })

  test('that a process was writing to when it died can be written again', async () => {
    const server = await start()
    const [alice, bob] = await twoApart(server)
    const upload = await alice.passive()
    upload.on('error', () => undefined)
    await alice.send('STOR shared')
    upload.write('first')
    expect((await bob.send('DELE shared')).code).toBe(450)
    process.kill((await workerOf(server, 'alice')).pid, 'SIGKILL')
    await alice.closed()
    await eventually(async () => (await bob.send('DELE shared')).code === 250, 'the file is free')
  })

  test('pass over more passive ports than one process would take', async () => {
    const server = await start()
    const pair = await twoApart(server)
    const open = await Promise.all(pair.map(client => client.send('EPSV')))
    const ports = open.map(({ text }) => /\|(\d+)\|/.exec(text)?.[1])
    expect(new Set(ports).size).toBe(2)
    expect(await metric(server, 'ftp_passive_ports_in_use')).toBe(2)
  })
})

describe('A worker that dies', () => {
  test('takes only its own sessions with it, and is replaced', async () => {
    const server = await start()
    const [alice, bob] = await twoApart(server)
    const data = await bob.passive()
    await bob.send('STOR survives')
    data.write('before ')
    const victim = await workerOf(server, 'alice')
    process.kill(victim.pid, 'SIGKILL')
    await alice.closed()
    data.end('and after')
    data.resume()
    expect((await bob.reply()).code).toBe(226)
    expect(await readFile(`${server.root}/survives`, 'utf8')).toBe('before and after')
    await eventually(async () => (await server.status()).sessionCount === 1, 'the lost session is not counted any more')
    await eventually(async () => {
      const { workers } = await server.status()
      return workers.filter(({ state }) => state === 'ready').length === 2
    }, 'it is replaced')
    const { workers } = await server.status()
    expect(workers.map(({ id }) => id)).not.toContain(victim.id)
    await logIn(server, 'carol')
    expect((await workerOf(server, 'carol')).sessionCount).toBe(1)
    expect(await metric(server, 'ftp_worker_deaths_total')).toBe(1)
  })

  test('leaves what it has counted, as far as it has said so', async () => {
    const server = await start()
    const [alice] = await twoApart(server)
    await alice.upload('STOR counted', Buffer.alloc(megabyte))
    const before = await metric(server, 'ftp_transfer_bytes_total')
    expect(before).toBe(megabyte)
    process.kill((await workerOf(server, 'alice')).pid, 'SIGKILL')
    await alice.closed()
    await eventually(async () => (await metric(server, 'ftp_worker_deaths_total')) === 1, 'it is counted')
    expect(await metric(server, 'ftp_transfer_bytes_total')).toBe(megabyte)
    expect(await metric(server, 'ftp_sessions')).toBe(1)
  })

  test('again and again is replaced ever later, and while there is none clients are told to come back', async () => {
    const server = await start()
    for (let death = 0; death < 3; death += 1) {
      const { workers } = await eventually(async () => {
        const status = await server.status()
        return status.workers.filter(({ state }) => state === 'ready').length === 2 && status
      }, 'all are there')
      for (const { pid = 0 } of workers) process.kill(pid, 'SIGKILL')
      await eventually(async () => (await server.status()).workers.every(({ state }) => state !== 'ready'), 'none')
      expect((await server.probe('/readyz')).status).toBe(503)
      await expectRefused(server)
    }
    const deaths = await eventually(() => {
      const lines = server.output().stdout.split('\n').slice(0, -1)
      const told = lines.filter(line => line.includes('"worker died"'))
      return told.length >= 6 && told
    }, 'the log tells of all deaths')
    const waits = deaths.map(line => Number(JSON.parse(line).replacedInSeconds))
    expect(waits).toEqual([0.1, 0.1, 0.2, 0.2, 0.4, 0.4])
    await eventually(async () => (await server.probe('/readyz')).ok, 'they are back')
    await logIn(server)
  })
})

describe('A worker that stands still', () => {
  test('holds up neither metrics nor status, which are given without its news', async () => {
    const server = await start()
    const [alice, bob] = await twoApart(server)
    await alice.upload('STOR counted', Buffer.alloc(megabyte))
    expect(await metric(server, 'ftp_transfer_bytes_total')).toBe(megabyte)
    const { pid } = await workerOf(server, 'alice')
    process.kill(pid, 'SIGSTOP')
    expect(await metric(server, 'ftp_worker_silences_total')).toBe(1)
    expect(await metric(server, 'ftp_transfer_bytes_total')).toBe(megabyte)
    expect((await server.status()).sessionCount).toBe(2)
    expect((await bob.upload('STOR other', 'content')).end.code).toBe(226)
    process.kill(pid, 'SIGCONT')
    expect((await alice.send('NOOP')).code).toBe(200)
  })
})

describe('A reload', () => {
  test('is in force in all processes when the hash says so', async () => {
    const server = await start()
    const pair = await twoApart(server)
    const { hash } = await server.status()
    await replaceUsers(server, [simpleUser('alice', { role: 'read-only' }), simpleUser('bob', { role: 'read-only' })])
    await eventually(async () => (await server.status()).hash !== hash, 'the hash is another')
    for (const client of pair) expect((await client.send('MKD refused')).code).toBe(550)
    await expect((await connect(server)).login('carol')).rejects.toThrow('Not logged in: 530')
  })

  test('that removes a user ends sessions in all processes', async () => {
    const server = await start()
    const [alice, bob] = await twoApart(server)
    await replaceUsers(server, [simpleUser('carol')])
    for (const client of [alice, bob]) expect(await client.closed()).toMatch(/^421 /)
  })

  test('of the number of workers takes effect while sessions go on', async () => {
    const server = await start({ workers: 1 })
    expect((await server.status()).workers).toEqual([])
    const alice = await logIn(server, 'alice')
    await setWorkers(server, 2)
    await eventually(async () => {
      const { workers } = await server.status()
      return workers.filter(({ state }) => state === 'ready').length === 2
    }, 'there are workers')
    const bob = await logIn(server, 'bob')
    const carol = await logIn(server, 'carol')
    expect((await workerOf(server, 'bob')).id).not.toBe((await workerOf(server, 'carol')).id)
    await setWorkers(server, 1)
    await eventually(
      async () => (await server.status()).workers.every(({ state }) => state === 'retiring'),
      'none is wanted',
    )
    await logIn(server, 'dave')
    const { sessions, sessionCount } = await server.status()
    expect(sessionCount).toBe(4)
    expect(sessions.find(({ user }) => user === 'dave')).not.toHaveProperty('worker')
    for (const client of [alice, bob, carol]) expect((await client.upload('STOR file', 'content')).end.code).toBe(226)
    await bob.send('QUIT')
    await eventually(async () => (await server.status()).workers.length === 1, 'one has ended')
    await carol.send('QUIT')
    await eventually(async () => (await server.status()).workers.length === 0, 'all have ended')
    expect((await alice.send('NOOP')).code).toBe(200)
    expect(await metric(server, 'ftp_transfers_total')).toBe(3)
  })
})

async function replaceUsers(server: ServerProcess, entries: readonly Record<string, unknown>[]): Promise<void> {
  await replaceFile(server, 'users/users.yaml', stringify({ users: entries }))
}

async function setWorkers(server: ServerProcess, workers: number): Promise<void> {
  const text = await readFile(`${server.configurationDirectory}/server.yaml`, 'utf8')
  await replaceFile(server, 'server.yaml', text.replace(/^workers: .*$/m, `workers: ${workers}`))
}

test('Metrics are sums over all processes', async () => {
  const server = await start()
  const pair = await twoApart(server)
  for (const client of pair) await client.upload(`STOR file`, Buffer.alloc(megabyte))
  expect(await metric(server, 'ftp_sessions')).toBe(2)
  expect(await metric(server, 'ftp_logins_total')).toBe(2)
  expect(await metric(server, 'ftp_transfer_bytes_total')).toBe(2 * megabyte)
  expect(await metric(server, 'ftp_workers')).toBe(2)
  expect(await metric(server, 'ftp_build_info')).toBe(1)
  expect(await metric(server, 'ftp_users')).toBe(4)
})

describe('The end', () => {
  test('on SIGTERM transfers in all processes finish, and then all processes are gone', async () => {
    const server = await start({ limits: { drainTimeoutSeconds: 60 } })
    const pair = await twoApart(server)
    const idle = await logIn(server, 'carol')
    const { workers } = await server.status()
    const data = await Promise.all(pair.map(client => client.passive()))
    await Promise.all(pair.map((client, index) => client.send(`STOR file-${index}`)))
    for (const socket of data) socket.write(Buffer.alloc(megabyte, 1))
    server.signal('SIGTERM')
    await eventually(async () => (await server.probe('/readyz')).status === 503, 'not ready')
    expect(await idle.closed()).toMatch(/^421 /)
    await expectRefused(server)
    for (const socket of data) socket.end(Buffer.alloc(megabyte, 2)).resume()
    for (const client of pair) expect(await client.closed()).toMatch(/^226 .*\r\n421 .*\r\n$/)
    expect(await server.exited).toBe(0)
    for (const { pid = 0 } of workers) expect(await isRunning(pid)).toBe(false)
    for (const index of [0, 1]) expect((await readFile(`${server.root}/file-${index}`)).length).toBe(2 * megabyte)
    expect(server.output().stderr).toBe('')
  })

  test('of a user who is removed comes while all drain, too', async () => {
    const server = await start({ limits: { drainTimeoutSeconds: 60 } })
    const [alice] = await twoApart(server)
    const data = await alice.passive()
    data.on('error', () => undefined)
    await alice.send('STOR unfinished')
    data.write('some bytes')
    server.signal('SIGTERM')
    await eventually(async () => (await server.probe('/readyz')).status === 503, 'not ready')
    await replaceUsers(server, [simpleUser('carol')])
    expect(await alice.closed()).toMatch(/^426 .*\r\n421 .*\r\n$/)
    expect(await server.exited).toBe(0)
  })

  test('when the first process is killed no other is left', async () => {
    const server = await start()
    const [alice, bob] = await twoApart(server)
    const download = await alice.passive()
    await alice.send('LIST')
    await readAll(download)
    await alice.reply()
    const { workers } = await server.status()
    server.signal('SIGKILL')
    await server.exited
    for (const client of [alice, bob]) expect(await client.closed()).toMatch(/^421 /)
    for (const { pid = 0 } of workers) await eventually(async () => !(await isRunning(pid)), 'it has ended')
  })

  test('of a worker that is told by a terminal is left to the first process', async () => {
    const server = await start()
    const [alice] = await twoApart(server)
    const { pid } = await workerOf(server, 'alice')
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.kill(pid, signal)
    expect((await alice.send('NOOP')).code).toBe(200)
    expect(await isRunning(pid)).toBe(true)
  })
})
