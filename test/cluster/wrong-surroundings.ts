/** What can be wrong with volumes, pods, names and ports. */
import { applyYaml, ftpServer, kubectl, waitForCondition } from '../support/cluster/cluster.ts'
import { claim, giveVolume, patch, remove, type WrongThing } from './wrong-things.ts'

export const wrongStorage: readonly WrongThing[] = [
  {
    title: 'an existing claim that does not exist',
    spec: ({ name }) => ({ storage: { existingClaimName: `${name}-files` } }),
    shows: { type: 'StorageReady', reason: /^ClaimNotFound$/, message: /files/ },
    event: /^StorageClaimNotFound$/,
    serves: [],
    mend: place => claim(place, `${place.name}-files`),
  },
  {
    title: 'a claim of somebody else that has the name of its own',
    spec: () => ({ storage: { claim: { size: '1Gi' } } }),
    prepare: place => claim(place, `${place.name}-data`),
    shows: { type: 'StorageReady', reason: /^ClaimTaken$/, message: /-data/ },
    event: /^StorageClaimTaken$/,
    serves: [],
    mend: place => remove(place, 'persistentvolumeclaim', `${place.name}-data`),
  },
  {
    title: 'a claim whose storage class does not exist',
    spec: () => ({ storage: { claim: { size: '1Gi', storageClassName: 'no-such-class' } } }),
    shows: { type: 'StorageReady', reason: /^Pending$/, message: /-data of storage class no-such-class/ },
    event: /^Unschedulable$/,
    note: /PersistentVolumeClaim/,
    serves: [],
    mend: place => giveVolume(place, `${place.name}-data`, 'no-such-class'),
  },
]

export const wrongWorkload: readonly WrongThing[] = [
  {
    title: 'an image that can’t be pulled',
    spoil: place => patch(place, { image: 'registry.invalid/ftp:none' }),
    shows: { type: 'Stalled', reason: /^ImagePullBackOff$/, message: /registry\.invalid/ },
    event: /^ImagePullBackOff$/,
    serves: ['alice'],
    mend: place => patch(place, { image: null }),
  },
  {
    title: 'a node that no pod can be put on',
    spoil: place => patch(place, { nodeSelector: { 'example.com/none': 'such' } }),
    shows: { type: 'Stalled', reason: /^Unschedulable$/, message: /nodes are available/ },
    event: /^Unschedulable$/,
    serves: ['alice'],
    mend: place => patch(place, { nodeSelector: null }),
  },
  {
    title: 'a pod template that the API server does not take',
    spoil: place =>
      patch(place, { podTemplate: { spec: { containers: [{ name: 'ftp-server', imagePullPolicy: 'Sometimes' }] } } }),
    shows: { type: 'Stalled', reason: /^ApplyFailed$/, message: /Deployment .*imagePullPolicy/ },
    event: /^ApplyFailed$/,
    serves: ['alice'],
    mend: place => patch(place, { podTemplate: null }),
  },
  {
    title: 'a pod template that the security standard of the namespace forbids',
    spoil: place =>
      patch(place, {
        podTemplate: {
          spec: {
            containers: [{ name: 'ftp-server', securityContext: { privileged: true, allowPrivilegeEscalation: true } }],
          },
        },
      }),
    shows: { type: 'Stalled', reason: /^PodsRefused$/, message: /violates PodSecurity/ },
    event: /^PodsRefused$/,
    serves: ['alice'],
    mend: place => patch(place, { podTemplate: null }),
  },
  {
    title: 'a Service of somebody else that has its name',
    prepare: ({ namespace, name }) =>
      applyYaml({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace },
        spec: { ports: [{ port: 80 }] },
      }),
    shows: { type: 'Stalled', reason: /^NameTaken$/, message: /Service/ },
    event: /^NameTaken$/,
    serves: [],
    mend: place => remove(place, 'service', place.name),
  },
  {
    title: 'a ServiceAccount of somebody else that has its name',
    prepare: ({ namespace, name }) =>
      applyYaml({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }),
    shows: { type: 'Stalled', reason: /^NameTaken$/, message: /ServiceAccount/ },
    event: /^NameTaken$/,
    serves: [],
    mend: place => remove(place, 'serviceaccount', place.name),
  },
]

export const wrongPorts: readonly WrongThing[] = [
  {
    title: 'a port that another server has at the address of the load balancer',
    spec: () => ({
      service: { type: 'LoadBalancer' },
      listeners: [{ name: 'ftp', port: 3402 }],
      passive: { firstPort: 3408, portsPerReplica: 2 },
    }),
    prepare: async ({ namespace, name }) => {
      await applyYaml(
        ftpServer(namespace, `${name}-rival`, {
          listeners: [{ name: 'ftp', port: 3402 }],
          passive: { firstPort: 3404, portsPerReplica: 2 },
          drainSeconds: 1,
        }),
      )
      return waitForCondition(namespace, `${name}-rival`)
    },
    shows: { type: 'AddressReady', reason: /^PortTaken$/, message: /port 3402 of .* Service .*-rival/ },
    event: /^AddressPortTaken$/,
    serves: [],
    mend: place => remove(place, 'ftp', `${place.name}-rival`),
  },
  {
    title: 'a node port that another Service has',
    spec: () => ({ service: { type: 'NodePort' }, passive: { firstPort: 22_040, portsPerReplica: 4 } }),
    prepare: ({ namespace, name }) =>
      applyYaml({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: `${name}-other`, namespace },
        spec: { type: 'NodePort', ports: [{ port: 80 }] },
      }),
    spoil: async place => {
      const path = '-o=jsonpath={.spec.ports[0].nodePort}'
      const nodePort = Number(await kubectl(['-n', place.namespace, 'get', 'service', `${place.name}-other`, path]))
      return patch(place, { listeners: [{ name: 'ftp', port: 3400, nodePort }] })
    },
    shows: { type: 'Stalled', reason: /^ApplyFailed$/, message: /Service .*already allocated/ },
    event: /^ApplyFailed$/,
    // At the node port that the Service had before.
    serves: ['alice'],
    mend: place => remove(place, 'service', `${place.name}-other`),
  },
]
