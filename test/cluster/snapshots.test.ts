/** Snapshots of volumes, made and restored by the storage of the cluster, if it has any that can. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { FtpServerStatus } from '../../operator/api/ftp-server.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  getFtpServer,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { untilCondition } from '../support/cluster/conditions.ts'
import { host, type ServerOptions, serverFor } from '../support/cluster/servers.ts'
import { ClusterSession, reachable } from '../support/cluster/sessions.ts'
import { eventually } from '../support/eventually.ts'

type Classes = { readonly storage: string; readonly snapshots: string }

let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess
let access: ClusterAccess
let classes: Classes | undefined

beforeAll(async () => {
  classes = await findClasses()
  if (classes === undefined) return
  access = connectToCluster()
  namespace = await createNamespace('snapshots')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
})
afterAll(async () => {
  await operator?.stop()
  if (namespace !== undefined)
    await kubectl(['-n', namespace.name, 'delete', 'volumesnapshots', '--all', '--timeout=60s'])
  await namespace?.dispose()
  await access?.close()
})

/** Classes of volumes and of snapshots with one driver. */
async function findClasses(): Promise<Classes | undefined> {
  const list = async (kind: string, driver: string): Promise<readonly (readonly [string, string])[]> => {
    const { items } = JSON.parse(await kubectl(['get', kind, '-o', 'json']))
    return items.map((each: Record<string, unknown> & { readonly metadata: { readonly name: string } }) => [
      each.metadata.name,
      each[driver],
    ])
  }
  const served = await kubectl(['api-resources', '--api-group=snapshot.storage.k8s.io', '-o', 'name'])
  if (!served.includes('volumesnapshots.')) return undefined
  const [volumes, snapshots] = [
    await list('storageclasses', 'provisioner'),
    await list('volumesnapshotclasses', 'driver'),
  ]
  const pairs = volumes.flatMap(([storage, provisioner]) =>
    snapshots.flatMap(([name, driver]) => (driver === provisioner ? [{ storage, snapshots: name }] : [])),
  )
  return pairs[0]
}

function snapshotTest(name: string, body: (found: Classes) => Promise<void>, milliseconds: number): void {
  test(
    name,
    async ({ skip }) => {
      if (classes !== undefined) return body(classes)
      const why = 'the cluster has no VolumeSnapshotClass for the driver of a StorageClass'
      console.warn(`NOT RUN, because ${why}: ${name}`)
      skip(why)
    },
    milliseconds,
  )
}

async function serve(
  name: string,
  port: number,
  storage: object,
  spec: object = {},
  annotations: object = {},
): Promise<ServerOptions> {
  const server = { namespace: namespace.name, name, port, firstPort: 31_720 + (port - 2602) * 60 }
  const manifest = serverFor(server, { storage: { retentionPolicy: 'Delete', ...storage }, ...spec })
  await applyYaml({ ...manifest, metadata: { ...manifest.metadata, annotations } })
  onTestFinished(
    async () =>
      void (await kubectl(['-n', server.namespace, 'delete', 'ftp', name, '--ignore-not-found', '--timeout=60s'])),
  )
  await waitForCondition(server.namespace, name)
  await reachable({ host, port })
  return server
}

async function open({ port }: ServerOptions): Promise<ClusterSession> {
  const session = await ClusterSession.open({ host, port })
  onTestFinished(() => session.close())
  return session
}

async function snapshotsOf({ namespace: of, name }: ServerOptions): Promise<ReadonlyMap<string, boolean>> {
  const { items } = JSON.parse(
    await kubectl(['-n', of, 'get', 'volumesnapshots', '-l', `app.kubernetes.io/instance=${name}`, '-o', 'json']),
  )
  return new Map(
    items.map(
      (each: { readonly metadata: { readonly name: string }; readonly status?: { readonly readyToUse?: boolean } }) => [
        each.metadata.name,
        each.status?.readyToUse === true,
      ],
    ),
  )
}

const place = ({ namespace: of, name }: ServerOptions) => ({ cluster: access.cluster, namespace: of, name })

snapshotTest(
  'a snapshot that was asked for is restored into a new server, with the files as they were then, and whole ones only',
  async ({ storage, snapshots }) => {
    const claim = { storageClassName: storage, size: '1Gi' }
    const uploads = { mode: 'Atomic', durability: 'Fsync' }
    const server = await serve('origin', 2602, { claim, snapshots: { className: snapshots } }, { uploads })
    const session = await open(server)
    const [one, other] = [randomBytes(3_000_000), randomBytes(20_000)]
    await session.upload('changed', one)
    await session.command('MKD kept', 257)
    await session.upload('kept/deleted', other)
    const hurry = new AbortController()
    onTestFinished(() => hurry.abort())
    const upload = await (await open(server)).begin('upload', 'under-way', one, hurry.signal)

    await kubectl(['-n', server.namespace, 'annotate', 'ftp', server.name, 'ftp-operator.io/snapshot=before'])
    await untilCondition(
      place(server),
      { type: 'SnapshotsReady', status: 'True', message: /origin-before is ready/ },
      90,
    )
    expect(await snapshotsOf(server)).toEqual(new Map([['origin-before', true]]))
    await session.upload('changed', other)
    await session.command('DELE kept/deleted', 250)
    await session.upload('later', other)
    hurry.abort()
    await upload.finished

    const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'origin-before' }
    const restored = await open(await serve('restored', 2603, { claim: { ...claim, dataSource } }, { uploads }))
    expect((await restored.download('changed')).equals(one)).toBe(true)
    expect((await restored.download('kept/deleted')).equals(other)).toBe(true)
    for (const name of ['later', 'under-way']) await restored.command(`MLST ${name}`, 550)
    // Whoever was about to upload it can go on from there.
    await restored.command('SIZE under-way', 213)
    expect((await session.download('under-way')).equals(one)).toBe(true)
    expect((await session.download('changed')).equals(other)).toBe(true)
  },
  240_000,
)

snapshotTest(
  'a schedule makes one each minute, and keeps as many as are wanted',
  async ({ storage, snapshots }) => {
    const wanted = { schedule: '* * * * *', className: snapshots, retention: { maxCount: 2 } }
    const server = await serve('minutely', 2604, {
      claim: { storageClassName: storage, size: '1Gi' },
      snapshots: wanted,
    })
    const seen = new Set<string>()
    await eventually(
      async () => {
        for (const [name, isReady] of await snapshotsOf(server)) if (isReady) seen.add(name)
        return seen.size >= 3
      },
      'three were ready',
      240_000,
    )
    const left = await eventually(
      async () => {
        const all = await snapshotsOf(server)
        return all.size === 2 && [...all.values()].every(Boolean) && [...all.keys()]
      },
      'two are left',
      60_000,
    )
    expect([...seen].every(name => /^minutely-\d{8}t\d{4}z$/.test(name))).toBe(true)
    expect(left).not.toContain([...seen].toSorted()[0])
    await untilCondition(place(server), { type: 'SnapshotsReady', status: 'True', reason: /^SnapshotReady$/ })
    const status = (await getFtpServer(access.cluster, server.namespace, server.name))?.['status'] as FtpServerStatus
    expect(left).toContain(status.storage?.snapshots?.lastSuccessfulName)
    // They are backups: they outlive what they are of.
    await kubectl(['-n', server.namespace, 'delete', 'ftp', server.name, '--timeout=60s'])
    const after = await snapshotsOf(server)
    expect(after.size).toBeGreaterThan(0)
  },
  400_000,
)
