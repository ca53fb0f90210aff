/** One upload a file, over all processes: where uploads lock what they write to, and where workers ask the supervisor. */
import { readFile } from 'node:fs/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, startServer, type TestServer, type TestServerOptions } from '../support/server.ts'

const ways = { 'with locks': undefined, 'without locks': 'off' } as const
const clients: FtpClient[] = []
let server: TestServer

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await server.stop()
})

async function start(options: TestServerOptions = {}, mode = 'direct', workers = 2): Promise<void> {
  const users = ['alice', 'bob'].map(name => simpleUser(name))
  const limits = { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 }
  server = await startServer({ users, ...options, server: { workers, limits, uploads: { mode } } })
}

async function logIn(user: string): Promise<FtpClient> {
  const client = await FtpClient.connect(server.port)
  clients.push(client)
  await client.login(user)
  return client
}

async function workerOf(user: string): Promise<number | undefined> {
  const { sessions } = await server.status()
  return sessions.find(session => session.user === user)?.worker
}

async function twoApart(): Promise<readonly [FtpClient, FtpClient]> {
  const pair = [await logIn('alice'), await logIn('bob')] as const
  expect(await workerOf('alice')).not.toBe(await workerOf('bob'))
  return pair
}

describe.each(Object.entries(ways))('Workers %s', (_way, descriptors) => {
  test.each([
    { mode: 'direct', volume: undefined },
    { mode: 'direct', volume: 'memory' },
    { mode: 'atomic', volume: undefined },
  ] as const)('keep a file busy while one of them writes to it, in mode $mode, volume $volume', async options => {
    const { mode, volume } = options
    await start({ descriptors, volume }, mode)
    const [alice, bob] = await twoApart()
    const upload = await alice.passive()
    expect((await alice.send('STOR shared')).code).toBe(150)
    upload.write('first')
    for (const verb of ['STOR', 'APPE']) {
      await bob.passive()
      expect((await bob.send(`${verb} shared`)).code).toBe(450)
    }
    if (mode === 'direct') expect((await bob.send('DELE shared')).code).toBe(450)
    expect((await bob.upload('STOR other', 'free')).end.code).toBe(226)
    upload.end()
    upload.resume()
    expect((await alice.reply()).code).toBe(226)
    expect((await bob.upload('APPE shared', ' second')).end.code).toBe(226)
    expect(await readFile(`${server.root}/shared`, 'utf8')).toBe('first second')
    expect((await bob.send('DELE shared')).code).toBe(250)
  })

  test('never mix what two of them store under one name', async () => {
    await start({ descriptors, volume: 'memory' })
    const [alice, bob] = await twoApart()
    for (let round = 0; round < 50; round++) {
      const codes = await Promise.all([store(alice, 'short'), store(bob, 'much longer')])
      expect(codes.filter(code => code !== 226 && code !== 450)).toEqual([])
      expect(codes).toContain(226)
      expect(['short', 'much longer']).toContain(await readFile(`${server.root}/shared`, 'utf8'))
    }
  })

  test('free what a process was writing to when it was killed', async () => {
    await start({ descriptors })
    const [alice, bob] = await twoApart()
    const upload = await alice.passive()
    upload.on('error', () => undefined)
    expect((await alice.send('STOR shared')).code).toBe(150)
    const id = await workerOf('alice')
    const { workers } = await server.status()
    process.kill(workers.find(worker => worker.id === id)?.pid ?? 0, 'SIGKILL')
    await alice.closed()
    await eventually(async () => {
      const { intermediate, end } = await tryUpload(bob)
      return intermediate === 150 && end === 226
    }, 'the file is free')
    expect(await readFile(`${server.root}/shared`, 'utf8')).toBe('again')
  })

  test('respect what the first process writes to, and it what they do', async () => {
    await start({ descriptors }, 'direct', 1)
    const alice = await logIn('alice')
    const upload = await alice.passive()
    expect((await alice.send('STOR first')).code).toBe(150)
    await server.configure('server.yaml', await configuration(2))
    const haveStarted = async () => {
      const { workers } = await server.status()
      return workers.length === 2 && workers.every(({ state }) => state === 'ready')
    }
    await eventually(haveStarted, 'the workers have started')
    const bob = await logIn('bob')
    expect(await workerOf('bob')).toBeDefined()
    await bob.passive()
    expect((await bob.send('STOR first')).code).toBe(450)
    upload.end('whole')
    upload.resume()
    expect((await alice.reply()).code).toBe(226)
    const other = await bob.passive()
    expect((await bob.send('STOR first')).code).toBe(150)
    await alice.passive()
    expect((await alice.send('STOR first')).code).toBe(450)
    other.end('again')
    other.resume()
    expect((await bob.reply()).code).toBe(226)
    expect((await alice.upload('STOR first', 'last')).end.code).toBe(226)
  })
})

/** The code of the last reply. */
async function store(client: FtpClient, text: string): Promise<number> {
  return (await tryUpload(client, text)).end
}

async function tryUpload(
  client: FtpClient,
  text = 'again',
): Promise<{ readonly intermediate: number; readonly end: number }> {
  const data = await client.passive()
  data.on('error', () => undefined)
  const { code: intermediate } = await client.send('STOR shared')
  if (intermediate !== 150) return { intermediate, end: intermediate }
  data.end(text)
  data.resume()
  return { intermediate, end: (await client.reply()).code }
}

async function configuration(workers: number): Promise<string> {
  const text = await readFile(`${server.configurationDirectory}/server.yaml`, 'utf8')
  return text.replace(/^workers: .*$/m, `workers: ${workers}`)
}
