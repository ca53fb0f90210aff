/** FEAT lists what a session may use and nothing else, and so do HELP and SITE HELP: held against what is answered, in each kind of session. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissionWords, roles } from '../../server/config/schema/permissions.ts'
import { hasIpv6 } from '../support/clients/availability.ts'
import { layOut } from '../support/conformance/conformance.ts'
import { type Claim, claimsTo, type Probe } from '../support/feature-claims.ts'
import { FtpClient, type FtpReply } from '../support/ftp-client.ts'
import { startReversibleTls } from '../support/reversible-tls.ts'
import { simpleUser, startServer, type TestServer, type TestServerOptions } from '../support/server.ts'
import { listenerWith } from '../support/sessions.ts'

/** How a session came about; what it has in the end is what counts. */
type Kind = {
  readonly begin: (server: TestServer, user: string) => Promise<FtpClient>
  /** Whether data connections are under TLS. */
  readonly data?: 'private'
}

const connect = (server: TestServer): Promise<FtpClient> => FtpClient.connect(server.port)

async function logIn(server: TestServer, user: string): Promise<FtpClient> {
  const client = await connect(server)
  await client.login(user)
  return client
}

async function logInSecurely(server: TestServer, user: string): Promise<FtpClient> {
  const client = await connect(server)
  await client.loginSecurely({}, user)
  return client
}

async function logInImplicitly(server: TestServer, user: string): Promise<FtpClient> {
  const client = await FtpClient.connectImplicit(server.port)
  await client.login(user)
  return client
}

/** Logged in under TLS, which CCC has ended. */
async function logInAndClear(server: TestServer, user: string): Promise<FtpClient> {
  const client = await connect(server)
  const endTls = await startReversibleTls(client)
  await client.login(user)
  for (const line of ['PBSZ 0', 'PROT P', 'CCC']) await client.send(line)
  return await endTls()
}

function after(begin: Kind['begin'], ...lines: readonly string[]): Kind['begin'] {
  return async (server, user) => {
    const client = await begin(server, user)
    for (const line of lines) expect((await client.send(line)).code, line).toBeLessThan(400)
    return client
  }
}

const stranger: Kind = { begin: connect }
const clear: Kind = { begin: logIn }
const secured: Kind = { begin: logInSecurely, data: 'private' }
const cleared: Kind = { begin: logInAndClear, data: 'private' }
const strangerUnderTls: Kind = {
  async begin(server) {
    const client = await connect(server)
    await client.startTls()
    return client
  },
}

const kinds: Readonly<Record<string, Kind>> = {
  'before login': stranger,
  'before login, under TLS': strangerUnderTls,
  'between USER and PASS': { begin: after(connect, 'USER alice') },
  'after login': clear,
  'after login, under TLS': secured,
  'after CCC': cleared,
  'after REIN': { begin: after(logIn, 'REIN') },
  'after REIN, which has ended TLS': {
    async begin(server, user) {
      const client = await connect(server)
      const endTls = await startReversibleTls(client)
      await client.login(user)
      await client.send('REIN')
      return await endTls()
    },
  },
  'after EPSV ALL': { begin: after(logIn, 'EPSV ALL') },
  'with MODE B': { begin: after(logIn, 'MODE B', 'MODE S') },
  'with another checksum and facts': { begin: after(logIn, 'OPTS HASH MD5', 'OPTS MLST type;', 'LANG de') },
}

const permissionSets: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(permissionWords.map(word => [`only-${word}`, [word]])),
  ...Object.fromEntries(permissionWords.map(word => [`all-but-${word}`, permissionWords.filter(one => one !== word)])),
  ...roles,
  everything: permissionWords,
  nothing: [],
}

const users = [
  simpleUser('alice'),
  ...Object.entries(permissionSets).map(([name, permissions]) =>
    simpleUser(name, { home: `/${name}`, permissions: [...permissions] }),
  ),
  simpleUser('below', { home: '/below', permissions: [], paths: [{ path: '/dir', role: 'read-write' }] }),
  simpleUser('strict', { home: '/strict', permissions: [...permissionWords], tls: 'required' }),
]

const servers: Readonly<
  Record<string, { readonly server?: Record<string, unknown>; readonly kinds: readonly Kind[] }>
> = {
  'without active connections': { server: { active: { enabled: false } }, kinds: [clear] },
  'without MODE Z': { server: { transfers: { deflate: { enabled: false } } }, kinds: [stranger, clear] },
  'that leaves text as it is': { server: { transfers: { ascii: 'off' } }, kinds: [clear] },
  'without CCC': { server: { tls: { clearCommandChannel: false } }, kinds: [strangerUnderTls, secured] },
  'that follows no links': { server: { storage: { symlinks: { policy: 'deny' } } }, kinds: [clear] },
  'of several processes': {
    server: { workers: 2, limits: { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 } },
    kinds: [stranger, clear],
  },
  'with virtual hosts': {
    server: { hosts: [{ name: 'ftp.example.com', aliases: ['www.example.com'] }] },
    kinds: [stranger, { begin: after(connect, 'HOST ftp.example.com') }, clear, secured],
  },
}

describe('on a server with all that there is', () => {
  const server = serverWith({})

  it.each(Object.entries(kinds))('%s', async (_name, kind) => {
    expect(await contradictions(server(), kind, 'everything')).toEqual([])
  })

  it.each(Object.keys(permissionSets))('a user with %s', async user => {
    expect(await contradictions(server(), clear, user)).toEqual([])
  })

  it('a user who may do something in one directory alone', async () => {
    const inside: Kind = { begin: after(logIn, 'CWD /dir') }
    expect(await contradictions(server(), inside, 'below', 'dir')).toEqual([])
  })

  it('a user whose data must be protected', async () => {
    expect(await contradictions(server(), secured, 'strict')).toEqual([])
  })

  it('somebody who read all of it would find nothing without a use', async () => {
    await layOut(join(server().root, 'everything'))
    const client = await logIn(server(), 'everything')
    const claims = await claimsTo(client)
    client.close()
    // In clear text, on a server without virtual hosts.
    const unusable = ['HOST', 'ADAT', 'MIC', 'CONF', 'ENC', 'MFCT', 'LPRT', 'LPSV', 'LANG NL', 'HASH MD4']
    expect(new Set(claims.filter(({ isMade }) => !isMade).map(({ name }) => name))).toEqual(new Set(unusable))
  })
})

describe.each(Object.entries(servers))('on a server %s', (_name, { server: options = {}, kinds: chosen }) => {
  const server = serverWith({ server: options })

  it.each(chosen.map((kind, number) => [number + 1, kind] as const))('in session %i', async (_number, kind) => {
    expect(await contradictions(server(), kind, 'everything')).toEqual([])
  })
})

describe('on a port', () => {
  it.each([
    ['without TLS', 'disabled', [stranger, clear]],
    ['where TLS is required', 'required', [stranger, strangerUnderTls, secured, cleared]],
    ['with implicit TLS', 'implicit', [{ begin: logInImplicitly, data: 'private' }]],
  ] as const)('%s', async (_name, tls, chosen) => {
    const server = await startServer({ users, volume: 'memory', server: { listeners: await listenerWith(tls) } })
    try {
      for (const kind of chosen) expect(await contradictions(server, kind, 'everything')).toEqual([])
    } finally {
      await server.stop()
    }
  })
})

describe.skipIf(!(await hasIpv6()))('over IPv6', () => {
  it('the commands for IPv4 are not listed, and refused', async () => {
    const server = await startServer({ address: '::1' })
    try {
      const client = await FtpClient.connect(server.port, '::1')
      await client.login()
      const listed = (await client.send('HELP')).lines.slice(1, -1).join(' ').split(/ +/)
      const told = { PASV: 'PASV', PORT: 'PORT 127,0,0,1,200,10', EPSV: 'EPSV', EPRT: 'EPRT |2|::1|50000|' }
      for (const [verb, line] of Object.entries(told)) {
        const isTakenNow = (await client.send(line)).code < 400
        expect([verb, isTakenNow]).toEqual([verb, listed.includes(verb)])
      }
      expect(listed.filter(verb => verb in told).toSorted()).toEqual(['EPRT', 'EPSV'])
      client.close()
    } finally {
      await server.stop()
    }
  })
})

function serverWith(options: TestServerOptions): () => TestServer {
  let server: TestServer | undefined
  beforeAll(async () => {
    const { server: more, ...others } = options
    const limits = { failedLoginDelayMilliseconds: 0 }
    const deflate = { deflate: { enabled: true } }
    server = await startServer({
      users,
      volume: 'memory',
      ...others,
      server: { limits, transfers: deflate, ...more },
    })
  })
  afterAll(() => server?.stop())
  return () => server ?? expect.fail('no server')
}

/** What is listed and refused, and what is not listed and taken. */
async function contradictions(server: TestServer, kind: Kind, user: string, at = ''): Promise<readonly string[]> {
  const layOutAgain = (): Promise<void> => layOut(join(server.root, user, at))
  await layOutAgain()
  const client = await kind.begin(server, user)
  const claims = await claimsTo(client)
  client.close()
  const found: string[] = []
  for (const claim of claims) {
    const answers: FtpReply[] = []
    for (const probe of claim.probes) {
      await layOutAgain()
      const answer = await answerTo(probe, await kind.begin(server, user), kind)
      answers.push(answer)
      if (claim.isMade && isTaken(answer)) break
    }
    found.push(...contradiction(claim, answers))
  }
  return found
}

function contradiction({ name, isMade }: Claim, answers: readonly FtpReply[]): readonly string[] {
  const told = answers.map(({ code, text }) => `${code} ${text}`).join(', ')
  if (isMade) return answers.some(isTaken) ? [] : [`${name} is listed: ${told}`]
  return answers.every(({ code }) => code >= 500) ? [] : [`${name} is not listed: ${told}`]
}

/** Or will be, once the client has done what it is told to do first. */
function isTaken({ code, text }: FtpReply): boolean {
  return code < 400 || code === 530 || code === 503 || code === 533 || / first\b/.test(text)
}

async function answerTo({ send, after: before = [], gets, puts }: Probe, client: FtpClient, { data }: Kind) {
  try {
    const tls = data === undefined ? undefined : {}
    for (const line of before) await client.send(line)
    if ((puts ?? gets) !== undefined && (await client.send('EPSV')).code !== 229) return await client.send(send)
    if (puts !== undefined) return (await client.upload(send, puts, tls)).end
    if (gets !== undefined) return (await client.download(send, tls)).end
    return await client.send(send)
  } finally {
    client.close()
  }
}
