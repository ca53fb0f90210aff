/** Data connections go to the client and to nobody else: bounce attacks and SSRF (RFC 2577 section 3), and no reply crosses from one protection to another. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startReversibleTls } from '../support/reversible-tls.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'
import { connected, loggedIn, temporaryServer } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer({ users: [simpleUser('alice')] })
})
afterAll(() => server.stop())

/** Seen from a client at 127.0.0.1. */
const thirdParties = [
  ...['PORT 127,0,0,2,8,73', 'PORT 10,0,0,1,8,73', 'PORT 169,254,169,254,0,80', 'PORT 169,254,169,254,31,144'],
  ...['PORT 192,0,2,1,4,1', 'PORT 224,0,0,1,8,73', 'PORT 255,255,255,255,8,73', 'PORT 127,0,0,1,0,25'],
  ...[
    'PORT 127,0,0,1,3,255',
    'PORT 0,0,0,0,0,25',
    'PORT 127,0,0,1,0,0',
    'PORT 127,0,0,1,1,0,0',
    'PORT 127,0,0,1,256,1',
  ],
  ...[
    'PORT 2130706433,8,73',
    'PORT 127,0,0,01,8',
    'PORT -127,0,0,1,8,73',
    'PORT 0x7f,0,0,1,8,73',
    'PORT 127.0.0.1.8.73',
  ],
  ...['EPRT |1|169.254.169.254|8080|', 'EPRT |1|127.0.0.2|2121|', 'EPRT |2|::1|2121|', 'EPRT |2|fe80::1|2121|'],
  ...[
    'EPRT |2|::ffff:169.254.169.254|8080|',
    'EPRT |2|ff02::1|2121|',
    'EPRT |2|fd00::1|2121|',
    'EPRT |2|fd00:ec2::254|8080|',
    'EPRT |1|127.0.0.1|25|',
  ],
  ...[
    'EPRT |1|localhost|2121|',
    'EPRT |1|127.0.0.1|65536|',
    'EPRT |1|127.1|2121|',
    'EPRT |3|x|2121|',
    'EPRT |2|fe80::1%lo|2121|',
  ],
  ...['LPRT 4,4,10,0,0,1,2,8,73', 'EPRT |1|127.0.0.1|-1|', 'EPRT |1|127.0.0.1|0x849|', 'EPRT |2|::ffff:7f00:1|25|'],
]

describe('PORT and EPRT', () => {
  it.each(thirdParties)('are refused for another address or a port of a service, and open nothing: %s', async line => {
    const client = await loggedIn(server)
    expect([501, 502, 504, 521, 522]).toContain((await client.send(line)).code)
    expect((await client.send('LIST')).code).toBe(425)
  })

  it.each(
    thirdParties.filter(
      line => !line.includes('7f00') && /127,0,0,2|169|224|255,255|\|2\|(?!fd00::)|127\.0\.0\.2/.test(line),
    ),
  )('where other addresses are allowed never name the server, its link, cloud metadata or a group: %s', async line => {
    const open = await temporaryServer({ server: { active: { foreignAddresses: true, privilegedPorts: true } } })
    const client = await loggedIn(open)
    expect([501, 522]).toContain((await client.send(line)).code)
  })
})

it('replies to what was said under TLS are given under TLS: REIN right behind a transfer waits for its 226', async () => {
  const client = await connected(server)
  const endTls = await startReversibleTls(client)
  await client.login()
  await client.send('TYPE I')
  await client.upload('STOR file', 'x'.repeat(100_000))
  const data = await client.passive()
  client.write('RETR file\r\nREIN\r\n')
  expect((await client.reply()).code).toBe(150)
  let bytes = 0
  for await (const chunk of data) bytes += (chunk as Buffer).length
  expect(bytes).toBe(100_000)
  expect([(await client.reply()).code, (await client.reply()).code]).toEqual([226, 220])
  const clear = await endTls()
  expect((await clear.send('PWD')).code).toBe(530)
})
