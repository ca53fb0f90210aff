/** Two hundred clients at once over five passive ports: no transfer fails, in clear text and under TLS, from many addresses and from one. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectTo, extendedPassivePort } from '../support/data-ports.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'
import { freePortRange, simpleUser, type TestServer } from '../support/server.ts'
import { temporaryServer } from '../support/sessions.ts'

const clients = 200
const rounds = 3
const portCount = 5
/** Clients and server do some thousand handshakes in one process, perhaps on a machine that is busy otherwise. */
const patienceSeconds = 60

async function crowded(workers: number): Promise<TestServer> {
  return temporaryServer({
    users: Array.from({ length: clients }, (_, index) => simpleUser(`user${index}`, { home: `/${index}` })),
    server: {
      workers,
      passive: { ports: await freePortRange(portCount), portWaitSeconds: patienceSeconds },
      limits: {
        maxSessionsPerAddress: clients,
        failedLoginDelayMilliseconds: 0,
        handshakeTimeoutSeconds: patienceSeconds,
        passiveAcceptTimeoutSeconds: patienceSeconds,
      },
    },
  })
}

type Client = { readonly client: FtpClient; readonly localAddress: string }
type How = { readonly addresses: 'one' | 'many'; readonly protection: 'clear' | 'tls' }

async function loggedIn(port: number, index: number, { addresses, protection }: How): Promise<Client> {
  const localAddress = addresses === 'one' ? '127.0.0.1' : `127.0.${1 + Math.floor(index / 100)}.${1 + (index % 100)}`
  const deadlineMilliseconds = patienceSeconds * 1000
  const client = await FtpClient.connect(port, '127.0.0.1', { localAddress, deadlineMilliseconds })
  onTestFinished(() => client.close())
  if (protection === 'clear') await client.login(`user${index}`)
  else await client.loginSecurely({}, `user${index}`)
  await client.send('TYPE I')
  return { client, localAddress }
}

/** What its client has read is what it has stored, and nobody else's. */
async function transfer({ client, localAddress }: Client, index: number, { protection }: How): Promise<number[]> {
  const codes: number[] = []
  const open = async (command: string) => {
    const raw = await connectTo(extendedPassivePort(await client.send('EPSV')), '127.0.0.1', localAddress)
    codes.push((await client.send(command)).code)
    return protection === 'clear' ? raw : client.protect(raw)
  }
  for (let round = 0; round < rounds; round += 1) {
    const content = Buffer.alloc(20_000, `${index} ${round} `)
    const up = await open('STOR file')
    up.resume()
    up.end(content)
    codes.push((await client.reply()).code)
    const received = await readAll(await open('RETR file'))
    codes.push((await client.reply()).code)
    expect(received.equals(content), `what ${index} reads is its own`).toBe(true)
  }
  client.close()
  return codes
}

describe.each([1, 2])('With %i process(es)', workers => {
  it.each<How>([
    { addresses: 'many', protection: 'clear' },
    { addresses: 'one', protection: 'clear' },
    { addresses: 'many', protection: 'tls' },
    { addresses: 'one', protection: 'tls' },
  ])(
    '$addresses address(es), $protection',
    async how => {
      const server = await crowded(workers)
      const users = await Promise.all(Array.from({ length: clients }, (_, index) => loggedIn(server.port, index, how)))
      const codes = await Promise.all(users.map((user, index) => transfer(user, index, how)))
      expect(new Set(codes.flat())).toEqual(new Set([150, 226]))
      expect(codes.flat()).toHaveLength(clients * rounds * 4)
    },
    180_000,
  )
})
