/** Data connections that reach the wrong one of several servers: relayed to their owner, which believes who can sign and nobody else. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { signedHeader } from '../../server/relay/signed-header.ts'
import { connectTo, extendedPassivePort, passiveTarget } from '../support/data-ports.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'
import { endsOf, headerV2 } from '../support/proxy-header.ts'
import {
  metric,
  ownerAddress,
  type Relayed,
  relayAddress,
  relayed,
  relayPassivePorts,
  relaySecret,
} from '../support/relayed.ts'
import { freePort, simpleUser, type TestServer } from '../support/server.ts'

const content = randomBytes(3_000_000)

async function session({ owner }: Relayed, localAddress = '127.0.0.1', user = 'alice'): Promise<FtpClient> {
  const client = await FtpClient.connect(owner.port, ownerAddress, { localAddress })
  onTestFinished(() => client.close())
  await client.login(user)
  await client.send('TYPE I')
  return client
}

/** Such a connection is broken off. */
async function expectReset(port: number): Promise<void> {
  const outcome = strayTo(port).then(readAll)
  await expect(outcome).rejects.toMatchObject({ code: 'ECONNRESET' })
}

/** A data connection that the balancer has sent to the other server. */
async function strayTo(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  return connectTo(port, relayAddress, localAddress)
}

const refusals = ({ owner }: Relayed) =>
  owner.log().flatMap(({ msg, reason }) => (msg === 'relayed data connection refused' ? [reason] : []))

describe.each([1, 2])('With %i process(es), a connection that reaches the wrong server', workers => {
  async function servers(more: Parameters<typeof relayed>[0] = {}): Promise<Relayed> {
    const both = await relayed({ ...more, workers })
    if (workers === 1) return both
    await eventually(
      async () => (await both.owner.status()).workers.filter(({ state }) => state === 'ready').length === workers,
      'the workers are ready',
      20_000,
    )
    return both
  }

  it.each(['PASV', 'EPSV'])('is its owner’s all the same: upload and download after %s', async command => {
    const both = await servers()
    const client = await session(both)
    const open = async () => {
      const answer = await client.send(command)
      return strayTo(command === 'PASV' ? passiveTarget(answer).port : extendedPassivePort(answer))
    }
    const up = await open()
    expect((await client.send('STOR file')).code).toBe(150)
    up.end(content)
    expect((await client.reply()).code).toBe(226)
    expect((await readFile(join(both.owner.root, 'file'))).equals(content)).toBe(true)
    const down = await open()
    expect((await client.send('RETR file')).code).toBe(150)
    expect((await readAll(down)).equals(content)).toBe(true)
    expect((await client.reply()).code).toBe(226)
    await eventually(
      async () => (await metric(both.relay, relayAddress, 'ftp_relays_total', 'complete')) === 2,
      'both were counted',
    )
    expect(await metric(both.relay, relayAddress, 'ftp_relay_bytes_total', 'to-owner')).toBe(content.length)
    expect(await metric(both.relay, relayAddress, 'ftp_relay_bytes_total', 'to-client')).toBe(content.length)
    expect(await metric(both.relay, relayAddress, 'ftp_relays_active')).toBe(0)
    expect(await metric(both.owner, ownerAddress, 'ftp_handovers_total', 'taken')).toBe(2)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('keeps uploads whole under %s, from end to end', async version => {
    const both = await servers()
    const client = await FtpClient.connect(both.owner.port, ownerAddress)
    onTestFinished(() => client.close())
    await client.loginSecurely({ minVersion: version, maxVersion: version })
    await client.send('TYPE I')
    for (let round = 0; round < 3; round += 1) {
      const raw = await strayTo(extendedPassivePort(await client.send('EPSV')))
      expect((await client.send('STOR file')).code).toBe(150)
      const up = await client.protect(raw, { minVersion: version, maxVersion: version })
      up.resume()
      up.end(content)
      expect((await client.reply()).code).toBe(226)
      expect((await readFile(join(both.owner.root, 'file'))).equals(content)).toBe(true)
    }
  })

  it('is that of the address it comes from: others get nothing, and the client its file', async () => {
    const both = await servers()
    await writeFile(join(both.owner.root, 'file'), 'mine')
    const client = await session(both, '127.0.0.7')
    const port = extendedPassivePort(await client.send('EPSV'))
    const stranger = await strayTo(port, '127.0.0.8')
    expect((await readAll(stranger).catch(() => Buffer.alloc(0))).length).toBe(0)
    const own = await strayTo(port, '127.0.0.7')
    expect((await client.send('RETR file')).code).toBe(150)
    expect((await readAll(own)).toString()).toBe('mine')
    expect((await client.reply()).code).toBe(226)
    await eventually(
      () => both.owner.log().some(({ msg, from }) => msg === 'stray data connection' && from === '127.0.0.8'),
      'the stranger was told by its own address',
    )
  })

  it.each(['clear', 'tls'] as const)(
    'is one of a hundred at once (%s), and none fails',
    async protection => {
      const count = 100
      const both = await servers({
        owner: {
          users: Array.from({ length: count }, (_, index) => simpleUser(`user${index}`, { home: `/${index}` })),
        },
      })
      const codes = await Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const localAddress = `127.0.1.${1 + (index % 50)}`
          const client = await FtpClient.connect(both.owner.port, ownerAddress, { localAddress })
          onTestFinished(() => client.close())
          if (protection === 'clear') await client.login(`user${index}`)
          else await client.loginSecurely({}, `user${index}`)
          await client.send('TYPE I')
          const mine = Buffer.alloc(100_000, `${index} `)
          const seen: number[] = []
          for (const verb of ['STOR', 'RETR']) {
            const raw = await strayTo(extendedPassivePort(await client.send('EPSV')), localAddress)
            seen.push((await client.send(`${verb} file`)).code)
            const data = protection === 'clear' ? raw : await client.protect(raw)
            if (verb === 'STOR') data.resume().end(mine)
            else expect((await readAll(data)).equals(mine)).toBe(true)
            seen.push((await client.reply()).code)
          }
          return seen
        }),
      )
      expect(codes).toEqual(Array.from({ length: count }, () => [150, 226, 150, 226]))
    },
    60_000,
  )
})

describe('What is relayed', () => {
  it('ends on one side as on the other: an upload that is broken off is none that has ended', async () => {
    const both = await relayed()
    const client = await session(both)
    const up = await strayTo(extendedPassivePort(await client.send('EPSV')))
    await client.send('STOR file')
    up.write(content.subarray(0, 100_000))
    await eventually(
      async () => (await readFile(join(both.owner.root, 'file'))).length === 100_000,
      'the bytes have arrived',
    )
    up.resetAndDestroy()
    expect((await client.reply()).code).toBe(426)
    await eventually(
      async () => (await metric(both.relay, relayAddress, 'ftp_relays_total', 'broken')) === 1,
      'it was counted',
    )
  })

  it('may be half closed by the client: what the server sends after that arrives', async () => {
    const both = await relayed()
    await writeFile(join(both.owner.root, 'file'), content)
    const client = await session(both)
    const down = await strayTo(extendedPassivePort(await client.send('EPSV')))
    down.end()
    await client.send('RETR file')
    expect((await readAll(down)).equals(content)).toBe(true)
    expect((await client.reply()).code).toBe(226)
  })

  it('is as slow as the client reads, and nothing piles up between', async () => {
    const both = await relayed()
    const large = randomBytes(64 * 1024 * 1024)
    await writeFile(join(both.owner.root, 'file'), large)
    const client = await session(both)
    const down = await strayTo(extendedPassivePort(await client.send('EPSV')))
    down.pause()
    await client.send('RETR file')
    const before = process.memoryUsage().arrayBuffers
    await eventually(async () => {
      const sent = (await both.owner.status()).sessions[0]?.transfer?.bytes ?? 0
      const later = (await both.owner.status()).sessions[0]?.transfer?.bytes ?? 0
      return sent > 0 && sent === later
    }, 'the server waits for the client')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(large.length / 2)
    expect((await readAll(down)).equals(large)).toBe(true)
    expect((await client.reply()).code).toBe(226)
  }, 30_000)

  it('goes on while the server that relays it drains', async () => {
    const both = await relayed()
    const client = await session(both)
    const up = await strayTo(extendedPassivePort(await client.send('EPSV')))
    await client.send('STOR file')
    up.write('first ')
    await eventually(async () => (await readFile(join(both.owner.root, 'file'))).length === 6, 'it has begun')
    const stopped = both.relay.stop()
    up.end('and last')
    expect((await client.reply()).code).toBe(226)
    expect(await readFile(join(both.owner.root, 'file'), 'utf8')).toBe('first and last')
    await stopped
  })

  it('waits for an owner that is not known yet', async () => {
    const both = await relayed({ relay: { ports: [] } })
    const client = await session(both)
    const passive = extendedPassivePort(await client.send('EPSV'))
    const text = await readFile(join(both.relay.configurationDirectory, 'server.yaml'), 'utf8')
    const configure = (peer?: object) =>
      both.relay.reconfigure(
        'server.yaml',
        text.replace(
          /^relay:\n(?: .*\n)+/m,
          stringify({
            relay: {
              secretFile: 'relay/secrets',
              addresses: [relayAddress],
              ports: [{ first: passive, last: passive, ...(peer && { peer }) }],
              connectTimeoutSeconds: 10,
            },
          }),
        ),
      )
    await configure()
    const up = await strayTo(passive)
    up.end('patience')
    await client.send('STOR file')
    await configure({ address: ownerAddress, port: both.relayPort })
    expect((await client.reply()).code).toBe(226)
    expect(await readFile(join(both.owner.root, 'file'), 'utf8')).toBe('patience')
  })

  it('has its place, whoever connects to ports that are nobody’s yet', async () => {
    const unowned = relayPassivePorts.last + 1
    const both = await relayed({ unowned: { first: unowned, last: unowned } })
    const strangers = await Promise.all(
      Array.from({ length: 100 }, async () => (await strayTo(unowned, '127.0.0.66')).resume()),
    )
    await eventually(() => strangers.filter(({ closed }) => closed).length === 36, 'those over 64 are refused at once')
    const client = await session(both)
    const up = await strayTo(extendedPassivePort(await client.send('EPSV')))
    await client.send('STOR file')
    up.end('x')
    expect((await client.reply()).code).toBe(226)
    await eventually(() => strangers.every(({ closed }) => closed), 'the others are as well, in time')
    expect(await metric(both.relay, relayAddress, 'ftp_relay_failures_total', 'owner-unknown')).toBe(100)
  })

  it('is reset where the owner is gone, and counted', async () => {
    const both = await relayed()
    const client = await session(both)
    const passive = extendedPassivePort(await client.send('EPSV'))
    for (const connection of both.owner.application.server.connections) connection.cutOff('the test goes on')
    await both.owner.application.stop()
    await expectReset(passive)
    expect(await metric(both.relay, relayAddress, 'ftp_relay_failures_total', 'owner-refused')).toBe(1)
  })

  it('is no more at once than may be', async () => {
    const both = await relayed({ relay: { maxConnections: 1 } })
    const client = await session(both)
    const up = await strayTo(extendedPassivePort(await client.send('EPSV')))
    await client.send('STOR file')
    up.write('x')
    await eventually(async () => (await metric(both.relay, relayAddress, 'ftp_relays_active')) === 1, 'it has begun')
    const second = await session(both)
    await expectReset(extendedPassivePort(await second.send('EPSV')))
    up.end()
    expect((await client.reply()).code).toBe(226)
  })

  it('comes with the address that a proxy in front has said', async () => {
    const proxy = '127.0.0.9'
    const both = await relayed({
      server: {
        passive: { ports: relayPassivePorts, proxyProtocol: { trustedNetworks: [proxy] } },
      },
    })
    const client = await session(both, '127.0.0.7')
    const up = await strayTo(extendedPassivePort(await client.send('EPSV')), proxy)
    up.write(headerV2(endsOf('127.0.0.7', '192.0.2.1')))
    up.end('by proxy')
    await client.send('STOR file')
    expect((await client.reply()).code).toBe(226)
    expect(await readFile(join(both.owner.root, 'file'), 'utf8')).toBe('by proxy')
  })
})

describe('At the port for what is relayed', () => {
  const nonce = () => randomBytes(16)

  /** Waits on a port, and tries to come to it by the header. */
  async function handOver(
    both: Relayed,
    header: (port: number) => Uint8Array,
  ): Promise<{ readonly client: FtpClient; readonly data: Socket }> {
    const client = await session(both)
    const port = extendedPassivePort(await client.send('EPSV'))
    const data = await connectTo(both.relayPort, ownerAddress, '127.0.0.66')
    data.write(header(port))
    return { client, data }
  }

  const to = (port: number, client = '127.0.0.1') => endsOf(client, '192.0.2.1', [40_000, port])

  it.each([
    [1, 1],
    [1, 20_000],
    [1, 500_000],
    [2, 1],
    [2, 20_000],
    [2, 500_000],
  ])(
    'with %i process(es), who comes late with a whole file of %i bytes behind the header and its end is taken',
    async (workers, bytes) => {
      const both = await relayed({ workers })
      if (workers > 1) {
        const isReady = async () =>
          (await both.owner.status()).workers.filter(({ state }) => state === 'ready').length === 2
        await eventually(isReady, 'the workers are ready')
      }
      const client = await session(both)
      const file = randomBytes(bytes)
      for (const order of ['before', 'after'] as const) {
        const port = extendedPassivePort(await client.send('EPSV'))
        if (order === 'after') expect((await client.send('STOR file')).code).toBe(150)
        const data = await connectTo(both.relayPort, ownerAddress, '127.0.0.66')
        data.resume()
        const header = signedHeader(to(port), { now: Date.now(), nonce: nonce() }, relaySecret)
        data.end(Buffer.concat([header, file]))
        if (order === 'before') expect((await client.send('STOR file')).code).toBe(150)
        expect((await client.reply()).code).toBe(226)
        expect((await readFile(join(both.owner.root, 'file'))).equals(file)).toBe(true)
      }
    },
  )

  async function expectRefused(both: Relayed, header: (port: number) => Uint8Array, reason: string): Promise<void> {
    const { client, data } = await handOver(both, header)
    expect((await readAll(data).catch(() => Buffer.alloc(0))).length).toBe(0)
    await eventually(() => refusals(both).includes(reason), `it was refused as ${reason}`)
    // The client is not harmed.
    const up = await strayTo(extendedPassivePort(await client.send('EPSV')))
    await client.send('STOR file')
    up.end('whole')
    expect((await client.reply()).code).toBe(226)
  }

  it('who knows the secret is believed', async () => {
    const both = await relayed()
    const { client, data } = await handOver(both, port =>
      signedHeader(to(port), { now: Date.now(), nonce: nonce() }, relaySecret),
    )
    await client.send('STOR file')
    data.end('signed')
    expect((await client.reply()).code).toBe(226)
  })

  it.each<[string, (port: number) => Uint8Array, string]>([
    [
      'with another secret',
      port => signedHeader(to(port), { now: Date.now(), nonce: nonce() }, 'x'.repeat(40)),
      'unsigned',
    ],
    ['without signature', port => headerV2(to(port)), 'unsigned'],
    [
      'with a signature of zeros',
      port => headerV2(to(port), { fields: [{ type: 0xe7, value: Buffer.alloc(57, 1) }] }),
      'unsigned',
    ],
    [
      'from an hour ago',
      port => signedHeader(to(port), { now: Date.now() - 3_600_000, nonce: nonce() }, relaySecret),
      'stale',
    ],
    [
      'from the future',
      port => signedHeader(to(port), { now: Date.now() + 3_600_000, nonce: nonce() }, relaySecret),
      'stale',
    ],
    ['with a command', () => Buffer.from('USER alice\r\n'), 'no-header'],
    ['with a header of version 1', () => Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n'), 'unsigned'],
    [
      'with a header that is too long',
      () => Buffer.concat([headerV2(undefined).subarray(0, 14), Buffer.from([255, 255])]),
      'no-header',
    ],
    [
      'for a port that nobody waits on',
      () => signedHeader(to(1), { now: Date.now(), nonce: nonce() }, relaySecret),
      'not-awaited',
    ],
  ])('who comes %s is refused', async (_, header, reason) => {
    await expectRefused(await relayed(), header, reason)
  })

  it('a header is believed once', async () => {
    const both = await relayed()
    const once = nonce()
    const now = Date.now()
    const header = (port: number) => signedHeader(to(port), { now, nonce: once }, relaySecret)
    const { client, data } = await handOver(both, header)
    await client.send('STOR first')
    data.end('x')
    expect((await client.reply()).code).toBe(226)
    await expectRefused(both, header, 'replayed')
  })

  it('a signed header is for the address it names, and no other', async () => {
    const both = await relayed()
    const { data } = await handOver(both, port =>
      signedHeader(to(port, '203.0.113.9'), { now: Date.now(), nonce: nonce() }, relaySecret),
    )
    expect((await readAll(data).catch(() => Buffer.alloc(0))).length).toBe(0)
    await eventually(() => both.owner.log().some(({ from }) => from === '203.0.113.9'), 'it was told')
  })

  it('a flood of connections that say nothing keeps no more than 256, for a bounded time, and costs clients nothing for longer', async () => {
    const both = await relayed({ ownerLimits: { proxyHeaderTimeoutSeconds: 1 } })
    const silent = await Promise.all(
      Array.from({ length: 300 }, () => connectTo(both.relayPort, ownerAddress, '127.0.0.66')),
    )
    await eventually(() => refusals(both).includes('too-many'), 'some were refused')
    await eventually(() => silent.every(socket => socket.resume().closed), 'all are closed')
    const client = await session(both)
    const up = await strayTo(extendedPassivePort(await client.send('EPSV')))
    await client.send('STOR file')
    up.end('whole')
    expect((await client.reply()).code).toBe(226)
  })

  it('several secrets count while they are changed', async () => {
    const both = await relayed()
    const upload = async () => {
      const client = await session(both)
      const up = await strayTo(extendedPassivePort(await client.send('EPSV')))
      await client.send('STOR file')
      up.end('x')
      return (await client.reply()).code
    }
    const next = 'the next secret, of thirty-two characters at least'
    const steps: readonly [TestServer, string][] = [
      [both.owner, `${relaySecret}\n${next}\n`],
      [both.relay, `${next}\n${relaySecret}\n`],
      [both.owner, next],
    ]
    for (const [server, secrets] of steps) {
      await server.reconfigure('relay/secrets', secrets)
      expect(await upload()).toBe(226)
    }
    await both.relay.reconfigure('relay/secrets', 'x'.repeat(32))
    const client = await session(both)
    await expectReset(extendedPassivePort(await client.send('EPSV')))
  })

  it('secrets that are too short are refused, and the last good ones stay', async () => {
    const both = await relayed()
    await both.owner.configure('relay/secrets', 'short')
    await eventually(
      async () => (await both.owner.status()).problems.some(({ path }) => path === 'relay.secretFile'),
      'the problem is told',
    )
    const client = await session(both)
    const up = await strayTo(extendedPassivePort(await client.send('EPSV')))
    await client.send('STOR file')
    up.end('x')
    expect((await client.reply()).code).toBe(226)
  })
})

describe('A port of another server that somebody has', () => {
  it('is a problem that is told, and taken as soon as it is free', async () => {
    const taken = await freePort(relayAddress)
    const squatter = createServer().listen(taken, relayAddress)
    onTestFinished(() => void squatter.close())
    await eventually(() => squatter.listening, 'it is taken')
    const { relay } = await relayed({ ports: { first: taken, last: taken } })
    expect((await relay.status()).problems).toMatchObject([{ path: 'relay.ports[0]' }])
    squatter.close()
    await eventually(async () => (await relay.status()).problems.length === 0, 'it is open')
  })
})
