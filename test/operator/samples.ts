/** FtpServers, and the cluster around them, for the tests of what the operator decides. */
import { parse } from 'yaml'
import type { FtpServer } from '../../operator/api/ftp-server.ts'
import type { FtpUser } from '../../operator/api/ftp-user.ts'
import { createReader, createUserReader } from '../../operator/api/read.ts'
import type { KubernetesObject } from '../../operator/kubernetes/object.ts'
import { readPod, readSource } from '../../operator/observation/live.ts'
import {
  nothingThere,
  type Observation,
  type ObservedPod,
  type ServerReport,
  type Source,
} from '../../operator/observation/observation.ts'

const read = createReader()
const readUser = createUserReader()
const uid = '6a3c1f0e-0000-4000-8000-000000000001'
export const now = Date.parse('2030-01-01T12:00:00Z')
// The hash of a password that nobody needs to know.
export const passwordHash = '$2b$12$abcdefghijklmnopqrstuuJ6l9Vb3kUeFzQm4N9n0Zt1Yw2X3C4D6'

/** A resource as the API server gives it back. Throws if the schema refuses it. */
export function ftpServer(spec: string, metadata: Partial<FtpServer['metadata']> = {}): FtpServer {
  const written = {
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: 'FtpServer',
    metadata: { name: 'uploads', namespace: 'media', uid, generation: 3, ...metadata },
    spec: parse(spec) as unknown,
  }
  const result = read(written)
  if (!result.valid) throw new Error(result.errors.join('\n'))
  return result.value
}

/** The same for an FtpUser of the server that `ftpServer` makes. */
export function ftpUser(name: string, spec: string, metadata: Partial<FtpUser['metadata']> = {}): FtpUser {
  const result = readUser({
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: 'FtpUser',
    metadata: {
      name,
      namespace: 'media',
      uid: `uid-of-${name}`,
      generation: 1,
      creationTimestamp: '2029-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { serverRefs: [{ name: 'uploads', namespace: 'media' }], ...(parse(spec) as object) },
  })
  if (!result.valid) throw new Error(result.errors.join('\n'))
  return result.value
}

/** A cluster in which nothing has been made yet. */
export function observe(server: FtpServer, rest: Partial<Observation> = {}): Observation {
  return {
    now,
    server,
    operator: {
      defaultImage: 'example.com/ftp-operator:1.0.0',
      namespace: 'ftp-operator',
      clusterDomain: 'cluster.local',
      clusterNetworks: [],
    },
    served: { certificate: false, podMonitor: false, prometheusRule: false },
    sources: [],
    users: [],
    ...nothingThere,
    ...rest,
  }
}

export function secret(
  name: string,
  data: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>> = {},
): Source {
  return { kind: 'Secret', name, labels, data: bytes(data) }
}

export function configMap(
  name: string,
  data: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>> = {},
): Source {
  const source = readSource({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data })
  if (source === undefined) throw new Error('no ConfigMap')
  return source
}

function bytes(data: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)]))
}

/** An object that belongs to the server of `ftpServer`. */
export function owned(object: KubernetesObject): KubernetesObject {
  const owner = { apiVersion: 'ftp-operator.io/v1alpha1', kind: 'FtpServer', name: 'uploads', uid, controller: true }
  return { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } }
}

/** The Service as the API server gives it back. */
export function liveService(
  spec: Readonly<Record<string, unknown>>,
  ingress: readonly Readonly<Record<string, string>>[] = [],
): KubernetesObject {
  return owned({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'uploads', namespace: 'media' },
    spec: { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'], ...spec },
    status: { loadBalancer: { ingress } },
  })
}

type PodFacts = {
  readonly replica?: number
  readonly half?: 'a' | 'b'
  readonly ready?: boolean
  readonly terminating?: boolean
  readonly node?: string
  readonly address?: string
  readonly stamp?: string
  readonly report?: ServerReport
}

/** A pod that runs for an hour, by way of what the API server says of it. */
export function pod(facts: PodFacts = {}): ObservedPod {
  const { replica = 0, half = 'a', ready = true, terminating = false, node = 'node-1', stamp } = facts
  const found = readPod(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `uploads-${replica}-${half}`,
        uid: `pod-${replica}-${half}`,
        creationTimestamp: '2030-01-01T11:00:00Z',
        labels: { 'ftp-operator.io/replica': String(replica), 'ftp-operator.io/ports-half': half },
        ...(stamp !== undefined && { annotations: { 'ftp-operator.io/files-hash': stamp } }),
        ...(terminating && { deletionTimestamp: '2030-01-01T11:59:00Z' }),
      },
      spec: { nodeName: node },
      status: {
        phase: 'Running',
        podIP: facts.address ?? '10.244.0.5',
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      },
    },
    facts.report,
  )
  if (found === undefined) throw new Error('no pod of a replica')
  return found
}

export function report(hash: string, rest: Partial<ServerReport> = {}): ServerReport {
  return {
    hash,
    accepted: 1,
    rejectedCount: 0,
    rejected: [],
    problemCount: 0,
    problems: [],
    certificate: undefined,
    removedHomes: [],
    ...rest,
  }
}

export function liveClaim(name: string, accessModes: readonly string[], phase = 'Bound'): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: 'media',
      labels: { 'app.kubernetes.io/managed-by': 'ftp-operator', 'app.kubernetes.io/instance': 'uploads' },
    },
    spec: { accessModes, resources: { requests: { storage: '10Gi' } } },
    status: { phase, capacity: { storage: '10Gi' } },
  }
}

const minimal = `
storage: { claim: { size: 10Gi } }
`

const nodePorts = Array.from({ length: 20 }, (_, index) => ({
  name: `pasv-${20_000 + index}`,
  port: 20_000 + index,
  nodePort: 31_500 + index,
}))

/** One for each way of running a server. */
export const samples: Readonly<Record<string, () => Observation>> = {
  minimal: () => observe(ftpServer(minimal)),
  full: () =>
    observe(
      ftpServer(`
listeners:
  - { name: ftp, port: 21, tls: Required }
  - { name: ftps, port: 990, tls: Implicit, nodePort: 30990, bandwidth: { downloadBytesPerSecond: 100000000 } }
language: French
messages: { welcome: Bonjour, directoryFile: .message }
hosts:
  - { name: acme.example, aliases: [ftp.acme.example], root: /acme, users: Own, banner: Acme, secretName: acme-tls }
  - { name: other.example }
tls:
  selfSigned: { validityDays: 90 }
  dnsNames: [ftp.example.com]
  minVersion: TLSv1.3
  sessionReuse: Disabled
  clientCertificates: { mode: Optional, secretName: partners-ca }
  truncatedUploads: Reject
  strictServerName: true
passive:
  firstPort: 40000
  portsPerReplica: 4
  sharing: Disabled
  portWaitSeconds: 3
  advertisedAddress: ftp.example.com
  advertisedAddresses:
    - { clients: [10.0.0.0/8], address: ClusterIP }
    - { clients: ['2001:db8::/32', 192.0.2.1], address: Auto }
  peerCheck: Disabled
active: { enabled: false }
service:
  annotations: { example.com/scheme: internet-facing }
  labels: { exposed: 'yes' }
  loadBalancerClass: example.com/balancer
  loadBalancerSourceRanges: [198.51.100.0/24, 192.0.2.7, '2001:db8::7']
  proxyProtocol: { trustedNetworks: [10.1.0.0/16, '2001:db8:1::/48'] }
  ipFamilyPolicy: PreferDualStack
  ipFamilies: [IPv4]
  allocateLoadBalancerNodePorts: false
storage:
  claim:
    storageClassName: fast
    size: 100Gi
    accessModes: [ReadWriteMany]
    volumeName: files
    dataSource: { apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: last-night }
    annotations: { example.com/backup: daily }
    labels: { tier: gold }
  retentionPolicy: Delete
  snapshots: { schedule: '0 3 * * *', timeZone: Europe/Berlin, className: csi, retention: { maxCount: 14, maxAgeDays: 30 } }
  subPath: ftp/files
  symlinks: { policy: Inside, extraRoots: [/data/shared] }
  fsGroup: 2000
users:
  - { name: alice, passwordHash: '${passwordHash}', role: ReadOnly, home: /shared }
  - { name: bob@example.com, passwordSecretRef: { name: bob, key: secret }, totpSecretRef: { name: bob-totp }, permissions: [List, Upload] }
  - { name: scanner, clientCertificate: { commonName: scanner-7 } }
usersFrom:
  - secretRef: { name: team-a }
  - configMapRef: { name: team-b, key: people.htpasswd }
anonymous: { enabled: true, home: /pub, role: ReadOnly }
limits: { maxSessions: 200, maxErrorsBeforeLogin: 20, maxTransfers: 100, maxTransfersPerUser: 10, maxFilesPerSession: 5000, maxBytesPerSession: 10737418240, idleTimeoutSeconds: 600 }
bandwidth: { perSession: { uploadBytesPerSecond: 10000000 }, perUser: { downloadBytesPerSecond: 50000000 } }
bans: { mode: Enabled, threshold: 5, exemptNetworks: [192.0.2.0/24] }
banner: Welcome
listing: { timeZone: Europe/Berlin }
uploads: { mode: Atomic, durability: Fsync }
transfers: { ascii: Disabled, deflate: { level: 3, maxLevel: 6, maxRatio: 50, maxTransfers: 8 } }
quotas: [{ path: /partners, maxBytes: 107374182400, maxFiles: 100000 }]
folders:
  - { path: /archive, claimName: archive, role: ReadOnly }
  - { path: /common, target: /common, users: [alice, scanner] }
  - { path: /old/archive, claimName: archive, permissions: [List, Download] }
names: { hide: [.*], deny: ['*.exe'] }
events:
  durability: Spooled
  spool: { maxBytes: 1073741824, whenFull: DropNewest }
  sinks:
    - { name: audit, url: 'https://audit.example.com/ftp', secretRef: { name: audit-webhook, key: key } }
    - { name: uploads, url: 'http://importer.default.svc:8080/', kinds: [Upload, Rename], mode: Binary, maxRetrySeconds: 60 }
workers: Auto
logging: { level: Debug, transfers: Xferlog }
image: example.com/mirror/ftp-operator@sha256:0000000000000000000000000000000000000000000000000000000000000000
imagePullPolicy: Always
imagePullSecrets: [{ name: mirror }]
resources: { requests: { cpu: '0.5', memory: 256Mi } }
nodeSelector: { disk: ssd }
tolerations: [{ key: ftp, operator: Exists, effect: NoSchedule }]
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector: { matchLabels: { app.kubernetes.io/instance: uploads } }
topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule }]
priorityClassName: important
podTemplate:
  metadata: { annotations: { example.com/inject: 'false' } }
  spec:
    containers:
      - name: ftp-server
        env: [{ name: TZ, value: UTC }]
      - { name: sidecar, image: 'example.com/sidecar:1' }
inheritedMetadata: { labels: { team: media }, annotations: { example.com/owner: media } }
drainSeconds: 600
podDisruptionBudget: { mode: Enabled, maxUnavailable: 50% }
networkPolicy: { from: [{ ipBlock: { cidr: 198.51.100.0/24 } }] }
`),
      {
        sources: [
          secret('bob', { secret: 'correct horse' }),
          secret('bob-totp', { totp: 'GEZDGNBVGY3TQOJQ' }),
          secret('team-a', { 'list.yaml': `users: [{name: carol, passwordHash: '${passwordHash}'}]`, note: 'no list' }),
          configMap('team-b', { 'people.htpasswd': `dave:${passwordHash}\n` }),
          secret('partners-ca', { 'ca.crt': 'no certificate' }),
        ],
      },
    ),
  'ftp-users': () =>
    observe(ftpServer(`{ storage: { emptyDir: {} }, users: [{ name: alice, passwordHash: '${passwordHash}' }] }`), {
      users: [
        {
          user: ftpUser('bob', '{ passwordSecretRef: { name: bob }, role: UploadOnly, home: /in }'),
          namespaceLabels: {},
          secrets: new Map([['bob', bytes({ password: 'correct horse' })]]),
        },
        {
          user: ftpUser(
            'carol',
            `{ passwordHash: '${passwordHash}', previousPassword: { passwordHash: '${passwordHash}', expires: '2030-01-31' }, tls: Required }`,
          ),
          namespaceLabels: {},
          secrets: new Map(),
        },
        { user: ftpUser('alice', `{ passwordHash: '${passwordHash}' }`), namespaceLabels: {}, secrets: new Map() },
      ],
    }),
  'three-replicas': () =>
    observe(
      ftpServer(`
replicas: 3
passive: { portsPerReplica: 2 }
storage: { claim: { size: 10Gi, accessModes: [ReadWriteMany] } }
`),
      { live: [liveService({}, [{ ip: '203.0.113.7' }])] },
    ),
  relay: () =>
    observe(
      ftpServer(`
replicas: 2
service: { relay: Enabled }
passive: { portsPerReplica: 4 }
listeners: [{ name: ftp, port: 21, tls: Disabled }]
storage: { claim: { size: 10Gi, accessModes: [ReadWriteMany] } }
`),
      {
        sources: [
          secret('uploads-relay', {
            secrets: 'the secret that signs, of 32 characters\nthe next one, which is believed too\n',
            made: '2029-12-24T00:00:00.000Z',
          }),
        ],
        pods: [pod(), pod({ replica: 1, half: 'b', address: '10.244.1.6' })],
      },
    ),
  'node-port': () =>
    observe(ftpServer(`{ service: { type: NodePort }, storage: { claim: { size: 10Gi } } }`), {
      live: [liveService({ ports: [{ name: 'ftp', port: 21, nodePort: 31_021 }, ...nodePorts] })],
      pods: [pod()],
      nodes: new Map([
        [
          'node-1',
          [
            { type: 'Hostname', address: 'node-1' },
            { type: 'InternalIP', address: '192.168.1.11' },
            { type: 'ExternalIP', address: '2001:db8::11' },
            { type: 'ExternalIP', address: '203.0.113.11' },
          ],
        ],
      ]),
    }),
  'host-network': () =>
    observe(
      ftpServer(`
hostNetwork: true
service: { type: None }
listeners: [{ name: ftp, port: 2121, tls: Disabled }]
storage: { existingClaimName: shared }
`),
      { claim: liveClaim('shared', ['ReadWriteMany']) },
    ),
  'existing-claim': () =>
    observe(ftpServer(`{ storage: { existingClaimName: shared, subPath: ftp } }`), {
      claim: liveClaim('shared', ['ReadWriteMany']),
    }),
  'empty-dir': () =>
    observe(ftpServer(`{ service: { type: ClusterIP }, storage: { emptyDir: { sizeLimit: 1Gi } } }`), {
      live: [liveService({})],
    }),
  'issuer-ref': () =>
    observe(
      ftpServer(`
tls: { issuerRef: { name: letters, kind: ClusterIssuer } }
passive: { advertisedAddress: ftp.example.com }
storage: { emptyDir: {} }
`),
      { served: { certificate: true, podMonitor: false, prometheusRule: false } },
    ),
  'secret-name': () => observe(ftpServer(`{ tls: { secretName: wildcard }, storage: { emptyDir: {} } }`)),
  suspended: () => observe(ftpServer(`{ suspend: true, storage: { claim: { size: 10Gi } } }`)),
  monitoring: () =>
    observe(
      ftpServer(`
storage: { claim: { size: 10Gi } }
monitoring: { labels: { release: prometheus } }
`),
      { served: { certificate: false, podMonitor: true, prometheusRule: true } },
    ),
  'users-by-selector': () =>
    observe(
      ftpServer(`
storage: { emptyDir: {} }
usersFrom:
  - secretSelector: { matchLabels: { ftp: uploads } }
  - configMapSelector: { matchExpressions: [{ key: ftp, operator: In, values: [uploads, all] }] }
`),
      {
        sources: [
          secret('z', { 'users.yml': 'users: []' }, { ftp: 'uploads' }),
          secret('a', { 'users.json': '{"users": []}' }, { ftp: 'uploads' }),
          secret('other', { 'users.yaml': 'users: []' }, { ftp: 'downloads' }),
          configMap('everyone', { 'one.yaml': 'users: []', 'two.yaml': 'users: []' }, { ftp: 'all' }),
        ],
      },
    ),
}
