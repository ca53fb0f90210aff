/** How data connections are set up: PASV and PORT of RFC 959, EPSV and EPRT of RFC 2428, bounce protection of RFC 2577. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  connectTo,
  extendedPassivePort,
  hostPort,
  listenForData,
  nobodyAt,
  passiveTarget,
} from '../support/data-ports.ts'
import { eventually } from '../support/eventually.ts'
import { readAll } from '../support/ftp-client.ts'
import { freePort, startServer, type TestServer } from '../support/server.ts'
import { loggedIn, temporaryServer } from '../support/sessions.ts'
import { takePort } from '../support/taken-port.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
  await writeFile(join(server.root, 'file'), 'content')
})
afterAll(() => server.stop())

describe('passive data connections', () => {
  it('go to the address and port that PASV names in parentheses', async () => {
    const client = await loggedIn(server)
    const { address, port } = passiveTarget(await client.send('PASV'))
    expect(address).toBe('127.0.0.1')
    const data = await connectTo(port)
    expect((await client.send('RETR file')).code).toBe(150)
    expect((await readAll(data)).toString()).toBe('content')
    expect((await client.reply()).code).toBe(226)
  })

  it('serve one transfer each', async () => {
    const client = await loggedIn(server)
    expect((await client.download('RETR file')).end.code).toBe(226)
    expect((await client.send('RETR file')).code).toBe(425)
    // One that is refused uses it up as well.
    await client.passive()
    expect((await client.send('RETR missing')).code).toBe(550)
    expect((await client.send('RETR file')).code).toBe(425)
  })

  it('are replaced by a second PASV, at whose first port nobody is any more', async () => {
    const client = await loggedIn(server)
    const first = passiveTarget(await client.send('PASV'))
    const second = passiveTarget(await client.send('PASV'))
    expect(second.port).not.toBe(first.port)
    await nobodyAt(first.port)
    const data = await connectTo(second.port)
    await client.send('RETR file')
    expect((await readAll(data)).toString()).toBe('content')
  })

  it('are replaced by PORT, and replace it', async () => {
    const client = await loggedIn(server)
    const active = await listenForData()
    const passive = passiveTarget(await client.send('PASV'))
    await client.send(`PORT ${hostPort(active.port)}`)
    await nobodyAt(passive.port)
    await client.send('RETR file')
    expect((await readAll(await active.accepted)).toString()).toBe('content')
    expect((await client.reply()).code).toBe(226)
    await client.send(`PORT ${hostPort(active.port)}`)
    expect((await client.download('RETR file')).bytes.toString()).toBe('content')
  })

  it('are at random ports', async () => {
    const client = await loggedIn(server)
    const ports: number[] = []
    while (ports.length < 20) ports.push(extendedPassivePort(await client.send('EPSV')))
    const steps = new Set(ports.slice(1).map((port, index) => port - (ports[index] ?? 0)))
    expect(new Set(ports).size).toBeGreaterThan(10)
    expect(steps.size).toBeGreaterThan(10)
  })

  it('end with the session', async () => {
    const client = await loggedIn(server)
    const port = extendedPassivePort(await client.send('EPSV'))
    await client.send('QUIT')
    await client.closed()
    await eventually(async () => (await connectTo(port).catch(() => 'refused')) === 'refused', 'the port is closed')
  })

  it('of others are dropped, and the port still serves its client', async () => {
    const client = await loggedIn(server)
    const { port } = passiveTarget(await client.send('PASV'))
    const stranger = await connectTo(port, '127.0.0.1', '127.0.0.2')
    expect((await readAll(stranger).catch(() => Buffer.alloc(0))).length).toBe(0)
    const data = await connectTo(port)
    await client.send('RETR file')
    expect((await readAll(data)).toString()).toBe('content')
    expect((await client.reply()).code).toBe(226)
  })

  it('are answered with 425 when nobody comes in time', async () => {
    const impatient = await temporaryServer({ server: { limits: { passiveAcceptTimeoutSeconds: 1 } } })
    const client = await loggedIn(impatient)
    await client.send('EPSV')
    expect((await client.send('LIST')).code).toBe(150)
    expect((await client.reply()).code).toBe(425)
    expect((await client.send('LIST')).code).toBe(425)
  })

  it('that nobody used in time are gone: the next transfer is refused at once, not after 150', async () => {
    const impatient = await temporaryServer({ server: { limits: { passiveAcceptTimeoutSeconds: 1 } } })
    const client = await loggedIn(impatient)
    await client.send('EPSV')
    await eventually(async () => (await client.send('STAT')).lines.includes(' Data connection: none'), 'STAT tells it')
    expect((await client.send('RETR file')).code).toBe(425)
    expect((await client.send('NOOP')).code).toBe(200)
  })

  it('are told by the advertised address and port, by the client’s network', async () => {
    const only = await freePort('127.0.0.1')
    const mapped = await temporaryServer({
      server: {
        passive: {
          ports: { first: only, last: only },
          advertisedAddress: '192.0.2.1',
          advertisedAddresses: [{ clients: ['127.0.0.1/32'], address: '198.51.100.7' }],
          advertisedPorts: [{ port: only, advertised: 61_000 }],
        },
      },
    })
    const client = await loggedIn(mapped)
    expect(passiveTarget(await client.send('PASV'))).toEqual({ address: '198.51.100.7', port: 61_000 })
    expect(extendedPassivePort(await client.send('EPSV'))).toBe(61_000)
    const data = await connectTo(only)
    await client.send('NLST')
    expect((await readAll(data)).length).toBe(0)
  })

  it('wait with 425 while the advertised address is pending, and when no port is free', async () => {
    const pending = await temporaryServer({ server: { passive: { advertisedAddress: 'pending' } } })
    const waiting = await loggedIn(pending)
    expect((await waiting.send('PASV')).code).toBe(425)
    expect((await waiting.send('EPSV')).code).toBe(425)
    const only = await freePort('127.0.0.1')
    const narrow = await temporaryServer({
      server: { passive: { ports: { first: only, last: only }, portWaitSeconds: 0 } },
    })
    const first = await loggedIn(narrow)
    const second = await loggedIn(narrow)
    expect((await first.send('EPSV')).code).toBe(229)
    expect((await second.send('EPSV')).code).toBe(425)
    expect(narrow.log()).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'no passive port is free', suppressed: 0 }),
    )
    await first.send('ABOR')
    await eventually(async () => (await second.send('EPSV')).code === 229, 'the port is free again')
  })

  it('get 425 where another program has all ports, and the log says so', async () => {
    const { port: taken } = await takePort()
    const crowded = await temporaryServer({
      server: { passive: { ports: { first: taken, last: taken }, portWaitSeconds: 0 } },
    })
    const client = await loggedIn(crowded)
    expect((await client.send('EPSV')).code).toBe(425)
    const reason = `listen EADDRINUSE: address already in use 127.0.0.1:${taken}`
    expect(crowded.log()).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'no passive port is free', reason }),
    )
  })
})

describe('EPSV ALL', () => {
  it('forbids every other way, even after an aborted transfer, until REIN', async () => {
    const client = await loggedIn(server)
    expect((await client.send('EPSV ALL')).code).toBe(200)
    await client.passive()
    expect((await client.send('STOR new')).code).toBe(150)
    client.write('ABOR\r\n')
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
    for (const line of ['PASV', `PORT ${hostPort(50_000)}`, 'EPRT |1|127.0.0.1|50000|']) {
      expect((await client.send(line)).code, line).toBe(501)
    }
    await client.send('REIN')
    await client.login()
    expect((await client.send('PASV')).code).toBe(227)
  })
})

describe('active data connections', () => {
  it('come from the server to where PORT and EPRT say', async () => {
    const client = await loggedIn(server)
    for (const command of [
      (port: number) => `PORT ${hostPort(port)}`,
      (port: number) => `EPRT |1|127.0.0.1|${port}|`,
    ]) {
      const { port, accepted } = await listenForData()
      expect((await client.send(command(port))).code).toBe(200)
      expect((await client.send('RETR file')).code).toBe(150)
      const data = await accepted
      expect(data.remoteAddress).toBe('127.0.0.1')
      expect((await readAll(data)).toString()).toBe('content')
      expect((await client.reply()).code).toBe(226)
      expect((await client.send('RETR file')).code).toBe(425)
    }
  })

  it('go to the client itself where the address is left open, as lftp does over loopback', async () => {
    const client = await loggedIn(server)
    for (const command of [
      (port: number) => `PORT 0,0,0,0,${port >> 8},${port & 255}`,
      (port: number) => `EPRT |1|0.0.0.0|${port}|`,
      (port: number) => `EPRT |2|::|${port}|`,
    ]) {
      const { port, accepted } = await listenForData()
      expect((await client.send(command(port))).code).toBe(200)
      expect((await client.send('RETR file')).code).toBe(150)
      expect((await readAll(await accepted)).toString()).toBe('content')
      expect((await client.reply()).code).toBe(226)
    }
  })

  it('are answered with 425 where nobody listens', async () => {
    const client = await loggedIn(server)
    const port = extendedPassivePort(await client.send('EPSV'))
    await client.send('ABOR')
    await client.send(`PORT ${hostPort(port)}`)
    expect((await client.send('LIST')).code).toBe(150)
    expect((await client.reply()).code).toBe(425)
  })

  it('are refused where they are disabled, and FEAT does not name them', async () => {
    const passiveOnly = await temporaryServer({ server: { active: { enabled: false } } })
    const client = await loggedIn(passiveOnly)
    expect((await client.send('PORT 127,0,0,1,200,10')).code).toBe(502)
    expect((await client.send('EPRT |1|127.0.0.1|50000|')).code).toBe(502)
    expect((await client.send('FEAT')).lines).not.toContain(' EPRT')
  })
})

describe('over IPv6', () => {
  it('EPSV and EPRT work, PASV does not', async () => {
    const server6 = await temporaryServer({ address: '::1' })
    const client = await loggedIn(server6, 'alice', '::1')
    expect((await client.send('PASV')).code).toBe(425)
    expect((await client.send('EPSV 1')).text).toMatch(/ \(2\)$/)
    expect((await client.send('EPSV 2')).code).toBe(229)
    const data = await connectTo(extendedPassivePort(await client.send('EPSV')), '::1')
    await client.send('STOR file')
    data.end('six')
    expect((await client.reply()).code).toBe(226)
    const { port, accepted } = await listenForData('::1')
    expect((await client.send(`EPRT |2|::1|${port}|`)).code).toBe(200)
    await client.send('RETR file')
    expect((await readAll(await accepted)).toString()).toBe('six')
    expect((await client.reply()).code).toBe(226)
    expect((await client.send('EPRT |1|127.0.0.1|50000|')).code).toBe(501)
  })
})
