/** The chart of the operator: what Helm makes of it, and what a real API server says to that. */
import { readFile } from 'node:fs/promises'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { parse } from 'yaml'
import { parseSettings } from '../../operator/settings.ts'
import { createOperatorMetrics } from '../../operator/telemetry/metrics.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { type ApiServer, clusterTest, kubebuilderAssets, startApiServer } from '../support/control-plane/api-server.ts'
import { apply, create, install, isServed, mayDo } from './dry-run.ts'
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

const everything: Values = {
  commonLabels: { team: 'files', 'app.kubernetes.io/name': 'not-yours' },
  image: {
    repository: 'registry.example.com/ftp-operator',
    digest: `sha256:${'ab'.repeat(32)}`,
    pullPolicy: 'Always',
    pullSecrets: [{ name: 'registry' }],
  },
  serverImage: 'registry.example.com/ftp-server:1.2.3',
  replicas: 2,
  clusterNetworks: ['10.244.0.0/16', 'fd00::/56'],
  workers: 8,
  logLevel: 'debug',
  serviceAccount: { annotations: { 'example.com/role': 'files' } },
  networkPolicy: {
    metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
    egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
  },
  monitoring: {
    podMonitor: { enabled: true, labels: { release: 'prometheus' } },
    prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
    dashboards: { enabled: true, annotations: { folder: 'FTP' } },
  },
  podLabels: { tier: 'control' },
  podAnnotations: { 'example.com/note': 'here' },
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'dedicated', operator: 'Exists' }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
      },
    },
  },
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
  priorityClassName: 'system-cluster-critical',
  extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy.example.com' }],
}

/** By what they are about. */
const matrix: Readonly<Record<string, Values>> = {
  defaults: {},
  everything,
  'one namespace': { namespaces: ['apps'] },
  'two namespaces': { namespaces: ['apps', 'media'], rbac: { aggregate: false } },
  'nothing outside of namespaces': {
    namespaces: ['apps'],
    crds: { enabled: false },
    rbac: { nodes: false, aggregate: false },
  },
  'nothing of its own': {
    crds: { enabled: false },
    rbac: { create: false, aggregate: false },
    serviceAccount: { create: false, name: 'given' },
    networkPolicy: { enabled: false },
    leaderElection: { enabled: false },
  },
  'a long name': { fullnameOverride: 'x'.repeat(80) },
}

describe('as Helm renders it', () => {
  for (const [name, values] of Object.entries(matrix)) {
    helmTest(`passes lint and names every object well: ${name}`, async () => {
      expect(await lint('ftp-operator', values)).toMatchObject({ code: 0 })
      const objects = await render('ftp-operator', values)
      for (const { apiVersion, kind, metadata } of objects) {
        expect([apiVersion, kind, metadata.name]).not.toContain(undefined)
        expect(metadata.name).toMatch(/^[a-z0-9][-.a-z0-9]{0,62}$/)
        expect(metadata.namespace === undefined).toBe(inNoNamespace.has(kind))
        expect(metadata.labels).toMatchObject({
          'app.kubernetes.io/name': 'ftp-operator',
          'app.kubernetes.io/instance': 'release',
          'app.kubernetes.io/managed-by': 'Helm',
        })
      }
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`)
      expect(names).toEqual([...new Set(names)])
    })
  }

  for (const name of ['defaults', 'everything', 'two namespaces'] as const) {
    helmTest(`is what was looked at before: ${name}`, async () => {
      const objects = await render('ftp-operator', matrix[name])
      const shown = objects.map(object => (object.kind === 'CustomResourceDefinition' ? object.metadata : object))
      const text = goldenText(shown.map(withoutDashboards))
      await expect(text).toMatchFileSnapshot(`golden/ftp-operator-${name.replaceAll(' ', '-')}.yaml`)
    })
  }

  helmTest('has the version of the package', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'))
    for (const chart of ['ftp-operator', 'ftp-server']) {
      const { version: ofChart, appVersion } = parse(await readFile(`charts/${chart}/Chart.yaml`, 'utf8'))
      expect([ofChart, appVersion]).toEqual([version, version])
    }
  })
})

describe('the definition', () => {
  for (const plural of ['ftpservers', 'ftpusers']) {
    helmTest(`is that of crds/, and stays when the release goes: ${plural}`, async () => {
      const name = `${plural}.ftp-operator.io`
      const { metadata, ...rendered } = only(await render('ftp-operator'), 'CustomResourceDefinition', name)
      const { metadata: given, ...written } = parse(await readFile(`crds/ftp-operator.io_${plural}.yaml`, 'utf8'))
      expect(rendered).toEqual(written)
      expect(metadata.name).toBe(given.name)
      expect(metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' })
    })
  }

  helmTest('goes with the release, or is not part of it, where the values say so', async () => {
    const removable = await render('ftp-operator', { crds: { keep: false } })
    const definitions = removable.filter(({ kind }) => kind === 'CustomResourceDefinition')
    expect(definitions.map(({ metadata }) => metadata.annotations)).toEqual([undefined, undefined])
    const without = await render('ftp-operator', { crds: { enabled: false } })
    expect(without.map(({ kind }) => kind)).not.toContain('CustomResourceDefinition')
  })
})

describe('rights', () => {
  const written = ['create', 'delete', 'get', 'list', 'patch', 'watch']
  const read = ['get', 'list', 'watch']
  const followed = ['list', 'watch']
  /** Of kinds that a cluster may lack. */
  const unwatched = ['create', 'delete', 'get', 'list', 'patch']
  /** All that the operator may do where FtpServers are. */
  const expected: Readonly<Record<string, readonly string[]>> = {
    'ftp-operator.io/ftpservers': followed,
    // For the finalizer of those whose homes are to go with them.
    'ftp-operator.io/ftpusers': ['list', 'patch', 'watch'],
    'ftp-operator.io/ftpservers/status': ['patch'],
    'ftp-operator.io/ftpusers/status': ['patch'],
    '/configmaps': written,
    '/persistentvolumeclaims': written,
    '/secrets': written,
    '/serviceaccounts': written,
    '/services': written,
    'apps/deployments': written,
    'policy/poddisruptionbudgets': written,
    'networking.k8s.io/networkpolicies': written,
    'monitoring.coreos.com/podmonitors': unwatched,
    'monitoring.coreos.com/prometheusrules': unwatched,
    'cert-manager.io/certificates': unwatched,
    'snapshot.storage.k8s.io/volumesnapshots': ['create', 'delete', 'get', 'list'],
    '/pods': ['list', 'patch', 'watch'],
    'events.k8s.io/events': ['create', 'patch'],
  }

  helmTest('are exactly what the operator needs, in the whole cluster', async () => {
    const objects = await render('ftp-operator')
    expect(rulesOf(only(objects, 'ClusterRole', 'release-ftp-operator'))).toEqual({
      ...expected,
      '/namespaces': followed,
      'snapshot.storage.k8s.io/volumesnapshotclasses': ['list'],
    })
    expect(rulesOf(only(objects, 'ClusterRole', 'release-ftp-operator-nodes'))).toEqual({ '/nodes': ['list'] })
    expect(only(objects, 'Role')['rules']).toEqual([
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['release-ftp-operator'],
        verbs: ['get', 'update'],
      },
    ])
    const account = [{ kind: 'ServiceAccount', name: 'release-ftp-operator', namespace: 'apps' }]
    for (const binding of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
      expect(binding['subjects']).toEqual(account)
      expect(at(binding, 'roleRef.name')).toBe(binding.metadata.name)
    }
    expect(objects.filter(({ kind }) => kind === 'ClusterRoleBinding')).toHaveLength(2)
  })

  helmTest('are the same, and in those namespaces only, where namespaces are given', async () => {
    const objects = await render('ftp-operator', { namespaces: ['media', 'web'], rbac: { nodes: false } })
    const roles = objects.filter(({ kind, metadata }) => kind === 'Role' && !metadata.name.endsWith('-leader'))
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(['media', 'web'])
    for (const role of roles) expect(rulesOf(role)).toEqual(expected)
    expect(objects.filter(({ kind }) => kind === 'ClusterRoleBinding')).toEqual([])
  })

  helmTest('of the usual roles take in FtpServers', async () => {
    const objects = await render('ftp-operator')
    const view = only(objects, 'ClusterRole', 'release-ftp-operator-view')
    const edit = only(objects, 'ClusterRole', 'release-ftp-operator-edit')
    expect(view.metadata.labels).toMatchObject({ 'rbac.authorization.k8s.io/aggregate-to-view': 'true' })
    expect(edit.metadata.labels).not.toHaveProperty(['rbac.authorization.k8s.io/aggregate-to-view'])
    expect(edit.metadata.labels).toMatchObject({ 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' })
    expect(rulesOf(view)).toEqual({
      'ftp-operator.io/ftpservers': read,
      'ftp-operator.io/ftpservers/scale': ['get'],
      'ftp-operator.io/ftpservers/status': ['get'],
      'ftp-operator.io/ftpusers': read,
      'ftp-operator.io/ftpusers/status': ['get'],
    })
    expect(rulesOf(edit)).toEqual({
      'ftp-operator.io/ftpservers': ['create', 'delete', 'deletecollection', 'patch', 'update'],
      'ftp-operator.io/ftpservers/scale': ['patch', 'update'],
      'ftp-operator.io/ftpusers': ['create', 'delete', 'deletecollection', 'patch', 'update'],
    })
  })

  helmTest('outside of namespaces are not needed where none is wanted', async () => {
    const objects = await render('ftp-operator', matrix['nothing outside of namespaces'])
    expect(objects.filter(({ metadata }) => metadata.namespace !== 'apps')).toEqual([])
  })
})

describe('the program', () => {
  helmTest('takes its arguments, and they say what the values say', async () => {
    const objects = await render('ftp-operator', { ...everything, namespaces: ['apps', 'media'] })
    const [, ...parameters] = at(container(objects), 'args') as string[]
    expect(at(container(objects), 'args.0')).toBe('run')
    expect(parseSettings(parameters, { POD_NAMESPACE: 'apps' })).toEqual({
      namespaces: ['apps', 'media'],
      serverImage: 'registry.example.com/ftp-server:1.2.3',
      leaderElection: true,
      leaderElectionNamespace: 'apps',
      leaderElectionId: 'release-ftp-operator',
      probesPort: 8081,
      logLevel: 'debug',
      workers: 8,
      clusterNetworks: ['10.244.0.0/16', 'fd00::/56'],
    })
  })

  helmTest('leads by a Lease that is named as all else of its release, so that two releases share none', async () => {
    for (const name of ['blue', 'x'.repeat(80)]) {
      const objects = await render('ftp-operator', { fullnameOverride: name })
      const [, ...parameters] = at(container(objects), 'args') as string[]
      const { leaderElectionId } = parseSettings(parameters, {})
      expect(leaderElectionId).toBe(only(objects, 'Deployment').metadata.name)
      expect(at(only(objects, 'Role'), 'rules.1.resourceNames')).toEqual([leaderElectionId])
    }
  })

  helmTest('runs servers with its own image unless told otherwise', async () => {
    const objects = await render('ftp-operator', { image: { repository: 'mirror.example.com/ftp', tag: '9.9' } })
    expect(at(container(objects), 'image')).toBe('mirror.example.com/ftp:9.9')
    expect(at(container(objects), 'args')).toContain('--server-image=mirror.example.com/ftp:9.9')
  })

  helmTest('is one pod by default, and a budget keeps one of several running', async () => {
    expect((await render('ftp-operator')).map(({ kind }) => kind)).not.toContain('PodDisruptionBudget')
    const objects = await render('ftp-operator', { replicas: 2 })
    expect(only(objects, 'PodDisruptionBudget')['spec']).toMatchObject({ maxUnavailable: 1 })
  })

  helmTest('is told about by the notes', async () => {
    expect(await notes('ftp-operator')).toContain('looks after FtpServers in all namespaces')
    expect(await notes('ftp-operator', { namespaces: ['apps', 'media'] })).toContain('in apps, media')
    expect(await notes('ftp-operator', { crds: { enabled: false } })).toContain('apply crds/')
  })
})

describe('monitoring', () => {
  helmTest('asks for metrics that the programs have', async () => {
    const objects = await render('ftp-operator', everything)
    const dashboards = Object.values(only(objects, 'ConfigMap')['data'] as Record<string, string>).map(text =>
      JSON.parse(text),
    )
    expect(new Set(dashboards.map(({ uid }) => uid))).toEqual(new Set(['ftp-operator', 'ftp-servers']))
    const expressions = [
      ...dashboards.flatMap(({ panels }) =>
        panels.flatMap(({ targets }: Values) => listAt({ targets }, 'targets').map(({ expr }) => expr)),
      ),
      ...listAt(only(objects, 'PrometheusRule'), 'spec.groups.0.rules').map(({ expr }) => expr),
    ] as string[]
    const known = new Set(await metricNames())
    const used = expressions.flatMap(each => [...each.matchAll(/([a-z0-9_]+)\{/g)].map(([, name]) => name ?? ''))
    expect(used.length).toBeGreaterThan(expressions.length / 2)
    expect([...new Set(used)].filter(name => !known.has(name))).toEqual([])
  })

  helmTest('shows each panel in a place of its own', async () => {
    for (const name of ['ftp-operator', 'ftp-servers']) {
      const { panels } = JSON.parse(await readFile(`charts/ftp-operator/dashboards/${name}.json`, 'utf8'))
      const places = listAt({ panels }, 'panels').flatMap(({ gridPos }) => {
        const { x, y, w, h } = gridPos as Record<'x' | 'y' | 'w' | 'h', number>
        expect(x + w).toBeLessThanOrEqual(24)
        return Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`)
      })
      expect(places).toEqual([...new Set(places)])
    }
  })
})

describe('wrong values', () => {
  const wrong: readonly (readonly [Values, RegExp])[] = [
    [{ replica: 2 }, /'replica' not allowed/],
    [{ replicas: 'two' }, /'\/replicas'/],
    [{ replicas: 2, leaderElection: { enabled: false } }, /replicas: must be at most 1/],
    [{ image: { tga: '1' } }, /'\/image'.*'tga'/],
    [{ image: { digest: 'abc' } }, /'\/image\/digest'/],
    [{ image: { pullPolicy: 'Sometimes' } }, /'\/image\/pullPolicy'/],
    [{ image: { pullSecrets: ['registry'] } }, /'\/image\/pullSecrets\/0'/],
    [{ namespaces: 'apps' }, /'\/namespaces'/],
    [{ namespaces: ['Apps'] }, /'\/namespaces\/0'/],
    [{ clusterNetworks: ['10.0.0.1'] }, /'\/clusterNetworks\/0'/],
    [{ workers: 0 }, /'\/workers'/],
    [{ logLevel: 'loud' }, /'\/logLevel'/],
    [{ crds: { keep: 'yes' } }, /'\/crds\/keep'/],
    [{ rbac: { nodess: true } }, /'nodess'/],
    [{ monitoring: { podMonitor: { interval: 'often' } } }, /'\/monitoring\/podMonitor\/interval'/],
    [{ tolerations: [{ effect: 'Never' }] }, /'\/tolerations\/0\/effect'/],
    [{ resources: { request: {} } }, /'\/resources'.*'request'/],
    [{ commonLabels: { team: 'a b' } }, /'\/commonLabels\/team'/],
  ]
  for (const [values, message] of wrong) {
    helmTest(`are refused with their key: ${JSON.stringify(values)}`, async () => {
      expect(await refusal('ftp-operator', values)).toMatch(message)
    })
  }

  helmTest('of a parent chart for all charts are let through', async () => {
    expect(await refusal('ftp-operator', { global: { anything: 1 } })).toBe('')
  })
})

describe('at a real API server', () => {
  let server: ApiServer
  beforeAll(async () => {
    if (kubebuilderAssets.directory === undefined) return
    server = await startApiServer()
    for (const [name, labels] of [
      ['apps', { 'pod-security.kubernetes.io/enforce': 'restricted' }],
      ['media', {}],
    ] as const) {
      const metadata = { name, labels }
      await apply(server, { apiVersion: 'v1', kind: 'Namespace', metadata }, 'for-real')
    }
  }, 90_000)
  afterAll(async () => {
    await server?.stop()
  }, 30_000)

  const judged = kubebuilderAssets.directory === undefined ? clusterTest : helmTest

  for (const [name, values] of Object.entries(matrix).filter(([each]) => each !== 'a long name')) {
    judged(`every object is taken: ${name}`, async () => {
      for (const object of await render('ftp-operator', values)) {
        if (!(await isServed(server, object))) expect(ofOthers).toContain(object.kind)
        else expect(await apply(server, object, 'dry-run')).toMatchObject({ status: expect.toSatisfy(succeeded) })
      }
    })
  }

  judged('its pods may run where the standard `restricted` is enforced', async () => {
    const { metadata, spec } = at(
      only(await render('ftp-operator', everything), 'Deployment'),
      'spec.template',
    ) as RenderedObject
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'pod', namespace: 'apps' }, spec }
    // Its priority class is for system namespaces only.
    const { priorityClassName: _, ...allowed } = spec as Values
    expect(await create(server, { ...pod, spec: allowed })).toMatchObject({ status: 201 })
    const privileged = { ...allowed, hostNetwork: true }
    expect(await create(server, { ...pod, spec: privileged })).toMatchObject({ status: 403 })
  })

  judged('its account may do what is needed, and nothing else, in its namespaces', async () => {
    const objects = await render('ftp-operator', { namespaces: ['media'], crds: { enabled: false } })
    for (const object of objects.filter(({ apiVersion }) => apiVersion.startsWith('rbac.'))) {
      expect(await apply(server, object, 'for-real')).toMatchObject({ status: expect.toSatisfy(succeeded) })
    }
    const account = { namespace: 'apps', name: 'release-ftp-operator' }
    const may = (verb: string, group: string, resource: string, namespace?: string, subresource?: string) =>
      mayDo(server, account, {
        verb,
        group,
        resource,
        ...(namespace && { namespace }),
        ...(subresource && { subresource }),
      })
    const leaseOf = (name: string) => ({ group: 'coordination.k8s.io', resource: 'leases', namespace: 'apps', name })
    expect(await may('patch', '', 'secrets', 'media')).toBe(true)
    expect(await may('patch', 'ftp-operator.io', 'ftpservers', 'media', 'status')).toBe(true)
    expect(await may('create', 'coordination.k8s.io', 'leases', 'apps')).toBe(true)
    expect(await mayDo(server, account, { ...leaseOf('release-ftp-operator'), verb: 'get' })).toBe(true)
    expect(await mayDo(server, account, { ...leaseOf('release-ftp-operator'), verb: 'update' })).toBe(true)
    expect(await mayDo(server, account, { ...leaseOf('other-ftp-operator'), verb: 'update' })).toBe(false)
    expect(await may('list', '', 'nodes')).toBe(true)
    expect(await may('get', '', 'secrets', 'apps')).toBe(false)
    expect(await may('list', '', 'secrets')).toBe(false)
    expect(await may('create', '', 'pods', 'media')).toBe(false)
    expect(await may('create', '', 'pods', 'media', 'exec')).toBe(false)
    expect(await may('patch', 'ftp-operator.io', 'ftpservers', 'media')).toBe(false)
    expect(await may('create', 'rbac.authorization.k8s.io', 'roles', 'media')).toBe(false)
    expect(await may('update', 'coordination.k8s.io', 'leases', 'media')).toBe(false)
  })

  judged('its definition can be installed, and then it takes a server', async () => {
    await install(server, only(await render('ftp-operator'), 'CustomResourceDefinition', 'ftpservers.ftp-operator.io'))
    const example = {
      apiVersion: 'ftp-operator.io/v1alpha1',
      kind: 'FtpServer',
      metadata: { name: 'first', namespace: 'media' },
      spec: { storage: { claim: { size: '1Gi' } } },
    }
    expect(await apply(server, example, 'dry-run')).toMatchObject({ status: 201 })
  })
})

const inNoNamespace = new Set(['ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition'])
/** Kinds that a cluster has from elsewhere. */
const ofOthers = ['PodMonitor', 'PrometheusRule']

function succeeded(status: number): boolean {
  return status === 200 || status === 201
}

function container(objects: readonly RenderedObject[]): unknown {
  return at(only(objects, 'Deployment'), 'spec.template.spec.containers.0')
}

/** Verbs by `group/resource`, sorted. */
function rulesOf(role: RenderedObject): Record<string, string[]> {
  const result: Record<string, string[]> = {}
  for (const { apiGroups, resources, verbs, ...rest } of listAt(role, 'rules')) {
    expect(rest).toEqual({})
    for (const group of apiGroups as string[]) {
      for (const resource of resources as string[]) {
        const key = `${group}/${resource}`
        result[key] = [...(result[key] ?? []), ...(verbs as string[])].toSorted()
      }
    }
  }
  return result
}

function withoutDashboards(object: unknown): unknown {
  if (at(object, 'kind') !== 'ConfigMap') return object
  return { ...(object as Values), data: Object.keys(at(object, 'data') as object) }
}

async function metricNames(): Promise<string[]> {
  const operator = createOperatorMetrics({ version: '', runtime: '' })
  const server = createMetrics({ version: '', runtime: '', verbs: [] })
  const all = await Registry.merge([server.registry]).getMetricsAsJSON()
  const own = await operator.registry.getMetricsAsJSON()
  return [...all, ...own].flatMap(({ name }) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`])
}
