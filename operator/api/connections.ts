/** How clients reach the server: listeners, TLS, passive ports, the Service. */
import { Type } from 'typebox'
import { serverSchema } from '../../server/config/schema.ts'
import {
  annotations,
  flag,
  labels,
  list,
  listByKey,
  objectName,
  oneOf,
  port,
  record,
  text,
  textLike,
  whole,
  wholeRecord,
} from './fields.ts'
import { kubernetesStyle, kubernetesWords } from './kubernetes-style.ts'

const server = serverSchema.properties

const listenerTls = kubernetesStyle(server.listeners.items.properties.tls)

const listener = record(
  {
    // IANA service names with 15 characters at most (RFC 6335), as ports of a Service and of containers have.
    name: textLike(/^[a-z]([a-z0-9]|-[a-z0-9])*$/, {
      maxLength: 15,
      description:
        'Name of the listener, of the port of the Service, and in metrics and status: up to 15 lower-case letters, digits and `-`.',
    }),
    port: port({
      description: 'Port of the Service that clients connect to. With `hostNetwork` the port of the node as well.',
    }),
    tls: listenerTls,
    nodePort: Type.Optional(
      port({
        description: 'Node port for a Service of type `NodePort` or `LoadBalancer`; chosen by the cluster if absent.',
      }),
    ),
    bandwidth: Type.Optional(kubernetesStyle(server.listeners.items.properties.bandwidth)),
  },
  { description: 'One port for control connections.' },
)

export const listeners = listByKey('name', listener, {
  minItems: 1,
  maxItems: 16,
  default: [{ name: 'ftp', port: 21 }],
  description: 'Ports for control connections.',
})

const hostName = (description: string) =>
  textLike(/^(\*\.)?([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$/, {
    maxLength: 253,
    description,
  })

export const tls = record(
  {
    secretName: Type.Optional(
      objectName('Secret with the certificate, in the layout of `kubernetes.io/tls`. Followed as it is renewed.'),
    ),
    issuerRef: Type.Optional(
      wholeRecord(
        {
          name: objectName('Name of the issuer.'),
          kind: text({
            maxLength: 63,
            minLength: 1,
            default: 'Issuer',
            description: 'Kind: `Issuer` or `ClusterIssuer`.',
          }),
          group: text({
            maxLength: 253,
            minLength: 1,
            default: 'cert-manager.io',
            description: 'API group of the issuer.',
          }),
        },
        { description: 'Issuer of cert-manager that the certificate is requested from.' },
      ),
    ),
    selfSigned: Type.Optional(
      record(
        {
          validityDays: whole({
            minimum: 1,
            maximum: 3650,
            default: 365,
            description: 'How long a certificate is valid; it is renewed after two thirds of that. In days.',
          }),
        },
        {
          description:
            'The operator makes a self-signed certificate and renews it. So it does if none of `secretName`, `issuerRef` and `selfSigned` is given.',
        },
      ),
    ),
    dnsNames: Type.Optional(
      list(hostName('A host name.'), {
        maxItems: 64,
        description:
          'Host names for the certificate that is requested or made. By default those of the Service, and the advertised address.',
      }),
    ),
    minVersion: kubernetesStyle(server.tls.properties.minVersion),
    sessionReuse: kubernetesStyle(server.tls.properties.sessionReuse),
    clientCertificates: record(
      {
        mode: kubernetesStyle(
          oneOf(server.tls.properties.clientCertificates.enum, {
            default: 'off',
            description:
              'Whether clients are asked for a certificate signed by that authority. `required`: the handshake fails without one.',
          }),
        ),
        secretName: Type.Optional(
          objectName('Secret with the certificates of the authority that signs those of clients, under `ca.crt`.'),
        ),
      },
      { default: {}, description: 'Certificates of clients.' },
    ),
    truncatedUploads: kubernetesStyle(server.tls.properties.truncatedUploads),
    strictServerName: kubernetesStyle(server.tls.properties.strictServerName),
    clearCommandChannel: kubernetesStyle(server.tls.properties.clearCommandChannel),
  },
  {
    default: {},
    description:
      'TLS, and where the certificate comes from: at most one of `secretName`, `issuerRef` and `selfSigned`.',
  },
)

/** An IPv4 address, a host name or a word; that the last label of a name is no number is a rule of its own. */
const address = (options: { readonly description: string; readonly default?: string }) =>
  textLike(/^([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.?$/, {
    maxLength: 253,
    ...options,
  })

export const passive = record(
  {
    firstPort: whole({
      minimum: 1024,
      maximum: 65_535,
      default: 20_000,
      description:
        'First passive port. Replica number k, counted from 0, has the `portsPerReplica` ports from `firstPort` + k × `portsPerReplica` on. Can’t be changed: no port may move from one replica to another.',
    }),
    portsPerReplica: whole({
      minimum: 1,
      maximum: 500,
      default: 20,
      description:
        'Passive ports of each replica. Sessions share them (`sharing`), so few are enough for many transfers; with several `workers` each needs one. Can’t be changed: no port may move from one replica to another.',
    }),
    sharing: kubernetesStyle(server.passive.properties.sharing),
    portWaitSeconds: kubernetesStyle(server.passive.properties.portWaitSeconds),
    advertisedAddress: address({
      default: 'Auto',
      description:
        'Address told to clients by PASV: an IPv4 address, a host name that is resolved anew as it changes, or `Auto`: the address of the Service, found as it is assigned and followed as it changes.',
    }),
    advertisedAddresses: list(
      record(
        {
          clients: server.passive.properties.advertisedAddresses.items.properties.clients,
          address: address({
            description:
              'Address told to them: an IPv4 address, a host name, `Auto` as for `advertisedAddress`, or `ClusterIP`: the address of the Service within the cluster.',
          }),
        },
        { description: 'The address for some clients.' },
      ),
      {
        maxItems: 64,
        default: [],
        description: 'Advertised address by client network; the first match wins.',
      },
    ),
    verification: oneOf(['Enabled', 'Disabled'], {
      default: 'Enabled',
      description:
        'Whether the operator tries the passive ports: it logs in at the address of clients as a user of its own, who sees no files, and moves a byte over each port, after changes and twice a day. The condition `PassiveVerified` has what came of it.',
    }),
    peerCheck: oneOf(['Auto', ...kubernetesWords(server.passive.properties.peerCheck.enum)], {
      default: 'Auto',
      description:
        'Who may use a passive port. `SameAddress`: only the address of the control connection (RFC 2577). `Disabled`: anyone. `Auto`: `SameAddress` where the address of clients reaches the server, `Disabled` where the network hides it.',
    }),
  },
  { default: {}, description: 'Passive data connections (PASV, EPSV).' },
)

export const service = record(
  {
    type: oneOf(['LoadBalancer', 'NodePort', 'ClusterIP', 'None'], {
      default: 'LoadBalancer',
      description: 'Type of the Service. `None`: no Service is made.',
    }),
    annotations: Type.Optional(annotations('Annotations for the Service, such as those that load balancers read.')),
    labels: Type.Optional(labels('Labels for the Service.')),
    loadBalancerClass: Type.Optional(
      text({ maxLength: 317, minLength: 1, description: 'Implementation of load balancers. Can’t be changed.' }),
    ),
    loadBalancerSourceRanges: Type.Optional(
      list(server.passive.properties.advertisedAddresses.items.properties.clients.items, {
        maxItems: 256,
        description: 'Networks of the clients that the load balancer lets through; all if absent.',
      }),
    ),
    externalTrafficPolicy: oneOf(['Auto', 'Local', 'Cluster'], {
      default: 'Auto',
      description:
        '`Local` keeps the address of clients and takes them to replicas on the node they came to only. `Cluster` reaches every replica and may hide the address. `Auto`: `Local` for one replica, `Cluster` for several.',
    }),
    relay: oneOf(['Auto', 'Enabled', 'Disabled'], {
      default: 'Auto',
      description:
        'Whether a pod that gets a data connection for a passive port of another one relays it there, with the address of the client, so that connections may reach any pod on any node. `Enabled`: always, and `externalTrafficPolicy: Auto` is `Local` for several replicas too. `Auto`: with `externalTrafficPolicy: Local`, once there are several replicas. `Disabled`: never; with `Local`, connections that come to another node than that of their replica are lost. Another value restarts the pods.',
    }),
    proxyProtocol: record(
      {
        trustedNetworks: list(server.passive.properties.advertisedAddresses.items.properties.clients.items, {
          maxItems: 256,
          default: [],
          description:
            'Networks of the proxies, as pods see them: each connection from there must begin with a header, on the ports of the listeners and on the passive ones, and the address in it is that of the client, for everything. Who is in these networks can claim any address.',
        }),
      },
      {
        default: {},
        description:
          'The PROXY protocol (versions 1 and 2), by which load balancers say whom they speak for. The load balancer is told by `annotations`; what it reads there is its own.',
      },
    ),
    ipFamilyPolicy: Type.Optional(
      oneOf(['SingleStack', 'PreferDualStack', 'RequireDualStack'], {
        description: 'Whether the Service has IPv4 and IPv6.',
      }),
    ),
    ipFamilies: Type.Optional(
      list(oneOf(['IPv4', 'IPv6'], { description: 'A family.' }), {
        minItems: 1,
        maxItems: 2,
        description: 'Families of the addresses of the Service, the first one first.',
      }),
    ),
    allocateLoadBalancerNodePorts: Type.Optional(
      flag({ description: 'Whether a Service of type `LoadBalancer` gets node ports; `true` if absent.' }),
    ),
  },
  { default: {}, description: 'The Service in front of all replicas.' },
)

export const hostNetwork = flag({
  default: false,
  description:
    'Whether pods use the network of their node: the server then listens on the ports of `listeners` and on its passive ports on the node itself. At most one replica a node.',
})
