/** The chart of the server alone: what Helm makes of it, what the server says to its files, and a real API server to the rest. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { parse } from 'yaml'
import { loadConfiguration } from '../../server/config/load.ts'
import { type ApiServer, clusterTest, kubebuilderAssets, startApiServer } from '../support/control-plane/api-server.ts'
import { apply, create, isServed } from './dry-run.ts'
import {
  at,
  goldenText,
  helmTest,
  lint,
  listAt,
  notes,
  only,
  type RenderedObject,
  refusal,
  render,
  type Values,
} from './helm.ts'

const hash = '$argon2id$v=19$m=19456,t=2,p=1$Jp+TqfDNrCY/VqJ6yKUG9g$oBnVAJxcBqN0kWQX6MFYxqmGGATpY7VWpscZ4+e51eI'

const everything: Values = {
  commonLabels: { team: 'files', 'app.kubernetes.io/name': 'not-yours' },
  image: { repository: 'registry.example.com/ftp', tag: '1.2.3', pullSecrets: [{ name: 'registry' }] },
  config: {
    listeners: [
      { name: 'ftp', port: 2121, tls: 'required' },
      { name: 'ftps', port: 2990, tls: 'implicit', addresses: ['0.0.0.0'] },
    ],
    root: '/srv/ftp',
    banner: 'Hello\nworld',
    passive: {
      ports: { first: 40_000, last: 40_009 },
      advertisedAddress: 'ftp.example.com',
      advertisedAddresses: [{ clients: ['10.0.0.0/8', 'fd00::/8'], address: '10.1.2.3' }],
      peerCheck: 'same-address',
    },
    active: { enabled: false },
    limits: { maxSessions: 1_000_000, drainTimeoutSeconds: 600 },
    anonymous: { enabled: true, home: '/pub', role: 'read-only' },
    tls: { minVersion: 'TLSv1.3', sessionReuse: 'required' },
    listing: { timeZone: 'Europe/Berlin' },
    logging: { level: 'debug' },
    probes: { port: 9090 },
  },
  users: [
    { name: 'camera', passwordHash: hash, role: 'upload-only', allowedNetworks: ['192.0.2.0/24'] },
    {
      name: 'partner',
      passwordHash: hash,
      paths: [{ path: '/outbox', role: 'read-only' }],
      limits: { maxSessions: 4 },
    },
  ],
  usersFrom: [{ secretRef: { name: 'team-a', key: 'users.yaml' } }, { configMapRef: { name: 'team.b' } }],
  tls: { secretName: 'ftp-tls' },
  persistence: { existingClaim: 'files', subPath: 'ftp/files' },
  service: {
    ports: { ftp: 21, ftps: 990 },
    nodePorts: { ftp: 30_021 },
    annotations: { 'example.com/load-balancer': 'internal' },
    labels: { exposed: 'yes' },
    loadBalancerClass: 'example.com/class',
    loadBalancerIP: '192.0.2.1',
    loadBalancerSourceRanges: ['198.51.100.0/24'],
    ipFamilyPolicy: 'PreferDualStack',
    ipFamilies: ['IPv4'],
  },
  networkPolicy: { enabled: true, from: [{ ipBlock: { cidr: '198.51.100.0/24' } }] },
  monitoring: { podMonitor: { enabled: true, labels: { release: 'prometheus' } } },
  podLabels: { tier: 'files' },
  podAnnotations: { 'example.com/note': 'here' },
  podSecurityContext: { runAsUser: 1000, supplementalGroups: [100] },
  extraVolumes: [{ name: 'passwords', secret: { secretName: 'passwords' } }],
  extraVolumeMounts: [{ name: 'passwords', mountPath: '/run/passwords', readOnly: true }],
  extraEnv: [{ name: 'TZ', value: 'UTC' }],
}

/** By what they are about. */
const matrix: Readonly<Record<string, Values>> = {
  defaults: {},
  everything,
  'node ports': { service: { type: 'NodePort', externalTrafficPolicy: 'Cluster' } },
  'inside the cluster only': { service: { type: 'ClusterIP' } },
  'the network of the node': { hostNetwork: true, service: { type: 'None' } },
  'a certificate of cert-manager': {
    tls: { issuerRef: { name: 'ca', kind: 'ClusterIssuer' }, dnsNames: ['ftp.example.com'] },
  },
  'certificates of clients': {
    config: { tls: { clientCertificates: 'optional' } },
    tls: { secretName: 'ftp-tls', clientCASecretName: 'clients' },
  },
  'no volume, no probes': {
    config: { probes: { enabled: false } },
    persistence: { enabled: false },
    serviceAccount: { create: false },
    networkPolicy: { enabled: true },
  },
  'a claim that goes': {
    persistence: { retain: false, storageClassName: 'fast', size: '1.5Ti', accessModes: ['ReadWriteMany'] },
  },
}

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'chart-'))
})
afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

describe('as Helm renders it', () => {
  for (const [name, values] of Object.entries(matrix)) {
    helmTest(`passes lint and names every object well: ${name}`, async () => {
      expect(await lint('ftp-server', values)).toMatchObject({ code: 0 })
      const objects = await render('ftp-server', values)
      for (const { metadata } of objects) {
        expect(metadata).toMatchObject({ name: expect.stringMatching(/^release-ftp-server/), namespace: 'apps' })
        expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/instance': 'release' })
      }
    })
  }

  for (const name of ['defaults', 'everything'] as const) {
    helmTest(`is what was looked at before: ${name}`, async () => {
      const text = goldenText(await render('ftp-server', matrix[name]))
      await expect(text).toMatchFileSnapshot(`golden/ftp-server-${name}.yaml`)
    })
  }
})

describe('the configuration', () => {
  for (const [name, values] of Object.entries(matrix)) {
    helmTest(`is loaded by the server without problems: ${name}`, async () => {
      const { configuration, problems } = await load(await render('ftp-server', values))
      // The certificates are in Secrets that Helm does not know, and so is the authority.
      expect(problems.filter(({ path }) => path !== 'tls.clientCertificates')).toEqual([])
      if (name !== 'certificates of clients') expect(configuration).toBeDefined()
    })
  }

  helmTest('has what the values say', async () => {
    const { configuration } = await load(await render('ftp-server', everything))
    expect(configuration?.server).toMatchObject(everything['config'] as Values)
    expect([...(configuration?.users.keys() ?? [])].toSorted()).toEqual(['camera', 'partner'])
    expect(configuration?.users.get('partner')?.limits).toMatchObject({ maxSessions: 4 })
  })

  helmTest('is read from directories that change, and a user of the values comes first', async () => {
    const deployment = only(await render('ftp-server', everything), 'Deployment')
    const mounts = listAt(deployment, 'spec.template.spec.containers.0.volumeMounts')
    expect(mounts.filter(({ subPath }) => subPath !== undefined).map(({ name }) => name)).toEqual(['data'])
    expect(mounts.map(({ mountPath }) => mountPath)).toEqual([
      '/etc/ftp-server/server',
      '/etc/ftp-server/users/00-values',
      '/etc/ftp-server/users/01-secret-team-a',
      '/etc/ftp-server/users/02-config-map-team.b',
      '/etc/ftp-server/tls',
      '/srv/ftp',
      '/run/passwords',
    ])
    expect(at(deployment, 'spec.template.spec.containers.0.args')).toEqual(['serve', '--config', '/etc/ftp-server'])
    const volumes = listAt(deployment, 'spec.template.spec.volumes')
    expect(volumes).toContainEqual({
      name: 'users-0',
      secret: {
        secretName: 'team-a',
        optional: true,
        defaultMode: 0o440,
        items: [{ key: 'users.yaml', path: 'users.yaml' }],
      },
    })
    expect(volumes).toContainEqual({ name: 'users-1', configMap: { name: 'team.b', optional: true } })
  })

  helmTest('takes no new pod when it or the users change, unless ports do', async () => {
    const template = async (values: Values) =>
      at(only(await render('ftp-server', values), 'Deployment'), 'spec.template')
    const before = await template({})
    const config = { banner: 'New.', passive: { ports: { last: 20_030 } } }
    expect(await template({ config, users: [{ name: 'first', passwordHash: hash }] })).toEqual(before)
    expect(await template({ config: { probes: { port: 9000 } } })).not.toEqual(before)
  })

  helmTest('tells clients inside the cluster the name of the Service', async () => {
    expect(await passiveOf(matrix['inside the cluster only'])).toMatchObject({
      advertisedAddress: 'release-ftp-server.apps.svc.cluster.local',
    })
    const given = { service: { type: 'ClusterIP' }, config: { passive: { advertisedAddress: '10.0.0.1' } } }
    expect(await passiveOf(given)).toMatchObject({ advertisedAddress: '10.0.0.1' })
    expect(await passiveOf({})).not.toHaveProperty('advertisedAddress')
  })

  helmTest('checks the address of clients only where it can be seen', async () => {
    expect(await passiveOf({})).not.toHaveProperty('peerCheck')
    expect(await passiveOf({ service: { externalTrafficPolicy: 'Cluster' } })).toMatchObject({ peerCheck: 'off' })
    const given = { service: { externalTrafficPolicy: 'Cluster' }, config: { passive: { peerCheck: 'same-address' } } }
    expect(await passiveOf(given)).toMatchObject({ peerCheck: 'same-address' })
    const announced = { passive: { proxyProtocol: { trustedNetworks: ['10.0.0.0/8'] } } }
    expect(await passiveOf({ service: { externalTrafficPolicy: 'Cluster' }, config: announced })).not.toHaveProperty(
      'peerCheck',
    )
  })

  helmTest('bans clients only where their addresses can be seen', async () => {
    expect(await configurationOf({})).not.toHaveProperty('bans')
    const hidden = { service: { externalTrafficPolicy: 'Cluster' } }
    expect(await configurationOf(hidden)).toMatchObject({ bans: { enabled: false } })
    const tuned = { ...hidden, config: { bans: { threshold: 3 } } }
    expect(await configurationOf(tuned)).toMatchObject({ bans: { enabled: false, threshold: 3 } })
    const given = { ...hidden, config: { bans: { enabled: true } } }
    expect(await configurationOf(given)).toMatchObject({ bans: { enabled: true } })
  })

  helmTest('keeps bans on the volume, unless another directory is given', async () => {
    expect(await configurationOf({})).toMatchObject({ state: { directory: '/data/.ftp-server' } })
    expect(await configurationOf(everything)).toMatchObject({ state: { directory: '/srv/ftp/.ftp-server' } })
    const given = { config: { state: { directory: '/var/lib/ftp' } } }
    expect(await configurationOf(given)).toMatchObject({ state: { directory: '/var/lib/ftp' } })
  })
})

describe('the Service', () => {
  helmTest('has the listeners and every passive port under its own number', async () => {
    const ports = listAt(only(await render('ftp-server', everything), 'Service'), 'spec.ports')
    expect(ports.slice(0, 2)).toEqual([
      { name: 'ftp', port: 21, targetPort: 'ftp', nodePort: 30_021 },
      { name: 'ftps', port: 990, targetPort: 'ftps' },
    ])
    expect(ports.slice(2)).toEqual(
      Array.from({ length: 10 }, (_, index) => ({
        name: `pasv-${40_000 + index}`,
        port: 40_000 + index,
        targetPort: 40_000 + index,
      })),
    )
  })

  helmTest('has passive node ports of the same number, since clients are told these', async () => {
    const [control, ...passive] = listAt(
      only(await render('ftp-server', matrix['node ports']), 'Service'),
      'spec.ports',
    )
    expect(control).not.toHaveProperty('nodePort')
    expect(passive).toHaveLength(20)
    for (const { port, nodePort } of passive) expect(nodePort).toBe(port)
  })

  helmTest('is left out where none is wanted, and the node then knows which ports are taken', async () => {
    const objects = await render('ftp-server', matrix['the network of the node'])
    expect(objects.map(({ kind }) => kind)).not.toContain('Service')
    expect(listAt(only(objects, 'Deployment'), 'spec.template.spec.containers.0.ports')).toHaveLength(22)
  })
})

describe('the pod', () => {
  helmTest('serves until no node sends it new sessions, and then has time to let transfers end', async () => {
    const deployment = only(await render('ftp-server', everything), 'Deployment')
    const [, seconds] = at(deployment, 'spec.template.spec.containers.0.lifecycle.preStop.exec.command') as string[]
    const drain = at(everything, 'config.limits.drainTimeoutSeconds')
    const closing = 15
    expect(seconds).toBe('5')
    expect(at(deployment, 'spec.template.spec.terminationGracePeriodSeconds')).toBe(
      Number(seconds) + Number(drain) + closing,
    )
  })

  helmTest('gets the certificate of the server and the authority of clients, and no other authority', async () => {
    const deployment = only(await render('ftp-server', matrix['certificates of clients']), 'Deployment')
    const [tls] = listAt(deployment, 'spec.template.spec.volumes').filter(({ name }) => name === 'tls')
    expect(
      listAt(tls, 'projected.sources').map(source => [
        at(source, 'secret.name'),
        listAt(source, 'secret.items').map(({ key }) => key),
      ]),
    ).toEqual([
      ['ftp-tls', ['tls.crt', 'tls.key']],
      ['clients', ['ca.crt']],
    ])
  })

  helmTest('takes the certificate that cert-manager makes', async () => {
    const objects = await render('ftp-server', matrix['a certificate of cert-manager'])
    expect(only(objects, 'Certificate')['spec']).toMatchObject({
      secretName: 'release-ftp-server-tls',
      issuerRef: { name: 'ca', kind: 'ClusterIssuer' },
      dnsNames: ['ftp.example.com'],
    })
    expect(JSON.stringify(only(objects, 'Deployment'))).toContain('"name":"release-ftp-server-tls"')
  })

  helmTest('keeps its files when the release goes, unless told otherwise', async () => {
    const claim = async (values: Values) => only(await render('ftp-server', values), 'PersistentVolumeClaim').metadata
    expect((await claim({})).annotations).toEqual({ 'helm.sh/resource-policy': 'keep' })
    expect((await claim({ persistence: { retain: false } })).annotations).toBeUndefined()
  })
})

describe('the notes', () => {
  helmTest('say what is missing', async () => {
    const text = await notes('ftp-server')
    expect(text).toContain('config.passive.advertisedAddress')
    expect(text).toContain('Nobody can log in yet')
    expect(text).toContain('self-signed')
    const complete = await notes('ftp-server', everything)
    for (const part of ['PASV', 'Nobody', 'self-signed']) expect(complete).not.toContain(part)
  })
})

describe('wrong values', () => {
  const user = { name: 'a', passwordHash: hash }
  const wrong: readonly (readonly [Values, RegExp])[] = [
    [{ conifg: {} }, /'conifg' not allowed/],
    [{ config: { bannner: 'x' } }, /'\/config'.*'bannner'/],
    [{ config: { limits: { maxSessions: 0 } } }, /'\/config\/limits\/maxSessions'/],
    [{ config: { passive: { peerCheck: false } } }, /'\/config\/passive\/peerCheck'/],
    [
      { config: { passive: { ports: { first: 20_010, last: 20_000 } } } },
      /config\.passive\.ports\.last: must not be below/,
    ],
    [{ config: { passive: null } }, /'\/config'.*'passive'/],
    [
      { config: { passive: { advertisedAddresses: [{ clients: ['everyone'] }] } } },
      /'\/config\/passive\/advertisedAddresses\/0/,
    ],
    [{ config: { listeners: [{ name: 'a-name-that-is-too-long', port: 2121 }] } }, /'\/config\/listeners\/0\/name'/],
    [{ config: { listeners: [{ name: 'probes', port: 2121 }] } }, /config\.listeners\[0\]\.name: must be another name/],
    [{ config: { listeners: [{ name: 'ftp', port: 20_005 }] } }, /config\.listeners\[0\]\.port: must lie outside/],
    [{ config: { listeners: [{ name: 'ftp', port: 8080 }] } }, /config\.listeners\[0\]\.port: must be another port/],
    [{ config: { listeners: [] } }, /'\/config\/listeners'/],
    [{ config: { root: 'data' } }, /'\/config\/root'/],
    [{ config: { tls: { clientCertificates: 'required' } } }, /tls\.clientCASecretName: must be given/],
    [{ config: { listing: { timeZone: '../etc' } } }, /'\/config\/listing\/timeZone'/],
    [{ users: [{ ...user, role: 'admin' }] }, /'\/users\/0\/role'/],
    [{ users: [{ ...user, passwordHash: 'secret' }] }, /'\/users\/0\/passwordHash'/],
    [{ users: [{ ...user, password: 'secret' }] }, /'\/users\/0'.*'password'/],
    [{ users: [{ ...user, home: 'relative' }] }, /'\/users\/0\/home'/],
    [{ usersFrom: [{}] }, /usersFrom\[0\]: must have exactly one/],
    [
      { usersFrom: [{ secretRef: { name: 'a' }, configMapRef: { name: 'b' } }] },
      /usersFrom\[0\]: must have exactly one/,
    ],
    [{ usersFrom: [{ secretRef: { nmae: 'a' } }] }, /'\/usersFrom\/0\/secretRef'/],
    [{ tls: { secretName: 'a', issuerRef: { name: 'b' } } }, /tls: must have at most one/],
    [{ tls: { issuerRef: { kind: 'Issuer' } } }, /tls\.issuerRef\.name: must be given/],
    [{ persistence: { size: 'large' } }, /'\/persistence\/size'/],
    [{ persistence: { subPath: '../other' } }, /'\/persistence\/subPath'/],
    [{ service: { type: 'Ingress' } }, /'\/service\/type'/],
    [{ service: { ports: { ftp: '21' } } }, /'\/service\/ports\/ftp'/],
    [{ podSecurityContext: { privileged: true } }, /'\/podSecurityContext'.*'privileged'/],
  ]
  for (const [values, message] of wrong) {
    helmTest(`are refused with their key: ${JSON.stringify(values).replaceAll(hash, '…')}`, async () => {
      expect(await refusal('ftp-server', values)).toMatch(message)
    })
  }
})

describe('at a real API server', () => {
  let server: ApiServer
  beforeAll(async () => {
    if (kubebuilderAssets.directory === undefined) return
    server = await startApiServer()
    const metadata = { name: 'apps', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } }
    await apply(server, { apiVersion: 'v1', kind: 'Namespace', metadata }, 'for-real')
  }, 90_000)
  afterAll(async () => {
    await server?.stop()
  }, 30_000)

  const judged = kubebuilderAssets.directory === undefined ? clusterTest : helmTest

  for (const [name, values] of Object.entries(matrix)) {
    judged(`every object is taken: ${name}`, async () => {
      for (const object of await render('ftp-server', values)) {
        if (!(await isServed(server, object))) expect(ofOthers).toContain(object.kind)
        else expect(await create(server, object)).toMatchObject({ status: 201 })
      }
    })
  }

  judged('its pod may run where the standard `restricted` is enforced', async () => {
    for (const name of ['defaults', 'everything']) {
      const objects = await render('ftp-server', matrix[name])
      const { metadata, spec } = at(only(objects, 'Deployment'), 'spec.template') as RenderedObject
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'pod', namespace: 'apps' }, spec }
      expect(await create(server, pod)).toMatchObject({ status: 201 })
    }
  })
})

/** Kinds that a cluster has from elsewhere. */
const ofOthers = ['PodMonitor', 'Certificate']

/** Lays out what Helm knows of the files in the pod, and has the server load it. */
async function load(objects: readonly RenderedObject[]) {
  const root = await mkdtemp(join(directory, 'pod-'))
  const users = objects.filter(({ kind }) => kind === 'Secret')
  const files = {
    'server/server.yaml': serverYaml(objects),
    ...Object.fromEntries(
      users.map(secret => ['users/00-values/users.yaml', textIn(secret, 'stringData', 'users.yaml')]),
    ),
  }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
  return loadConfiguration(root, undefined)
}

function serverYaml(objects: readonly RenderedObject[]): string {
  return textIn(only(objects, 'ConfigMap'), 'data', 'server.yaml')
}

function textIn(object: RenderedObject, field: 'data' | 'stringData', key: string): string {
  const text = (object[field] as Values)[key]
  if (typeof text !== 'string') throw new Error(`${object.kind} has no ${key}`)
  return text
}

async function configurationOf(values: Values): Promise<Readonly<Record<string, unknown>>> {
  return parse(serverYaml(await render('ftp-server', values)))
}

async function passiveOf(values: Values = {}): Promise<unknown> {
  return (await configurationOf(values))['passive']
}
