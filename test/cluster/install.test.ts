/** What a stranger does, step by step, where the standard `restricted` is enforced. */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { helm } from '../chart/helm.ts'
import { basicFtp, withBasicFtp } from '../support/clients/basic-ftp.ts'
import type { Connection, FoundClient, RealClient, Target } from '../support/clients/client.ts'
import { findCurl } from '../support/clients/curl.ts'
import { findLftp } from '../support/clients/lftp.ts'
import { run } from '../support/clients/process.ts'
import { expectBytes } from '../support/clients/scenario.ts'
import { applyYaml, createNamespace, image, kubectl, waitForCondition } from '../support/cluster/cluster.ts'
import { deniedRequests, leaders, operatorPods } from '../support/cluster/operator-pods.ts'
import { podsOf } from '../support/cluster/pods.ts'
import { type Release, release } from '../support/cluster/release.ts'
import { eventually } from '../support/eventually.ts'
import { readmeCommands, readmeExample } from '../support/readme.ts'

type Namespace = Awaited<ReturnType<typeof createNamespace>>

const colon = image.lastIndexOf(':')
let operators: Namespace
let servers: Namespace
let installed: Release
let local: string

const values = () => ({
  image: { repository: image.slice(0, colon), tag: image.slice(colon + 1) },
  replicas: 2,
  // Without it, the operator would look after the servers of other tests.
  namespaces: [servers.name],
  // All tests share one definition; that of a chart is in test/chart/release.test.ts.
  crds: { enabled: false },
})

beforeAll(async () => {
  local = await mkdtemp(join(tmpdir(), 'install-'))
  operators = await createNamespace('install-operator')
  servers = await createNamespace('install')
  const flags = ['--wait', '--timeout=120s']
  installed = release({ name: 'ftp-operator', namespace: operators.name, program: helm, flags })
})
afterAll(async () => {
  // It has roles that belong to no namespace.
  await installed?.uninstall().catch(() => undefined)
  await Promise.all([operators?.dispose(), servers?.dispose(), rm(local, { recursive: true, force: true })])
})

const inServers = (...parameters: readonly string[]) => kubectl(['-n', servers.name, ...parameters])
const patch = (spec: object) => inServers('patch', 'ftp', 'uploads', '--type=merge', '-p', JSON.stringify({ spec }))
const statusOf = (path: string) => inServers('get', 'ftp', 'uploads', '-o', `jsonpath={.status.${path}}`)

/** The server at the address that its status tells, with the certificate that the operator made for it. */
async function target(connection: Connection, user = 'alice'): Promise<Target> {
  const { hostname, port } = new URL(await statusOf('endpoints[0].url'))
  const authority = join(local, 'authority.crt')
  const certificate = await inServers('get', 'secret', 'uploads-tls', '-o', 'jsonpath={.data.tls\\.crt}')
  await writeFile(authority, Buffer.from(certificate, 'base64'))
  // URL leaves out the port of the scheme itself.
  return { ...connection, host: hostname, port: Number(port || 21), user, password: 'change-me', authority }
}

function found(client: FoundClient): RealClient {
  if ('missing' in client) throw new Error(client.missing)
  return client.client
}

const tls13 = { protection: 'explicit TLS 1.3', data: 'EPSV', family: 'IPv4' } as const

describe('A stranger', () => {
  test('installs the chart: two operators, one of which leads', async () => {
    expect(await installed.install(values())).toContain(`looks after FtpServers in ${servers.name}`)
    expect(await operatorPods(operators.name)).toHaveLength(2)
    await eventually(async () => (await leaders(operators.name)).length === 1, 'one leads', 20_000)
  })

  test('pastes the commands of the README: within 20 seconds the server is ready and has a first file', async () => {
    // In the namespace of the context, as people have chosen theirs.
    const kubeconfig = join(local, 'kubeconfig')
    await writeFile(kubeconfig, await kubectl(['config', 'view', '--raw', '--minify', '--flatten']))
    await kubectl(['--kubeconfig', kubeconfig, 'config', 'set-context', '--current', '--namespace', servers.name])
    const environment = { KUBECONFIG: kubeconfig, HOME: local }
    const since = performance.now()
    await run('bash', ['-e', '-c', await readmeCommands()], { environment, deadlineMilliseconds: 20_000 })
    console.info(`ready, and a file uploaded, ${((performance.now() - since) / 1000).toFixed(1)} s after kubectl apply`)
    expect(JSON.parse(await statusOf('users'))).toEqual({ total: 2, accepted: 2, rejected: 0 })
  })

  const clients: readonly (readonly [string, () => Promise<RealClient>, Connection])[] = [
    ['curl', async () => found(await findCurl()), tls13],
    ['lftp', async () => found(await findLftp()), { ...tls13, data: 'PASV' }],
    ['basic-ftp', async () => basicFtp, { ...tls13, protection: 'explicit TLS 1.2' }],
  ]
  test.for(clients)(
    'uploads, lists, downloads and compares 100 files by FTPS with %s',
    async ([name, find, connection]) => {
      const directory = join(local, name)
      await mkdir(directory)
      const files = Array.from({ length: 100 }, (_, index) => ({
        name: `${name}-${index}`,
        bytes: randomBytes(1 + 997 * index),
      }))
      await Promise.all(files.map(file => writeFile(join(directory, file.name), file.bytes)))
      const client = await find()
      await client.run(
        await target(connection),
        [
          ...files.map(file => ({ do: 'upload', local: join(directory, file.name), remote: file.name }) as const),
          { do: 'list', style: 'names', into: join(directory, 'listing') },
          ...files.map(
            file => ({ do: 'download', local: join(directory, `${file.name}.back`), remote: file.name }) as const,
          ),
        ],
        { deadlineMilliseconds: 120_000 },
      )
      const listed = (await readFile(join(directory, 'listing'), 'utf8')).split(/\r?\n/)
      expect(listed.filter(line => line.startsWith(name)).toSorted()).toEqual(files.map(file => file.name).toSorted())
      for (const file of files) await expectBytes(join(directory, `${file.name}.back`), file.bytes)
    },
  )
})

describe('Pods of the operator and of servers', () => {
  test('run in namespaces that enforce `restricted`', async () => {
    for (const { name } of [operators, servers]) {
      const privileged = { hostNetwork: true, containers: [{ name: 'a', image }] }
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'privileged', namespace: name }, spec: privileged }
      await expect(applyYaml(pod)).rejects.toThrow(/violates PodSecurity "restricted/)
    }
  })

  test('hold no token where they are servers', async () => {
    const [pod] = await podsOf(servers.name, 'uploads')
    const { spec } = JSON.parse(await inServers('get', 'pod', pod?.name ?? '', '-o', 'json'))
    expect(spec.automountServiceAccountToken).toBe(false)
    expect(JSON.stringify(spec.volumes)).not.toContain('serviceAccountToken')
    const look = 'console.log(fs.existsSync("/var/run/secrets/kubernetes.io"), process.getuid())'
    expect(await inServers('exec', pod?.name ?? '', '--', '/usr/local/bin/node', '-e', look)).toBe('false 65532\n')
  })
})

describe('With the rights that the chart gives', () => {
  test('a server is made, changed, moved to node ports and deleted, and no request is denied', async () => {
    await patch({ banner: 'Changed', limits: { maxSessions: 50 } })
    await patch({ service: { type: 'NodePort' }, networkPolicy: { enabled: true } })
    await waitForCondition(servers.name, 'uploads', 'Ready', 60)
    const { port } = await target(tls13)
    expect(port).toBeGreaterThan(21)
    await found(await findCurl()).run(await target(tls13), [{ do: 'list', style: 'names', into: join(local, 'again') }])
    expect(await readFile(join(local, 'again'), 'utf8')).toContain('lftp-99')
    await inServers('delete', 'ftp', 'uploads', '--timeout=60s')
    const made = ['get', 'deploy,pods,svc,cm,secrets,sa,pdb,netpol,pvc', '-l', 'app.kubernetes.io/instance=uploads']
    await eventually(
      async () => (await inServers(...made, '-o', 'name')) === 'persistentvolumeclaim/uploads-data\n',
      'nothing but the claim is left',
      60_000,
    )
    expect(await deniedRequests(operators.name)).toEqual([])
  })
})

describe('helm upgrade and helm uninstall', () => {
  test('leave servers and their sessions as they are', async () => {
    await inServersApply(await readmeExample())
    await waitForCondition(servers.name, 'uploads', 'Ready', 60)
    const [server] = await podsOf(servers.name, 'uploads')
    const before = await operatorPods(operators.name)
    const session = await target(tls13)
    const file = join(local, 'file')
    await writeFile(file, randomBytes(10_000))
    await withBasicFtp(session, 150_000, async client => {
      await client.uploadFrom(file, 'before')
      await installed.upgrade({ ...values(), logLevel: 'debug' })
      expect((await operatorPods(operators.name)).filter(pod => before.includes(pod))).toEqual([])
      await client.uploadFrom(file, 'upgraded')
      await eventually(async () => (await leaders(operators.name)).length === 1, 'one leads again', 30_000)
      await patch({ users: [] })
      await waitForCondition(servers.name, 'uploads', 'ConfigApplied', 20)
      expect(await statusOf('users.total')).toBe('1')
      expect(await deniedRequests(operators.name)).toEqual([])
      await installed.uninstall()
      await eventually(async () => (await operatorPods(operators.name)).length === 0, 'no operator is left', 30_000)
      await client.uploadFrom(file, 'uninstalled')
      expect(await inServers('get', 'ftp', '-o', 'name')).toBe('ftpserver.ftp-operator.io/uploads\n')
      await found(await findCurl()).run(session, [
        { do: 'download', remote: 'uninstalled', local: join(local, 'back') },
      ])
      await expectBytes(join(local, 'back'), await readFile(file))
    })
    await installed.install(values())
    await patch({ banner: 'Taken up again' })
    await waitForCondition(servers.name, 'uploads', 'Ready', 60)
    expect(await podsOf(servers.name, 'uploads')).toEqual([server])
  })
})

async function inServersApply(yaml: string): Promise<void> {
  await kubectl(['-n', servers.name, 'apply', '-f', '-'], yaml)
}
