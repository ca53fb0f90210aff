/** Samples for the rules over several fields: what is written, and where it breaks a rule. Every program that checks these rules is held against the same samples. */
export type RuleSample = {
  readonly title: string
  readonly value: Readonly<Record<string, unknown>>
  /** Paths that break a rule; none if all hold. */
  readonly brokenAt: readonly string[]
}

/** `server.yaml`, valid by its schema. */
export const serverSamples: readonly RuleSample[] = [
  { title: 'all defaults', value: {}, brokenAt: [] },
  { title: 'a range of one port', value: { passive: { ports: { first: 20_000, last: 20_000 } } }, brokenAt: [] },
  {
    title: 'a range that ends before it begins',
    value: { passive: { ports: { first: 20_001, last: 20_000 } } },
    brokenAt: ['passive.ports.last'],
  },
  {
    title: 'a listener right beside the range',
    value: { listeners: [{ name: 'ftp', port: 29_999 }], probes: { port: 30_100 } },
    brokenAt: [],
  },
  {
    title: 'a listener at the first and one at the last port of the range',
    value: {
      listeners: [
        { name: 'a', port: 20_000 },
        { name: 'b', port: 2121 },
        { name: 'c', port: 20_099 },
      ],
    },
    brokenAt: ['listeners[0].port', 'listeners[2].port'],
  },
  {
    title: 'ports of other servers right beside those of this one',
    value: {
      relay: {
        secretFile: 'relay/secrets',
        port: 2990,
        ports: [
          { first: 19_900, last: 19_999 },
          { first: 20_100, last: 20_199, peer: { address: '10.0.0.2', port: 2990 } },
        ],
      },
    },
    brokenAt: [],
  },
  {
    title: 'ports of other servers that are those of this one, of its listener, or of another one',
    value: {
      relay: {
        secretFile: 'relay/secrets',
        ports: [
          { first: 20_099, last: 20_100 },
          { first: 2121, last: 2121 },
          { first: 8000, last: 8080 },
          { first: 30_000, last: 30_010 },
          { first: 30_010, last: 30_020 },
        ],
      },
    },
    brokenAt: [0, 1, 2, 4].map(index => `relay.ports[${index}]`),
  },
  {
    title: 'a range of another server that ends before it begins',
    value: { relay: { secretFile: 'relay/secrets', ports: [{ first: 30_001, last: 30_000 }] } },
    brokenAt: ['relay.ports[0].last'],
  },
  {
    title: 'relaying without a secret',
    value: { relay: { ports: [{ first: 30_000, last: 30_001 }] } },
    brokenAt: ['relay.secretFile'],
  },
  {
    title: 'taking what is relayed without a secret',
    value: { relay: { port: 2990 } },
    brokenAt: ['relay.secretFile'],
  },
  ...[20_000, 2121, 8080, 30_000].map(port => ({
    title: `port ${port} for what is relayed, which is another one’s`,
    value: { relay: { secretFile: 'relay/secrets', port, ports: [{ first: 30_000, last: 30_000 }] } },
    brokenAt: ['relay.port'],
  })),
  { title: 'a ban that may last no longer than the first', value: { bans: { maxDurationSeconds: 600 } }, brokenAt: [] },
  {
    title: 'a longest ban that is shorter than the first',
    value: { bans: { durationSeconds: 601, maxDurationSeconds: 600 } },
    brokenAt: ['bans.maxDurationSeconds'],
  },
  { title: 'a directory for the state within the root', value: { state: { directory: '/data/.state' } }, brokenAt: [] },
  { title: 'a directory for the state beside the root', value: { state: { directory: '/data-2' } }, brokenAt: [] },
  ...['/data', '/data/', '/./data', '/'].map(directory => ({
    title: `the state in ${directory}, which has the root in it`,
    value: { state: { directory } },
    brokenAt: ['state.directory'],
  })),
  {
    title: 'extra roots beside, above and below the directory for the state',
    value: {
      state: { directory: '/srv/state' },
      storage: { symlinks: { extraRoots: ['/srv/state-2', '/srv', '/srv/state', '/srv/state/bans', '/data'] } },
    },
    brokenAt: [1, 2, 3].map(index => `storage.symlinks.extraRoots[${index}]`),
  },
  {
    title: 'hosts with names of their own',
    value: { hosts: [{ name: 'a.example', aliases: ['www.a.example'] }, { name: 'b.example' }] },
    brokenAt: [],
  },
  {
    title: 'hosts whose names hosts before them have, in other letters',
    value: {
      hosts: [
        { name: 'a.example', aliases: ['A.example'] },
        { name: 'b.example', aliases: ['c.example'] },
        { name: 'C.example', aliases: ['d.example', 'a.Example'] },
      ],
    },
    brokenAt: ['hosts[2].name', 'hosts[2].aliases[1]'],
  },
  {
    title: 'folders of both kinds',
    value: {
      state: { directory: '/srv/state' },
      folders: [
        { path: '/a', target: '/', role: 'read-only' },
        { path: '/a/b', directory: '/srv/state-2', permissions: [], users: ['anonymous'] },
      ],
    },
    brokenAt: [],
  },
  {
    title: 'folders that are of no kind or of two, with too much said of them',
    value: {
      folders: [
        { path: '/a' },
        { path: '/b', target: '/b', directory: '/b' },
        { path: '/c', target: '/c', role: 'read-only', permissions: [] },
      ],
    },
    brokenAt: ['folders[0]', 'folders[1]', 'folders[2]'],
  },
  {
    title: 'folders where others are, or everything is',
    value: {
      folders: [
        { path: '/a', target: '/a' },
        { path: '/', target: '/b' },
        { path: '/a', target: '/c' },
      ],
    },
    brokenAt: ['folders[1].path', 'folders[2].path'],
  },
  {
    title: 'folders beside, above and below the directory for the state',
    value: {
      state: { directory: '/srv/state' },
      folders: ['/srv/state-2', '/srv', '/srv/state', '/srv/state/events'].map((directory, index) => ({
        path: `/${index}`,
        directory,
      })),
    },
    brokenAt: [1, 2, 3].map(index => `folders[${index}].directory`),
  },
  {
    title: 'sinks of events with a directory for the state',
    value: { state: { directory: '/srv/state' }, events: { sinks: [sinkNamed('a'), sinkNamed('b')] } },
    brokenAt: [],
  },
  {
    title: 'a sink of events without a directory for the state',
    value: { events: { sinks: [sinkNamed('a')] } },
    brokenAt: ['events.sinks'],
  },
  {
    title: 'two sinks of one name',
    value: { state: { directory: '/srv/state' }, events: { sinks: [sinkNamed('a'), sinkNamed('b'), sinkNamed('a')] } },
    brokenAt: ['events.sinks[2].name'],
  },
  { title: 'probes within the range', value: { probes: { port: 20_050 } }, brokenAt: ['probes.port'] },
  { title: 'probes that are off within the range', value: { probes: { port: 20_050, enabled: false } }, brokenAt: [] },
  { title: 'probes at the port of a listener', value: { probes: { port: 2121 } }, brokenAt: ['probes.port'] },
  {
    title: 'probes that are off at the port of a listener',
    value: { probes: { port: 2121, enabled: false } },
    brokenAt: [],
  },
  {
    title: 'two listeners of one name',
    value: {
      listeners: [
        { name: 'a', port: 21 },
        { name: 'a', port: 22 },
      ],
    },
    brokenAt: ['listeners[1].name'],
  },
  {
    title: 'one port on two addresses',
    value: {
      listeners: [
        { name: 'a', port: 21, addresses: ['127.0.0.1'] },
        { name: 'b', port: 21, addresses: ['127.0.0.2', '::1'] },
      ],
    },
    brokenAt: [],
  },
  {
    title: 'one address and port twice',
    value: {
      listeners: [
        { name: 'a', port: 21, addresses: ['127.0.0.1'] },
        { name: 'b', port: 21, addresses: ['::1', '127.0.0.1'] },
      ],
    },
    brokenAt: ['listeners[1].addresses[1]'],
  },
  {
    title: 'an address beside the one for all of IPv4',
    value: { listeners: [{ name: 'a', port: 21, addresses: ['0.0.0.0', '::1', '127.0.0.1'] }] },
    brokenAt: ['listeners[0].addresses[2]'],
  },
  {
    title: 'an address beside the one for everything',
    value: { listeners: [{ name: 'a', port: 21, addresses: ['127.0.0.1', '::'] }] },
    brokenAt: ['listeners[0].addresses[1]'],
  },
  {
    title: 'role and permissions for anonymous users',
    value: { anonymous: { role: 'read-only', permissions: ['list'] } },
    brokenAt: ['anonymous'],
  },
  { title: 'a role for anonymous users', value: { anonymous: { enabled: true, role: 'read-only' } }, brokenAt: [] },
  {
    title: 'advertised ports that are crossed over',
    value: {
      passive: {
        advertisedPorts: [
          { port: 20_000, advertised: 31_001 },
          { port: 20_001, advertised: 31_000 },
        ],
      },
    },
    brokenAt: [],
  },
  {
    title: 'an advertised port outside of the range',
    value: { passive: { advertisedPorts: [{ port: 30_100, advertised: 31_000 }] } },
    brokenAt: ['passive.advertisedPorts[0].port'],
  },
  {
    title: 'two entries for one port, and two that advertise the same',
    value: {
      passive: {
        advertisedPorts: [
          { port: 20_000, advertised: 31_000 },
          { port: 20_000, advertised: 31_001 },
          { port: 20_002, advertised: 31_001 },
        ],
      },
    },
    brokenAt: ['passive.advertisedPorts[1].port', 'passive.advertisedPorts[2].advertised'],
  },
]

const passwordHash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':')

/** Entries of a list of users, valid by their schema. */
export const userSamples: readonly RuleSample[] = [
  { title: 'a hash', value: { name: 'a', passwordHash }, brokenAt: [] },
  { title: 'a password file', value: { name: 'a', passwordFile: 'a.password' }, brokenAt: [] },
  { title: 'a certificate by name', value: { name: 'a', clientCertificate: { commonName: 'a' } }, brokenAt: [] },
  { title: 'a certificate by fingerprint', value: { name: 'a', clientCertificate: { fingerprint } }, brokenAt: [] },
  {
    title: 'a hash and a certificate, which are both needed',
    value: { name: 'a', passwordHash, clientCertificate: { commonName: 'a' } },
    brokenAt: [],
  },
  { title: 'no credential', value: { name: 'a' }, brokenAt: [''] },
  { title: 'two credentials', value: { name: 'a', passwordHash, passwordFile: 'a.password' }, brokenAt: [''] },
  {
    title: 'three credentials',
    value: { name: 'a', passwordHash, passwordFile: 'a.password', clientCertificate: { commonName: 'a' } },
    brokenAt: [''],
  },
  {
    title: 'a previous password by hash',
    value: { name: 'a', passwordHash, previousPassword: { passwordHash, expires: '2030-01-31' } },
    brokenAt: [],
  },
  {
    title: 'a previous password from a file',
    value: { name: 'a', passwordFile: 'a.new', previousPassword: { passwordFile: 'a.old', expires: '2030-01-31' } },
    brokenAt: [],
  },
  {
    title: 'a previous password by nothing',
    value: { name: 'a', passwordHash, previousPassword: { expires: '2030-01-31' } },
    brokenAt: ['previousPassword'],
  },
  {
    title: 'a previous password by hash and from a file',
    value: {
      name: 'a',
      passwordHash,
      previousPassword: { passwordHash, passwordFile: 'a.old', expires: '2030-01-31' },
    },
    brokenAt: ['previousPassword'],
  },
  {
    title: 'a previous password and no other',
    value: {
      name: 'a',
      clientCertificate: { commonName: 'a' },
      previousPassword: { passwordHash, expires: '2030-01-31' },
    },
    brokenAt: ['previousPassword'],
  },
  { title: 'a certificate by nothing', value: { name: 'a', clientCertificate: {} }, brokenAt: ['clientCertificate'] },
  {
    title: 'a certificate by name and fingerprint',
    value: { name: 'a', clientCertificate: { commonName: 'a', fingerprint } },
    brokenAt: ['clientCertificate'],
  },
  { title: 'a code by secret', value: { name: 'a', passwordHash, totp: { secret: 'GEZDGNBVGY3TQOJQ' } }, brokenAt: [] },
  { title: 'a code by nothing', value: { name: 'a', passwordHash, totp: {} }, brokenAt: ['totp'] },
  { title: 'a role', value: { name: 'a', passwordHash, role: 'read-only' }, brokenAt: [] },
  { title: 'no permissions at all', value: { name: 'a', passwordHash, permissions: [] }, brokenAt: [] },
  {
    title: 'role and permissions',
    value: { name: 'a', passwordHash, role: 'read-only', permissions: ['list'] },
    brokenAt: [''],
  },
  {
    title: 'paths with one of role and permissions',
    value: {
      name: 'a',
      passwordHash,
      paths: [
        { path: '/in', role: 'upload-only' },
        { path: '/out', permissions: [] },
      ],
    },
    brokenAt: [],
  },
  {
    title: 'paths with both and none of role and permissions',
    value: {
      name: 'a',
      passwordHash,
      paths: [{ path: '/in', role: 'upload-only', permissions: ['list'] }, { path: '/out' }],
    },
    brokenAt: ['paths[0]', 'paths[1]'],
  },
  {
    title: 'one path twice',
    value: {
      name: 'a',
      passwordHash,
      paths: [
        { path: '/in', role: 'upload-only' },
        { path: '/in', role: 'read-only' },
      ],
    },
    brokenAt: ['paths[1].path'],
  },
  {
    title: 'folders',
    value: {
      name: 'a',
      passwordHash,
      folders: [
        { path: '/in', target: '/in', role: 'upload-only' },
        { path: '/in/a', target: '/' },
      ],
    },
    brokenAt: [],
  },
  {
    title: 'a folder in place of everything, and one of which too much is said',
    value: {
      name: 'a',
      passwordHash,
      folders: [
        { path: '/', target: '/in' },
        { path: '/b', target: '/in', role: 'read-only', permissions: [] },
      ],
    },
    brokenAt: ['folders[1]', 'folders[0].path'],
  },
  {
    title: 'two folders at one path',
    value: {
      name: 'a',
      passwordHash,
      folders: [
        { path: '/in', target: '/in' },
        { path: '/in', target: '/out' },
      ],
    },
    brokenAt: ['folders[1].path'],
  },
]

function sinkNamed(name: string) {
  return { name, url: 'https://events.example/ftp' }
}
