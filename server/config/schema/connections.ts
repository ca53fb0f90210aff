/** Connections: listeners, passive and active data connections, proxies in front. */
import { Type } from 'typebox'
import { listenerBandwidth } from './bandwidth.ts'
import { network, networks, oneOf, port, record } from './parts.ts'

const tlsModes = ['disabled', 'explicit', 'required', 'implicit'] as const

const proxyProtocol = (description: string, trustedNetworks: string) =>
  record(
    {
      trustedNetworks: Type.Array(network, {
        maxItems: 256,
        default: [],
        description: `${trustedNetworks} Nobody’s header is believed who comes from elsewhere.`,
      }),
    },
    { default: {}, description },
  )

export const listener = record(
  {
    name: Type.String({
      pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
      description: 'Name of the listener in logs, metrics and status.',
    }),
    port: port('TCP port of the control connection.'),
    addresses: Type.Array(
      Type.String({ format: 'ip', description: 'A local IPv4 or IPv6 address; `::` takes IPv4 as well.' }),
      {
        minItems: 1,
        maxItems: 16,
        default: ['::'],
        description: 'Local addresses to listen on.',
      },
    ),
    tls: oneOf(tlsModes, {
      default: 'explicit',
      description:
        '`disabled`: no TLS. `explicit`: AUTH TLS is offered. `required`: AUTH TLS is demanded before login, and PROT P for data. `implicit`: TLS from the first byte (FTPS, port 990).',
    }),
    proxyProtocol: proxyProtocol(
      'Proxies in front of the listener, such as load balancers, that say whom they speak for (PROXY protocol, versions 1 and 2).',
      'Networks of the proxies: a connection from there must begin with a header, and the address in it is that of the client, for everything.',
    ),
    bandwidth: listenerBandwidth,
  },
  { description: 'One port for control connections.' },
)

export const passive = record(
  {
    ports: record(
      {
        first: port('First port of the range.', { default: 20_000 }),
        last: port('Last port of the range; not below `first`.', { default: 20_099 }),
      },
      {
        default: {},
        description: 'The TCP ports on which passive data connections are accepted. A free one is chosen at random.',
      },
    ),
    sharing: oneOf(['auto', 'off'], {
      default: 'auto',
      description:
        'Whether sessions share ports. `auto`: the ports stay open, and those of clients with different addresses share each of them; clients of one address too, once they have resumed their TLS session on a data connection (or have to, with `tls.sessionReuse: required`). `off`: a port is one session’s alone, and open only while it waits.',
    }),
    portWaitSeconds: Type.Integer({
      minimum: 0,
      maximum: 60,
      default: 10,
      description:
        'How long PASV and EPSV wait where other sessions of the same client have all ports, before they are answered with 425. In seconds; with `sharing: off` they never wait.',
    }),
    advertisedAddress: Type.String({
      format: 'advertised-address',
      maxLength: 253,
      default: 'auto',
      description:
        'Address told to clients by PASV: `auto` (the local address of the control connection), an IPv4 address, or a host name that is resolved anew as it changes. `pending`: not known yet; PASV and EPSV are answered with 425 until it is.',
    }),
    advertisedAddresses: Type.Array(
      record(
        {
          clients: networks('Networks of the clients this entry is for.'),
          address: Type.String({
            format: 'advertised-address',
            maxLength: 253,
            description: 'Address told to them: as `advertisedAddress`.',
          }),
        },
        { description: 'The address for some clients.' },
      ),
      { maxItems: 64, default: [], description: 'Advertised address by client network; the first match wins.' },
    ),
    advertisedPorts: Type.Array(
      record(
        { port: port('Port this server listens on.'), advertised: port('Port the client is told to connect to.') },
        { description: 'One port that is reached under another number.' },
      ),
      {
        maxItems: 4096,
        default: [],
        description: 'For passive ports that are reached under other numbers, behind node ports or NAT.',
      },
    ),
    peerCheck: oneOf(['same-address', 'off'], {
      default: 'same-address',
      description:
        'Who may use a passive port: only the address of the control connection (RFC 2577), or anyone (`off`; needed where the network hides client addresses).',
    }),
    proxyProtocol: proxyProtocol(
      'Proxies in front of the passive ports that say whom they speak for, as those of `listeners[].proxyProtocol`. Their own key, because data connections need not take the same way.',
      'Networks of the proxies: a data connection from there must begin with a header, and it is the address in it that `peerCheck` compares.',
    ),
  },
  { default: {}, description: 'Passive data connections (PASV, EPSV).' },
)

export const active = record(
  {
    enabled: Type.Boolean({ default: true, description: 'Whether PORT and EPRT are accepted.' }),
    privilegedPorts: Type.Boolean({
      default: false,
      description: 'Whether data may be sent to ports below 1024 (RFC 2577 section 3).',
    }),
    foreignAddresses: Type.Boolean({
      default: false,
      description:
        'Whether data may be sent to another address than that of the control connection (FXP; opens the door to bounce attacks, RFC 2577).',
    }),
  },
  { default: {}, description: 'Active data connections (PORT, EPRT).' },
)
