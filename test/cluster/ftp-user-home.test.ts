/** Homes that go with their FtpUsers, on a cluster: two replicas with one volume, killed meanwhile, and the next user of the name. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FtpUserStatus, ftpUserResourceKind } from '../../operator/api/ftp-user.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { getsIn, listedUser } from '../support/cluster/login.ts'
import { host, serverFor } from '../support/cluster/servers.ts'
import { reachable } from '../support/cluster/sessions.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'

const port = 27_200
const place = { host, port }
let media: Awaited<ReturnType<typeof createNamespace>>
let access: ClusterAccess
let operator: OperatorProcess

beforeAll(async () => {
  access = connectToCluster()
  media = await createNamespace('ftp-user-home')
  operator = await startOperatorProcess({ namespaces: [media.name] })
  await applyYaml(
    serverFor(
      { namespace: media.name, name: 'uploads', port, firstPort: 27_210 },
      {
        replicas: 2,
        passive: { firstPort: 27_210, portsPerReplica: 20 },
        limits: { failedLoginDelayMilliseconds: 0, maxSessionsPerAddress: 1000 },
        bans: { mode: 'Disabled' },
        drainSeconds: 1,
      },
    ),
  )
  await waitForCondition(media.name, 'uploads', 'Ready', 120)
  await reachable(place)
}, 180_000)

afterAll(async () => {
  // Without an operator nobody lets them go.
  if (media !== undefined) await kubectl(['-n', media.name, 'delete', 'ftpuser', '--all', '--timeout=60s'])
  await operator?.stop()
  await media?.dispose()
  await access?.close()
}, 180_000)

function ftpUser(name: string, password: string, more: Readonly<Record<string, unknown>> = {}) {
  const { passwordHash } = listedUser('x', password)
  return {
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: 'FtpUser',
    metadata: { name, namespace: media.name },
    spec: { serverRefs: [{ name: 'uploads' }], passwordHash, reclaimPolicy: 'Delete', ...more },
  }
}

const ready = (name: string) =>
  kubectl(['-n', media.name, 'wait', '--for=condition=Ready', `ftpuser/${name}`, '--timeout=30s'])
const remove = (name: string) => kubectl(['-n', media.name, 'delete', 'ftpuser', name, '--wait=false'])

async function statusOf(name: string): Promise<FtpUserStatus | undefined> {
  const found = await access.cluster.get(ftpUserResourceKind, { namespace: media.name, name })
  return found?.['status'] as FtpUserStatus | undefined
}

async function gone(name: string, milliseconds: number): Promise<void> {
  const found = () => access.cluster.get(ftpUserResourceKind, { namespace: media.name, name })
  await eventually(async () => (await found()) === undefined, `${name} is gone`, milliseconds)
}

/** By `alice`, who sees all files of the server. */
async function listed(directory: string): Promise<readonly string[]> {
  const client = await FtpClient.connect(port, host)
  try {
    await client.login('alice')
    const data = await client.passive(host)
    await client.send(`NLST ${directory}`)
    const names = (await readAll(data)).toString().split('\r\n').filter(Boolean)
    return names.map(name => name.replace(/^.*\//, ''))
  } finally {
    client.close()
  }
}

/** Code of the reply in the end. */
async function store(session: FtpClient, path: string): Promise<number> {
  const data = await session.passive(host)
  await session.send(`STOR ${path}`)
  data.end('x')
  return (await session.reply()).code
}

/** In a pod, by its shell. */
function inPod(script: string): Promise<string> {
  return kubectl(['-n', media.name, 'exec', 'deploy/uploads-0', '--', 'sh', '-c', script])
}

test('a user goes with the home and all that is in it, out of a running session, and the others keep theirs', async ({
  annotate,
}) => {
  await applyYaml(ftpUser('amy', 'horse'), ftpUser('ben', 'horse'))
  await ready('amy')
  await ready('ben')
  const [amy, ben] = await Promise.all([FtpClient.connect(port, host), FtpClient.connect(port, host)])
  await amy.login('amy', 'horse')
  await ben.login('ben', 'horse')
  for (const session of [amy, ben]) {
    await session.send('TYPE I')
    await session.send('MKD sub')
    expect(await store(session, 'sub/file')).toBe(226)
  }
  expect(await listed('/')).toEqual(expect.arrayContaining(['amy', 'ben']))
  const started = performance.now()
  await remove('amy')
  expect(await amy.closed()).toMatch(/^421 /)
  await gone('amy', 30_000)
  await annotate(`gone after ${Math.round(performance.now() - started)} ms`)
  expect(await listed('/')).not.toContain('amy')
  expect(await listed('/ben/sub')).toHaveLength(1)
  expect((await ben.send('NOOP')).code).toBe(200)
  ben.close()
  // The next user of the name has an empty home, and keeps it.
  await applyYaml(ftpUser('amy', 'battery', { reclaimPolicy: 'Retain' }))
  await ready('amy')
  const next = await FtpClient.connect(port, host)
  await next.login('amy', 'battery')
  expect(await store(next, 'new')).toBe(226)
  next.close()
  await remove('amy')
  await gone('amy', 30_000)
  expect(await listed('/amy')).toHaveLength(1)
  await eventually(async () => !(await getsIn(place, 'amy', 'battery')), 'nobody gets in', 10_000)
}, 120_000)

test('a removal goes on after pods were killed, and the resource waits for it', async ({ annotate }) => {
  await applyYaml(ftpUser('big', 'horse'))
  await ready('big')
  await inPod('mkdir -p /data/big/many && cd /data/big/many && seq 1 30000 | xargs touch')
  const started = performance.now()
  await remove('big')
  const count = async () => Number(await inPod('ls -U /data/big/many 2>/dev/null | wc -l').catch(() => Number.NaN))
  await eventually(async () => (await count()) < 29_000, 'it is being removed', 30_000)
  await kubectl(['-n', media.name, 'delete', 'pod', '--all', '--force', '--grace-period=0', '--wait=false'])
  const { conditions = [] } = (await statusOf('big')) ?? {}
  expect(conditions[0]).toMatchObject({ type: 'Ready', status: 'False' })
  await gone('big', 120_000)
  await annotate(
    `30,000 files gone after ${Math.round(performance.now() - started)} ms, with both pods killed meanwhile`,
  )
  await reachable(place)
  expect(await listed('/')).not.toContain('big')
}, 240_000)

test('a home that somebody else has stays, and so does the resource until it is told to let go', async () => {
  await applyYaml(ftpUser('cat', 'horse', { home: '/cats' }), ftpUser('dog', 'horse', { home: '/cats/and/dogs' }))
  await ready('cat')
  await ready('dog')
  const session = await FtpClient.connect(port, host)
  await session.login('dog', 'horse')
  expect(await store(session, 'bone')).toBe(226)
  await remove('cat')
  await eventually(async () => (await statusOf('cat'))?.conditions?.[0]?.reason === 'HomeInUse', 'it is told', 30_000)
  expect((await statusOf('cat'))?.conditions?.[0]?.message).toContain('user dog')
  const policy = JSON.stringify({ spec: { reclaimPolicy: 'Retain' } })
  await kubectl(['-n', media.name, 'patch', 'ftpuser', 'cat', '--type=merge', '-p', policy])
  await gone('cat', 30_000)
  expect(await listed('/cats/and/dogs')).toHaveLength(1)
  session.close()
}, 120_000)
