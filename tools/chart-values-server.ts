/** The values of the chart `ftp-server`. `config` and `users` are the server’s own schema. */
import { Type } from 'typebox'
import { dataKey, flag, list, objectName, oneOf, record, size, text, textLike, whole } from '../operator/api/fields.ts'
import { userSchema } from '../server/config/schema/user.ts'
import { serverSchema } from '../server/config/schema.ts'
import {
  annotationsValue,
  globalValue,
  image,
  kubernetesObjects,
  labelsValue,
  nameFields,
  nameOrNothing,
  podFields,
  podMonitor,
  ports,
  serviceAccount,
} from './chart-values-fields.ts'
import { jsonSchemaOf, type Schema, withOptionalDefaults } from './json-schema.ts'

export const serverChartValues = record(
  {
    nameOverride: nameOrNothing('Name in place of that of the chart, in names and labels.'),
    ...nameFields,
    image: image('ftp-operator'),
    config: Type.Unsafe<object>({
      ...configSchema(),
      default: {
        listeners: [{ name: 'ftp', port: 2121, tls: 'explicit' }],
        passive: { ports: { first: 20_000, last: 20_019 } },
      },
      description:
        'Configuration of the server: `server.yaml`, with all keys of docs/reference/configuration.md. A change is in force without a restart, unless it is one of ports. Words like `off` need quotes in YAML.',
    }),
    users: Type.Array(Type.Unsafe(withOptionalDefaults(jsonSchemaOf(userSchema))), {
      maxItems: 1000,
      default: [],
      description: 'Users, as in a list of users; they go into a Secret. Hashes only, no clear passwords.',
    }),
    usersFrom: list(
      record(
        {
          secretRef: Type.Optional(reference('Secret')),
          configMapRef: Type.Optional(reference('ConfigMap')),
        },
        { description: 'Exactly one of `secretRef` and `configMapRef`.' },
      ),
      {
        maxItems: 64,
        default: [],
        description:
          'Lists of users in Secrets and ConfigMaps: `- secretRef: {name: NAME}` or `- configMapRef: {name: NAME}`, with `key` for one key only. They may come into being later.',
      },
    ),
    tls: record(
      {
        secretName: nameOrNothing(
          'Secret with the certificate, in the layout of `kubernetes.io/tls`. Without one the server makes a self-signed certificate at each start.',
        ),
        issuerRef: Type.Unsafe<object>({
          ...record(
            {
              name: objectName('Name of the issuer.'),
              kind: Type.Optional(text({ maxLength: 63, description: '`Issuer` or `ClusterIssuer`.' })),
              group: Type.Optional(text({ maxLength: 253, description: 'API group of the issuer.' })),
            },
            { description: '' },
          ),
          required: [],
          default: {},
          description: 'Issuer of cert-manager that the certificate is requested from: `name` and `kind`.',
        }),
        dnsNames: list(text({ maxLength: 253, description: 'A host name.' }), {
          maxItems: 64,
          default: [],
          description: 'Host names for the certificate that is requested. By default those of the Service.',
        }),
        clientCASecretName: nameOrNothing(
          'Secret with `ca.crt`, the authority of client certificates; for `config.tls.clientCertificates`.',
        ),
        hosts: list(
          record(
            {
              certificate: text({
                maxLength: 253,
                minLength: 1,
                description: 'What `config.hosts` name as `certificate`.',
              }),
              secretName: text({ maxLength: 253, minLength: 1, description: 'The Secret.' }),
            },
            { description: 'A certificate.' },
          ),
          {
            maxItems: 32,
            default: [],
            description:
              'Secrets with certificates of virtual hosts: `certificate`, as `config.hosts` name it, and `secretName`. They may come into being later.',
          },
        ),
      },
      { description: 'The certificate.' },
    ),
    persistence: record(
      {
        enabled: flag({ default: true, description: 'Whether files are on a volume that outlives the pod.' }),
        existingClaim: nameOrNothing('A claim that is there already.'),
        size: { ...size('Size of the volume. It may grow, if its storage class can.'), default: '10Gi' },
        storageClassName: nameOrNothing('Storage class; the default one of the cluster if empty.'),
        accessModes: list(
          oneOf(['ReadWriteOnce', 'ReadWriteOncePod', 'ReadWriteMany'], { description: 'An access mode.' }),
          { minItems: 1, maxItems: 3, default: ['ReadWriteOnce'], description: 'How the volume can be mounted.' },
        ),
        annotations: annotationsValue('Annotations for the claim.'),
        retain: flag({ default: true, description: 'Whether the claim stays when the release is uninstalled.' }),
        subPath: textLike(/^([^/.][^/]*(\/[^/.][^/]*)*)?$/, {
          maxLength: 1024,
          default: '',
          description: 'Directory of the volume in which the files are.',
        }),
      },
      { description: 'The volume for the files, at `config.root`.' },
    ),
    service: record(
      {
        type: oneOf(['LoadBalancer', 'NodePort', 'ClusterIP', 'None'], {
          default: 'LoadBalancer',
          description: 'Type of the Service; `None`: there is none.',
        }),
        ports: ports(
          'Port of the Service for each listener, by its name. The port of the listener where there is none.',
          {
            default: { ftp: 21 },
          },
        ),
        nodePorts: ports(
          'Node port for each listener, by its name; chosen by the cluster where there is none. For `NodePort`, passive ports are node ports of the same number.',
          { default: {} },
        ),
        annotations: annotationsValue('Annotations, such as those that load balancers read.'),
        labels: labelsValue('Labels.'),
        loadBalancerClass: text({ maxLength: 317, default: '', description: 'Implementation of the load balancer.' }),
        loadBalancerIP: text({ maxLength: 64, default: '', description: 'Address, for clusters that still read it.' }),
        loadBalancerSourceRanges: list(text({ maxLength: 64, description: 'A network in CIDR notation.' }), {
          maxItems: 256,
          default: [],
          description: 'Networks of the clients that the load balancer lets through; all if empty.',
        }),
        externalTrafficPolicy: oneOf(['Local', 'Cluster'], {
          default: 'Local',
          description:
            '`Local` keeps the address of clients. `Cluster` may hide it; `config.passive.peerCheck` and `config.bans.enabled` are then off unless they are given.',
        }),
        allocateLoadBalancerNodePorts: flag({
          default: true,
          description:
            'Whether a load balancer takes a node port for each port. `false` where it goes to pods directly.',
        }),
        ipFamilyPolicy: Type.Optional(
          oneOf(['SingleStack', 'PreferDualStack', 'RequireDualStack'], { description: 'IPv4, IPv6 or both.' }),
        ),
        ipFamilies: list(oneOf(['IPv4', 'IPv6'], { description: 'A family.' }), {
          maxItems: 2,
          default: [],
          description: 'Families of the addresses, the first one first.',
        }),
      },
      { description: 'The Service, with the listeners and all passive ports.' },
    ),
    hostNetwork: flag({
      default: false,
      description:
        'Whether the pod uses the network of its node. The Pod Security standards `baseline` and `restricted` forbid it.',
    }),
    clusterDomain: text({
      maxLength: 253,
      minLength: 1,
      default: 'cluster.local',
      description:
        'Domain of the cluster. With a Service of type `ClusterIP`, clients are told its address, which the server finds by name.',
    }),
    serviceAccount,
    networkPolicy: record(
      {
        enabled: flag({
          default: false,
          description: 'Whether there is one, for the listeners, the passive ports and the probes.',
        }),
        from: kubernetesObjects('Clients that may reach listeners and passive ports: peers as in a NetworkPolicy.'),
      },
      { description: 'A NetworkPolicy for the pod.' },
    ),
    monitoring: record({ podMonitor }, { description: 'Monitoring.' }),
    ...podFields({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } }),
    podSecurityContext: record(
      {
        runAsUser: Type.Optional(id('User ID; that of the image, 65532, if absent.')),
        runAsGroup: Type.Optional(id('Group ID; that of the image, 65532, if absent.')),
        fsGroup: Type.Optional(
          id('Group that owns the volume. `null` where the cluster chooses it, as OpenShift does.'),
        ),
        fsGroupChangePolicy: Type.Optional(
          oneOf(['OnRootMismatch', 'Always'], { description: 'When the owner of the files is changed.' }),
        ),
        supplementalGroups: Type.Optional(
          list(id('A group ID.'), { maxItems: 16, description: 'Further groups, such as those of an NFS export.' }),
        ),
      },
      {
        default: { fsGroup: 65_532, fsGroupChangePolicy: 'OnRootMismatch' },
        description: 'User and groups: `runAsUser`, `runAsGroup`, `fsGroup`, `supplementalGroups`.',
      },
    ),
    extraVolumes: kubernetesObjects('Further volumes, as in a pod.'),
    extraVolumeMounts: kubernetesObjects('Where they are mounted.'),
    global: globalValue,
  },
  { description: 'Values of the chart ftp-server.' },
)

function reference(kind: string) {
  return record(
    {
      name: objectName(`Name of the ${kind}.`),
      key: Type.Optional(dataKey({ description: 'The only key to read.' })),
    },
    { description: `A ${kind} with lists of users.` },
  )
}

function id(description: string) {
  return whole({ minimum: 0, maximum: 2_147_483_647, description })
}

/** What the templates read must be there, and names of listeners become names of ports. */
function configSchema(): Schema {
  const schema = withOptionalDefaults(jsonSchemaOf(serverSchema))
  const { listeners = {}, passive = {}, ...rest } = schema.properties ?? {}
  const listener = listeners.items ?? {}
  // IANA service names with 15 characters at most (RFC 6335 section 5.1).
  const name = { ...listener.properties?.['name'], pattern: '^[a-z]([a-z0-9]|-[a-z0-9])*$', maxLength: 15 }
  return {
    ...schema,
    required: ['listeners', 'passive'],
    properties: {
      ...rest,
      listeners: { ...listeners, items: { ...listener, properties: { ...listener.properties, name } } },
      root: { ...rest['root'], pattern: '^/.' },
      passive: {
        ...passive,
        required: ['ports'],
        properties: { ...passive.properties, ports: { ...passive.properties?.['ports'], required: ['first', 'last'] } },
      },
    },
  }
}
