/** FtpServers that are right, wrong, or may not become what they are to become; and the fields that an API server must name. */

export type Spec = Readonly<Record<string, unknown>>

export type ResourceSample = {
  readonly title: string
  readonly spec: Spec
  readonly name?: string
  /** Fields that the refusal names; none if it is accepted. */
  readonly brokenAt: readonly string[]
}

export type ChangeSample = {
  readonly title: string
  readonly before: Spec
  readonly after: Spec
  readonly brokenAt: readonly string[]
}

const storage = { claim: { size: '1Gi' } }
const shared = { claim: { size: '1Gi', accessModes: ['ReadWriteMany'] } }
const passwordHash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const alice = { name: 'alice', passwordHash }
const clientCertificates = { mode: 'Optional', secretName: 'authority' }

/** With what must be written, unless the sample says it itself. */
export function completed(spec: Spec): Spec {
  return 'storage' in spec ? spec : { ...spec, storage }
}

export const goodSamples: readonly ResourceSample[] = [
  { title: 'nothing but storage', spec: {}, brokenAt: [] },
  ...['0 3 * * *', '@daily', '*/5 0-6,22 ? JAN-mar mon,3'].map(schedule => ({
    title: `snapshots at ${schedule}`,
    spec: { storage: { ...storage, snapshots: { schedule, timeZone: 'Europe/Berlin', suspend: true } } },
    brokenAt: [],
  })),
  {
    title: 'snapshots of a claim that is there',
    spec: { storage: { existingClaimName: 'files', snapshots: { className: 'csi', retention: { maxAgeDays: 7 } } } },
    brokenAt: [],
  },
  { title: 'the longest name', spec: {}, name: `a${'b'.repeat(51)}`, brokenAt: [] },
  {
    title: 'users of all kinds',
    spec: {
      tls: { clientCertificates },
      users: [
        { ...alice, role: 'ReadOnly', home: '/', expires: '2030-01-31', allowedNetworks: ['10.0.0.0/8', '::1'] },
        {
          name: 'bob@example.org',
          passwordSecretRef: { name: 'bob' },
          permissions: ['List', 'Mkdir'],
          tls: 'Required',
        },
        { name: 'camera', clientCertificate: { commonName: 'camera' }, paths: [{ path: '/in', role: 'UploadOnly' }] },
        { name: 'd', passwordHash, limits: { maxSessions: 1 }, disabled: true, expires: '2030-01-31T12:00:00+01:00' },
      ],
    },
    brokenAt: [],
  },
  {
    title: 'hosts, and users of theirs',
    spec: {
      hosts: [
        { name: 'a.example', aliases: ['ftp.a.example'], users: 'Own', secretName: 'a-tls' },
        { name: 'b.example', root: '/b', banner: 'Hello.' },
      ],
      users: [
        {
          ...alice,
          hosts: ['a.example', 'b.example'],
          schedule: {
            timeZone: 'Europe/Berlin',
            windows: [{ days: ['Monday', 'Friday'], from: '08:00', to: '24:00' }],
          },
        },
      ],
    },
    brokenAt: [],
  },
  {
    title: 'FtpUsers from everywhere, and a password on its way out',
    spec: {
      allowedUsers: {
        namespaces: { from: 'Selector', selector: { matchLabels: { 'example.org/ftp': 'yes' } } },
        selector: { matchExpressions: [{ key: 'team', operator: 'Exists' }] },
      },
      users: [
        { ...alice, previousPassword: { passwordHash, expires: '2030-01-31' } },
        {
          name: 'bob',
          passwordSecretRef: { name: 'bob' },
          previousPassword: { passwordSecretRef: { name: 'bob', key: 'old' }, expires: '2030-01-31T12:00:00Z' },
        },
      ],
    },
    brokenAt: [],
  },
  {
    title: 'users from everywhere',
    spec: {
      usersFrom: [
        { secretRef: { name: 'team-a' } },
        { configMapRef: { name: 'team-b', key: 'users.yaml' } },
        { secretSelector: { matchLabels: { 'example.org/users': 'uploads' } } },
        { configMapSelector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] } },
      ],
    },
    brokenAt: [],
  },
  {
    title: 'three replicas on a shared volume with two listeners',
    spec: {
      replicas: 3,
      storage: shared,
      listeners: [
        { name: 'ftp', port: 21, tls: 'Required', nodePort: 30_921 },
        { name: 'ftps', port: 990, tls: 'Implicit' },
      ],
      passive: { firstPort: 20_000, portsPerReplica: 100, peerCheck: 'SameAddress', advertisedAddress: '203.0.113.7' },
    },
    brokenAt: [],
  },
  {
    title: 'three replicas on a claim that is there already',
    spec: { replicas: 3, storage: { existingClaimName: 'files', subPath: 'ftp/..data' } },
    brokenAt: [],
  },
  {
    title: 'a certificate of cert-manager',
    spec: {
      tls: { issuerRef: { name: 'le', kind: 'ClusterIssuer' }, dnsNames: ['ftp.example.org'], minVersion: 'TLSv1.3' },
    },
    brokenAt: [],
  },
  {
    title: 'a load balancer with everything',
    spec: {
      service: {
        loadBalancerClass: 'example.org/nlb',
        loadBalancerSourceRanges: ['192.0.2.0/24'],
        annotations: { 'example.org/kind': 'network' },
        externalTrafficPolicy: 'Local',
        ipFamilyPolicy: 'PreferDualStack',
        ipFamilies: ['IPv6', 'IPv4'],
        allocateLoadBalancerNodePorts: false,
        proxyProtocol: { trustedNetworks: ['10.0.0.0/8', '2001:db8::7'] },
      },
      storage: { ...storage, symlinks: { policy: 'Deny' } },
    },
    brokenAt: [],
  },
  {
    title: 'the network of the node, and no Service',
    spec: {
      hostNetwork: true,
      service: { type: 'None' },
      listeners: [{ name: 'ftp', port: 2121 }],
      storage: { emptyDir: { sizeLimit: '10Gi' } },
    },
    brokenAt: [],
  },
  {
    title: 'the very last ports',
    spec: { passive: { firstPort: 65_516, portsPerReplica: 10 }, replicas: 2, storage: shared },
    brokenAt: [],
  },
  {
    title: 'addresses by client network',
    spec: {
      passive: {
        advertisedAddress: 'ftp.example.org',
        advertisedAddresses: [
          { clients: ['10.42.0.0/16'], address: 'ClusterIP' },
          { clients: ['192.0.2.7', '2001:db8::/32'], address: '198.51.100.7' },
        ],
      },
    },
    brokenAt: [],
  },
  {
    title: 'pods with everything',
    spec: {
      image: 'registry.example.org:5000/ftp@sha256:aa',
      imagePullPolicy: 'Always',
      imagePullSecrets: [{ name: 'registry' }],
      resources: { requests: { cpu: 1, memory: '64Mi' }, limits: { memory: '1.5Gi' } },
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { a: 'b' } } },
          ],
        },
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, preference: { matchExpressions: [{ key: 'zone', operator: 'Exists' }] } },
          ],
        },
      },
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
      podTemplate: { spec: { containers: [{ name: 'extra', image: 'sidecar' }] } },
      inheritedMetadata: { labels: { team: 'a' }, annotations: { 'example.org/owner': 'A person' } },
      podDisruptionBudget: { maxUnavailable: '50%' },
      networkPolicy: {
        from: [
          { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
          { namespaceSelector: {}, podSelector: {} },
        ],
      },
      monitoring: { podMonitor: 'Enabled', labels: { release: 'prometheus' } },
    },
    brokenAt: [],
  },
  {
    title: 'the configuration of the server',
    spec: {
      anonymous: { enabled: true, permissions: ['List', 'Download'], home: '/pub' },
      limits: { maxSessions: 10, idleTimeoutSeconds: 60 },
      bans: { mode: 'Enabled', threshold: 3, exemptNetworks: ['192.0.2.0/24'], maxDurationSeconds: 600 },
      banner: 'Hello\nthere',
      workers: 'Auto',
      listing: { timeZone: 'Europe/Berlin' },
      logging: { level: 'Debug', format: 'JSON' },
      active: { enabled: false },
    },
    brokenAt: [],
  },
  {
    // Rules have a budget of time for the whole object.
    title: 'as many users as there can be',
    spec: {
      users: Array.from({ length: 256 }, (_, user) => ({
        ...alice,
        name: `user-${user}`,
        allowedNetworks: Array.from({ length: 64 }, (_unused, network) => `10.${network}.0.0/16`),
        paths: Array.from({ length: 16 }, (_unused, path) => ({ path: `/incoming/${path}`, role: 'UploadOnly' })),
      })),
    },
    brokenAt: [],
  },
  { title: 'stopped', spec: { suspend: true, paused: true, replicas: 0 }, brokenAt: [] },
]

export const wrongSamples: readonly ResourceSample[] = [
  // Names and storage.
  { title: 'a name too long', spec: {}, name: `a${'b'.repeat(52)}`, brokenAt: ['metadata.name'] },
  { title: 'a name that starts with a digit', spec: {}, name: '1-server', brokenAt: ['metadata.name'] },
  { title: 'a name with a dot', spec: {}, name: 'ftp.example', brokenAt: ['metadata.name'] },
  {
    title: 'a host with the name of another',
    spec: { hosts: [{ name: 'a.example' }, { name: 'b.example', aliases: ['a.example'] }] },
    brokenAt: ['spec.hosts'],
  },
  { title: 'a host in capitals', spec: { hosts: [{ name: 'A.example' }] }, brokenAt: ['spec.hosts[0].name'] },
  {
    title: 'a host with an alias of another',
    spec: {
      hosts: [
        { name: 'a.example', aliases: ['c.example'] },
        { name: 'b.example', aliases: ['c.example'] },
      ],
    },
    brokenAt: ['spec.hosts'],
  },
  {
    title: 'a host that is an address',
    spec: { hosts: [{ name: '192.0.2.1' }] },
    brokenAt: ['spec.hosts[0].name'],
  },
  {
    title: 'a user of a host that is not there',
    spec: { hosts: [{ name: 'a.example', aliases: ['b.example'] }], users: [{ ...alice, hosts: ['b.example'] }] },
    brokenAt: ['spec.users'],
  },
  { title: 'no storage', spec: { storage: undefined }, brokenAt: ['spec.storage'] },
  { title: 'storage of no kind', spec: { storage: {} }, brokenAt: ['spec.storage'] },
  {
    title: 'snapshots of what has none',
    spec: { storage: { emptyDir: {}, snapshots: {} } },
    brokenAt: ['spec.storage.snapshots'],
  },
  ...['0 3 * *', '@every 1h', 'daily', '0 3 * * * *', ''].map(schedule => ({
    title: `the schedule ${JSON.stringify(schedule)}`,
    spec: { storage: { ...storage, snapshots: { schedule } } },
    brokenAt: ['spec.storage.snapshots.schedule'],
  })),
  {
    title: 'no snapshot kept',
    spec: { storage: { ...storage, snapshots: { retention: { maxCount: 0 } } } },
    brokenAt: ['spec.storage.snapshots.retention.maxCount'],
  },
  { title: 'storage of two kinds', spec: { storage: { ...storage, emptyDir: {} } }, brokenAt: ['spec.storage'] },
  { title: 'a claim without size', spec: { storage: { claim: {} } }, brokenAt: ['spec.storage.claim.size'] },
  { title: 'a claim of nothing', spec: { storage: { claim: { size: '0' } } }, brokenAt: ['spec.storage.claim.size'] },
  {
    title: 'a unit that is none',
    spec: { storage: { claim: { size: '10GB' } } },
    brokenAt: ['spec.storage.claim.size'],
  },
  {
    title: 'an access mode that is none',
    spec: { storage: { claim: { size: '1Gi', accessModes: ['RWX'] } } },
    brokenAt: ['spec.storage.claim.accessModes[0]'],
  },
  {
    title: 'a subPath that leaves the volume',
    spec: { storage: { ...storage, subPath: 'a/../..' } },
    brokenAt: ['spec.storage.subPath'],
  },
  {
    title: 'an absolute subPath',
    spec: { storage: { ...storage, subPath: '/a' } },
    brokenAt: ['spec.storage.subPath'],
  },
  {
    title: 'a retention that is none',
    spec: { storage: { ...storage, retentionPolicy: 'Keep' } },
    brokenAt: ['spec.storage.retentionPolicy'],
  },
  {
    title: 'replicas with volumes of their own',
    spec: { replicas: 2, storage: { emptyDir: {} } },
    brokenAt: ['spec.replicas'],
  },
  { title: 'replicas on a volume for one node', spec: { replicas: 2 }, brokenAt: ['spec.replicas'] },
  { title: 'more replicas than there can be', spec: { replicas: 51, storage: shared }, brokenAt: ['spec.replicas'] },
  { title: 'less than no replicas', spec: { replicas: -1 }, brokenAt: ['spec.replicas'] },
  // Listeners and passive ports.
  { title: 'no listener', spec: { listeners: [] }, brokenAt: ['spec.listeners'] },
  { title: 'port 0', spec: { listeners: [{ name: 'ftp', port: 0 }] }, brokenAt: ['spec.listeners[0].port'] },
  { title: 'a listener without port', spec: { listeners: [{ name: 'ftp' }] }, brokenAt: ['spec.listeners[0].port'] },
  {
    title: 'a port in quotes',
    spec: { listeners: [{ name: 'ftp', port: '21' }] },
    brokenAt: ['spec.listeners[0].port'],
  },
  {
    title: 'two listeners of one name',
    spec: {
      listeners: [
        { name: 'ftp', port: 21 },
        { name: 'ftp', port: 22 },
      ],
    },
    brokenAt: ['spec.listeners[1]'],
  },
  {
    title: 'two listeners at one port',
    spec: {
      listeners: [
        { name: 'a', port: 21 },
        { name: 'b', port: 21 },
      ],
    },
    brokenAt: ['spec.listeners'],
  },
  {
    title: 'two listeners at one node port',
    spec: {
      listeners: [
        { name: 'a', port: 21, nodePort: 30_921 },
        { name: 'b', port: 22, nodePort: 30_921 },
      ],
    },
    brokenAt: ['spec.listeners'],
  },
  {
    title: 'a listener’s name of 16 characters',
    spec: { listeners: [{ name: 'a'.repeat(16), port: 21 }] },
    brokenAt: ['spec.listeners[0].name'],
  },
  {
    title: 'the name of a passive port',
    spec: { listeners: [{ name: 'pasv-20000', port: 21 }] },
    brokenAt: ['spec.listeners[0].name'],
  },
  {
    title: 'a word of the server',
    spec: { listeners: [{ name: 'ftp', port: 21, tls: 'required' }] },
    brokenAt: ['spec.listeners[0].tls'],
  },
  {
    title: 'a listener among the passive ports',
    spec: { listeners: [{ name: 'ftp', port: 20_019 }] },
    brokenAt: ['spec.listeners'],
  },
  {
    title: 'a listener among the passive ports of the third replica',
    spec: { listeners: [{ name: 'ftp', port: 20_059 }], replicas: 3, storage: shared },
    brokenAt: ['spec.listeners'],
  },
  {
    title: 'a node port without Service',
    spec: { listeners: [{ name: 'ftp', port: 21, nodePort: 30_921 }], service: { type: 'ClusterIP' } },
    brokenAt: ['spec.listeners'],
  },
  { title: 'port 21 of the node', spec: { hostNetwork: true }, brokenAt: ['spec.listeners'] },
  {
    title: 'relaying between nodes that clients reach by themselves',
    spec: { hostNetwork: true, listeners: [{ name: 'ftp', port: 2121 }], service: { relay: 'Enabled' } },
    brokenAt: ['spec.service.relay'],
  },
  {
    title: 'relaying without a Service',
    spec: { service: { type: 'None', relay: 'Enabled' } },
    brokenAt: ['spec.service.relay'],
  },
  { title: 'passive ports beyond 65535', spec: { passive: { firstPort: 65_517 } }, brokenAt: ['spec.passive'] },
  {
    title: 'passive ports of the second replica beyond 65535',
    spec: { passive: { firstPort: 65_500 }, replicas: 2, storage: shared },
    brokenAt: ['spec.passive'],
  },
  { title: 'a privileged passive port', spec: { passive: { firstPort: 1023 } }, brokenAt: ['spec.passive.firstPort'] },
  {
    title: 'passive ports where the probes are',
    spec: { passive: { firstPort: 8061 } },
    brokenAt: ['spec.passive.firstPort'],
  },
  {
    title: 'passive ports where pods listen',
    spec: { passive: { firstPort: 2102 } },
    brokenAt: ['spec.passive.firstPort'],
  },
  { title: 'no passive port', spec: { passive: { portsPerReplica: 0 } }, brokenAt: ['spec.passive.portsPerReplica'] },
  {
    title: 'more passive ports than a Service holds',
    spec: { passive: { portsPerReplica: 500, firstPort: 20_000 }, replicas: 5, storage: shared },
    brokenAt: ['spec.passive.portsPerReplica'],
  },
  {
    title: 'an IPv6 address for PASV',
    spec: { passive: { advertisedAddress: '2001:db8::1' } },
    brokenAt: ['spec.passive.advertisedAddress'],
  },
  {
    title: 'a mistyped IPv4 address',
    spec: { passive: { advertisedAddress: '203.0.113.256' } },
    brokenAt: ['spec.passive.advertisedAddress'],
  },
  {
    title: 'the server’s own word for the address',
    spec: { passive: { advertisedAddress: 'auto' } },
    brokenAt: ['spec.passive.advertisedAddress'],
  },
  {
    title: 'an address for clients of a network that is none',
    spec: { passive: { advertisedAddresses: [{ clients: ['10.0.0.0/33'], address: 'Auto' }] } },
    brokenAt: ['spec.passive.advertisedAddresses[0].clients[0]'],
  },
  {
    title: 'a URL as the address for some clients',
    spec: { passive: { advertisedAddresses: [{ clients: ['10.0.0.0/8'], address: 'ftp://a' }] } },
    brokenAt: ['spec.passive.advertisedAddresses[0].address'],
  },
  {
    title: 'a number as the address for some clients',
    spec: { passive: { advertisedAddresses: [{ clients: ['10.0.0.0/8'], address: '10.1' }] } },
    brokenAt: ['spec.passive.advertisedAddresses[0].address'],
  },
  {
    title: 'what YAML makes of a bare Off',
    spec: { passive: { peerCheck: false } },
    brokenAt: ['spec.passive.peerCheck'],
  },
  // TLS.
  { title: 'two certificates', spec: { tls: { secretName: 'a', selfSigned: {} } }, brokenAt: ['spec.tls'] },
  {
    title: 'names for a certificate that has its own',
    spec: { tls: { secretName: 'a', dnsNames: ['a.example'] } },
    brokenAt: ['spec.tls.dnsNames'],
  },
  {
    title: 'client certificates of nobody',
    spec: { tls: { clientCertificates: { mode: 'Required' } } },
    brokenAt: ['spec.tls.clientCertificates.secretName'],
  },
  { title: 'an old version of TLS', spec: { tls: { minVersion: 'TLSv1.1' } }, brokenAt: ['spec.tls.minVersion'] },
  {
    title: 'an issuer without name',
    spec: { tls: { issuerRef: { kind: 'Issuer' } } },
    brokenAt: ['spec.tls.issuerRef.name'],
  },
  // The Service.
  {
    title: 'a type of Service that is none',
    spec: { service: { type: 'Loadbalancer' } },
    brokenAt: ['spec.service.type'],
  },
  {
    title: 'a class of load balancer for node ports',
    spec: { service: { type: 'NodePort', loadBalancerClass: 'a/b' } },
    brokenAt: ['spec.service.loadBalancerClass'],
  },
  {
    title: 'source ranges and node ports of a load balancer that isn’t there',
    spec: {
      service: { type: 'ClusterIP', loadBalancerSourceRanges: ['10.0.0.0/8'], allocateLoadBalancerNodePorts: false },
    },
    brokenAt: ['spec.service.loadBalancerSourceRanges', 'spec.service.allocateLoadBalancerNodePorts'],
  },
  {
    title: 'source ranges that are none',
    spec: { service: { loadBalancerSourceRanges: ['all'] } },
    brokenAt: ['spec.service.loadBalancerSourceRanges[0]'],
  },
  {
    title: 'external traffic to an address of the cluster',
    spec: { service: { type: 'ClusterIP', externalTrafficPolicy: 'Local' } },
    brokenAt: ['spec.service.externalTrafficPolicy'],
  },
  {
    title: 'one family twice',
    spec: { service: { ipFamilies: ['IPv4', 'IPv4'] } },
    brokenAt: ['spec.service.ipFamilies'],
  },
  {
    title: 'two families for one stack',
    spec: { service: { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'SingleStack' } },
    brokenAt: ['spec.service.ipFamilies'],
  },
  {
    title: 'proxies that are trusted by name',
    spec: { service: { proxyProtocol: { trustedNetworks: ['10.0.0.0/8', 'balancer'] } } },
    brokenAt: ['spec.service.proxyProtocol.trustedNetworks[1]'],
  },
  {
    title: 'links into what the server keeps, or above it',
    spec: { storage: { ...storage, symlinks: { extraRoots: ['/data/a', '/data', '/data/.ftp-server/x'] } } },
    brokenAt: ['spec.storage.symlinks.extraRoots[1]', 'spec.storage.symlinks.extraRoots[2]'],
  },
  { title: 'a label that is none', spec: { service: { labels: { a: 'b c' } } }, brokenAt: ['spec.service.labels.a'] },
  // Users.
  { title: 'a user without credential', spec: { users: [{ name: 'a' }] }, brokenAt: ['spec.users[0]'] },
  {
    title: 'a user with two credentials',
    spec: { users: [{ ...alice, passwordSecretRef: { name: 'a' } }] },
    brokenAt: ['spec.users[0]'],
  },
  {
    title: 'a password in clear',
    spec: { users: [{ name: 'a', passwordHash: 'secret' }] },
    brokenAt: ['spec.users[0].passwordHash'],
  },
  {
    title: 'a hash that was cut',
    spec: { users: [{ name: 'a', passwordHash: passwordHash.slice(0, -1) }] },
    brokenAt: ['spec.users[0].passwordHash'],
  },
  { title: 'one user twice', spec: { users: [alice, alice] }, brokenAt: ['spec.users[1]'] },
  {
    title: 'a user with role and permissions',
    spec: { users: [{ ...alice, role: 'ReadOnly', permissions: [] }] },
    brokenAt: ['spec.users[0]'],
  },
  {
    title: 'a permission twice',
    spec: { users: [{ ...alice, permissions: ['List', 'List'] }] },
    brokenAt: ['spec.users[0].permissions[1]'],
  },
  { title: 'a home outside', spec: { users: [{ ...alice, home: '/a/../b' }] }, brokenAt: ['spec.users[0].home'] },
  {
    title: 'a user’s name with a slash',
    spec: { users: [{ ...alice, name: 'a/b' }] },
    brokenAt: ['spec.users[0].name'],
  },
  {
    title: 'a path twice',
    spec: {
      users: [
        {
          ...alice,
          paths: [
            { path: '/a', role: 'ReadOnly' },
            { path: '/a', role: 'ReadWrite' },
          ],
        },
      ],
    },
    brokenAt: ['spec.users[0].paths[1]'],
  },
  {
    title: 'folders of no kind, of two, and in place of everything',
    spec: {
      folders: [
        { path: '/a' },
        { path: '/b', target: '/b', claimName: 'b' },
        { path: '/', target: '/c' },
        { path: '/d', claimName: 'd', role: 'ReadOnly', permissions: ['List'] },
      ],
    },
    brokenAt: ['spec.folders[0]', 'spec.folders[1]', 'spec.folders[2]', 'spec.folders[3]'],
  },
  {
    title: 'a path without permissions',
    spec: { users: [{ ...alice, paths: [{ path: '/a' }] }] },
    brokenAt: ['spec.users[0].paths[0]'],
  },
  {
    title: 'a user from nowhere',
    spec: { users: [{ ...alice, allowedNetworks: ['intranet'] }] },
    brokenAt: ['spec.users[0].allowedNetworks[0]'],
  },
  {
    title: 'a month that isn’t there',
    spec: { users: [{ ...alice, expires: '2030-13-01' }] },
    brokenAt: ['spec.users[0].expires'],
  },
  {
    title: 'a client certificate where none is asked for',
    spec: { users: [{ name: 'a', clientCertificate: { commonName: 'a' } }] },
    brokenAt: ['spec.users'],
  },
  {
    title: 'a previous password and no other',
    spec: {
      tls: { clientCertificates },
      users: [
        {
          name: 'a',
          clientCertificate: { commonName: 'a' },
          previousPassword: { passwordHash, expires: '2030-01-31' },
        },
      ],
    },
    brokenAt: ['spec.users[0].previousPassword'],
  },
  {
    title: 'a previous password by nothing',
    spec: { users: [{ ...alice, previousPassword: { expires: '2030-01-31' } }] },
    brokenAt: ['spec.users[0].previousPassword'],
  },
  {
    title: 'FtpUsers of selected namespaces without a selector',
    spec: { allowedUsers: { namespaces: { from: 'Selector' } } },
    brokenAt: ['spec.allowedUsers.namespaces.selector'],
  },
  {
    title: 'a selector for namespaces that does not count',
    spec: { allowedUsers: { namespaces: { selector: { matchLabels: { a: 'b' } } } } },
    brokenAt: ['spec.allowedUsers.namespaces.selector'],
  },
  {
    title: 'selectors that select everything',
    spec: { allowedUsers: { namespaces: { from: 'Selector', selector: {} }, selector: {} } },
    brokenAt: ['spec.allowedUsers.namespaces.selector', 'spec.allowedUsers.selector'],
  },
  {
    title: 'a client certificate by nothing',
    spec: { tls: { clientCertificates }, users: [{ name: 'a', clientCertificate: {} }] },
    brokenAt: ['spec.users[0].clientCertificate'],
  },
  {
    title: 'a fingerprint that is none',
    spec: { tls: { clientCertificates }, users: [{ name: 'a', clientCertificate: { fingerprint: 'AB:CD' } }] },
    brokenAt: ['spec.users[0].clientCertificate.fingerprint'],
  },
  {
    title: 'a user with a name of anonymous access',
    spec: { anonymous: { enabled: true }, users: [{ ...alice, name: 'ftp' }] },
    brokenAt: ['spec.users'],
  },
  { title: 'a source of users that is none', spec: { usersFrom: [{}] }, brokenAt: ['spec.usersFrom[0]'] },
  {
    title: 'a source of users that is two',
    spec: { usersFrom: [{ secretRef: { name: 'a' }, configMapRef: { name: 'a' } }] },
    brokenAt: ['spec.usersFrom[0]'],
  },
  {
    title: 'users from all Secrets there are',
    spec: { usersFrom: [{ secretSelector: {} }, { configMapSelector: { matchLabels: {} } }] },
    brokenAt: ['spec.usersFrom[0].secretSelector', 'spec.usersFrom[1].configMapSelector'],
  },
  {
    title: 'a Secret’s name with capitals',
    spec: { usersFrom: [{ secretRef: { name: 'Team' } }] },
    brokenAt: ['spec.usersFrom[0].secretRef.name'],
  },
  {
    title: 'role and permissions for anonymous users',
    spec: { anonymous: { role: 'ReadOnly', permissions: ['List'] } },
    brokenAt: ['spec.anonymous'],
  },
  // The rest.
  {
    title: 'no time to be idle',
    spec: { limits: { idleTimeoutSeconds: 0 } },
    brokenAt: ['spec.limits.idleTimeoutSeconds'],
  },
  {
    title: 'a longest ban that is shorter than the first',
    spec: { bans: { durationSeconds: 601, maxDurationSeconds: 600 } },
    brokenAt: ['spec.bans.maxDurationSeconds'],
  },
  {
    title: 'bans that are on',
    spec: { bans: { enabled: true } },
    brokenAt: ['spec.bans.enabled'],
  },
  {
    title: 'a time zone that is an offset',
    spec: { listing: { timeZone: '+01:00' } },
    brokenAt: ['spec.listing.timeZone'],
  },
  { title: 'no workers', spec: { workers: 0 }, brokenAt: ['spec.workers'] },
  { title: 'more workers than there may be', spec: { workers: 65 }, brokenAt: ['spec.workers'] },
  { title: 'workers in a word that is none', spec: { workers: 'many' }, brokenAt: ['spec.workers'] },
  { title: 'a level that is none', spec: { logging: { level: 'Verbose' } }, brokenAt: ['spec.logging.level'] },
  { title: 'no time to drain', spec: { drainSeconds: 0 }, brokenAt: ['spec.drainSeconds'] },
  { title: 'an image with a blank', spec: { image: 'a b' }, brokenAt: ['spec.image'] },
  {
    title: 'memory in words',
    spec: { resources: { limits: { memory: 'much' } } },
    brokenAt: ['spec.resources.limits.memory'],
  },
  {
    title: 'an effect that is none',
    spec: { tolerations: [{ effect: 'Never' }] },
    brokenAt: ['spec.tolerations[0].effect'],
  },
  {
    title: 'a spread over nothing',
    spec: { topologySpreadConstraints: [{ maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' }] },
    brokenAt: ['spec.topologySpreadConstraints[0].topologyKey'],
  },
  {
    title: 'a preference without weight',
    spec: { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ preference: {} }] } } },
    brokenAt: ['spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight'],
  },
  {
    title: 'the operator’s own label',
    spec: { inheritedMetadata: { labels: { 'app.kubernetes.io/instance': 'a' } } },
    brokenAt: ['spec.inheritedMetadata.labels'],
  },
  {
    title: 'more than all replicas down',
    spec: { podDisruptionBudget: { maxUnavailable: '101%' } },
    brokenAt: ['spec.podDisruptionBudget.maxUnavailable'],
  },
  {
    title: 'clients by network and by label',
    spec: { networkPolicy: { from: [{ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }] } },
    brokenAt: ['spec.networkPolicy.from[0]'],
  },
  {
    title: 'networks that are none',
    spec: { networkPolicy: { from: [{ ipBlock: { cidr: '10.0.0.0/33', except: ['10.1.0.0/33'] } }] } },
    brokenAt: ['spec.networkPolicy.from[0].ipBlock.cidr', 'spec.networkPolicy.from[0].ipBlock.except[0]'],
  },
  {
    title: 'monitoring as a boolean',
    spec: { monitoring: { podMonitor: true } },
    brokenAt: ['spec.monitoring.podMonitor'],
  },
  // Keys that nobody knows: fields of the strict decoder.
  { title: 'a mistyped key', spec: { storag: {} }, brokenAt: ['spec.storag'] },
  { title: 'a key at the wrong place', spec: { port: 21 }, brokenAt: ['spec.port'] },
  {
    title: 'a mistyped key in a list',
    spec: { users: [{ ...alice, password: 'secret' }] },
    brokenAt: ['spec.users[0].password'],
  },
  {
    title: 'a mistyped key deep within',
    spec: { tls: { clientCertificates: { secret: 'a' } } },
    brokenAt: ['spec.tls.clientCertificates.secret'],
  },
  {
    title: 'a limit that drainSeconds stands for',
    spec: { limits: { drainTimeoutSeconds: 5 } },
    brokenAt: ['spec.limits.drainTimeoutSeconds'],
  },
]

export const changeSamples: readonly ChangeSample[] = [
  { title: 'a claim that grows', before: {}, after: { storage: { claim: { size: '1.5Gi' } } }, brokenAt: [] },
  {
    title: 'a claim that keeps its size in another unit',
    before: {},
    after: { storage: { claim: { size: '1024Mi' } } },
    brokenAt: [],
  },
  {
    title: 'a claim that shrinks',
    before: {},
    after: { storage: { claim: { size: '1023Mi' } } },
    brokenAt: ['spec.storage.claim.size'],
  },
  {
    title: 'another storage class',
    before: { storage: { claim: { size: '1Gi', storageClassName: 'a' } } },
    after: { storage: { claim: { size: '1Gi', storageClassName: 'b' } } },
    brokenAt: ['spec.storage.claim.storageClassName'],
  },
  {
    title: 'a storage class where there was none',
    before: {},
    after: { storage: { claim: { size: '1Gi', storageClassName: 'b' } } },
    brokenAt: ['spec.storage.claim.storageClassName'],
  },
  { title: 'other access modes', before: {}, after: { storage: shared }, brokenAt: ['spec.storage.claim.accessModes'] },
  {
    title: 'a volume where there was none',
    before: {},
    after: { storage: { claim: { size: '1Gi', volumeName: 'a' } } },
    brokenAt: ['spec.storage.claim.volumeName'],
  },
  {
    title: 'another source of a claim',
    before: {},
    after: { storage: { claim: { size: '1Gi', dataSource: { kind: 'PersistentVolumeClaim', name: 'a' } } } },
    brokenAt: ['spec.storage.claim.dataSource'],
  },
  { title: 'another kind of storage', before: {}, after: { storage: { emptyDir: {} } }, brokenAt: ['spec.storage'] },
  {
    title: 'another existing claim',
    before: { storage: { existingClaimName: 'a' } },
    after: { storage: { existingClaimName: 'b' } },
    brokenAt: [],
  },
  {
    title: 'another retention',
    before: {},
    after: { storage: { ...storage, retentionPolicy: 'Delete' } },
    brokenAt: [],
  },
  {
    title: 'another first port',
    before: {},
    after: { passive: { firstPort: 40_000 } },
    brokenAt: ['spec.passive.firstPort'],
  },
  {
    title: 'more ports for each replica',
    before: {},
    after: { passive: { portsPerReplica: 30 } },
    brokenAt: ['spec.passive.portsPerReplica'],
  },
  {
    title: 'more replicas',
    before: { storage: shared },
    after: { storage: shared, replicas: 5 },
    brokenAt: [],
  },
  {
    title: 'more replicas, whose ports reach a listener',
    before: { storage: shared, listeners: [{ name: 'ftp', port: 20_020 }] },
    after: { storage: shared, listeners: [{ name: 'ftp', port: 20_020 }], replicas: 2 },
    brokenAt: ['spec.listeners'],
  },
  {
    title: 'another class of load balancer',
    before: { service: { loadBalancerClass: 'a/b' } },
    after: { service: { loadBalancerClass: 'a/c' } },
    brokenAt: ['spec.service.loadBalancerClass'],
  },
  {
    title: 'another type of Service without its class',
    before: { service: { loadBalancerClass: 'a/b' } },
    after: { service: { type: 'NodePort' } },
    brokenAt: [],
  },
  {
    title: 'another first family',
    before: { service: { ipFamilies: ['IPv4'] } },
    after: { service: { ipFamilies: ['IPv6'] } },
    brokenAt: ['spec.service.ipFamilies'],
  },
  {
    title: 'a second family',
    before: { service: { ipFamilies: ['IPv4'] } },
    after: { service: { ipFamilies: ['IPv4', 'IPv6'] } },
    brokenAt: [],
  },
]
