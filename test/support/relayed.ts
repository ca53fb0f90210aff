/** Two servers behind one address, as a load balancer has them: the first has the sessions, the second gets the data connections and relays them. */
import { freePort, passiveRange, type TestServer, type TestServerOptions } from './server.ts'
import { temporaryServer } from './sessions.ts'

export const relaySecret = 'a secret of thirty-two characters, or more'

/** Where the second one listens. The first one has 127.0.0.1. */
export const relayAddress = '127.0.0.2'
export const ownerAddress = '127.0.0.1'

/** Of the second: above those of any other server of the tests, and below those that the system chooses for clients. */
export const relayPassivePorts = { first: 32_500, last: 32_500 }

export type RelayedOptions = {
  /** More of the owner’s. */
  readonly owner?: TestServerOptions
  /** Of the owner. */
  readonly workers?: number
  readonly ownerLimits?: Record<string, unknown>
  /** More of the `relay` of the second. */
  readonly relay?: Record<string, unknown>
  /** More of the second. */
  readonly server?: Record<string, unknown>
  /** Ports whose owner is not known. */
  readonly unowned?: { readonly first: number; readonly last: number }
  /** Passive ports of the first; 400 by default. */
  readonly ports?: { readonly first: number; readonly last: number }
}

export type Relayed = {
  readonly owner: TestServer
  readonly relay: TestServer
  /** At which the owner takes what is relayed. */
  readonly relayPort: number
}

export async function relayed(options: RelayedOptions = {}): Promise<Relayed> {
  const relayPort = await freePort(ownerAddress)
  const ports = options.ports ?? passiveRange(relayPort)
  const owner = await temporaryServer({
    ...options.owner,
    files: { 'relay/secrets': relaySecret, ...options.owner?.files },
    server: {
      workers: options.workers ?? 1,
      passive: { ports },
      relay: { secretFile: 'relay/secrets', port: relayPort, addresses: [ownerAddress] },
      limits: { failedLoginDelayMilliseconds: 0, maxSessionsPerAddress: 400, ...options.ownerLimits },
      ...options.owner?.server,
    },
  })
  const relay = await temporaryServer({
    address: relayAddress,
    files: { 'relay/secrets': relaySecret },
    server: relayServer(ports, { address: ownerAddress, port: relayPort }, options),
  })
  return { owner, relay, relayPort }
}

/** `server.yaml` of the second, without what the test server adds. */
function relayServer(
  ports: { readonly first: number; readonly last: number },
  peer: { readonly address: string; readonly port: number },
  { relay, server, unowned }: RelayedOptions,
): Record<string, unknown> {
  return {
    passive: { ports: relayPassivePorts },
    relay: {
      secretFile: 'relay/secrets',
      addresses: [relayAddress],
      ports: [{ ...ports, peer }, ...(unowned === undefined ? [] : [unowned])],
      connectTimeoutSeconds: 2,
      ...relay,
    },
    ...server,
  }
}

/** The sum of a metric over all its labels that contain the text. */
export async function metric(
  { probesPort }: Pick<TestServer, 'probesPort'>,
  address: string,
  name: string,
  label = '',
): Promise<number> {
  const text = await (await fetch(`http://${address}:${probesPort}/metrics`)).text()
  return text
    .split('\n')
    .filter(line => line.startsWith(name) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
