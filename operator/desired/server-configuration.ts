/** `server.yaml` of one pod. */
import { type Static, Type } from 'typebox'
import { stringify } from 'yaml'
import { serverSchema } from '../../server/config/schema.ts'
import { apiVersion, type FtpServer, plural } from '../api/ftp-server.ts'
import { toServerStyle } from '../api/kubernetes-style.ts'
import { languageTags } from '../api/language.ts'
import type { Blueprint } from './blueprint.ts'
import { probeUser } from './names.ts'
import { containerPorts, type Half, otherRanges, passiveRange, portsOf, probesPort } from './ports.ts'
import { canRelay, relayDirectory, relayPort, relaySecretKey } from './relay.ts'

const { properties } = serverSchema
const written = Type.Partial(serverSchema)

/** What the server reads; what is left out has the server's default. */
function serverConfiguration(blueprint: Blueprint, replica: number, half: Half) {
  const { server, rollout, advertised, peerCheck, bansEnabled, addressesHidden } = blueprint
  const { spec } = server
  const { minVersion, sessionReuse, clientCertificates, truncatedUploads, clearCommandChannel, strictServerName } =
    spec.tls
  // All ports are those of one Service.
  const { trustedNetworks } = spec.service.proxyProtocol
  const proxyProtocol = () =>
    trustedNetworks.length > 0 ? { proxyProtocol: { trustedNetworks: [...trustedNetworks] } } : {}
  const range = passiveRange(spec.passive, { replica, half, rollout })
  return {
    listeners: containerPorts(spec).map(({ listener: { name, tls, bandwidth }, port }) => ({
      name,
      port,
      tls: toServerStyle(tls, properties.listeners.items.properties.tls),
      ...(bandwidth !== undefined && { bandwidth }),
      ...proxyProtocol(),
    })),
    root: dataDirectory,
    banner: spec.banner,
    language: languageTags[spec.language],
    messages: toServerStyle(spec.messages, properties.messages),
    hosts: hostConfigurations(blueprint),
    workers: spec.workers === 'Auto' ? 'auto' : spec.workers,
    passive: {
      ports: range,
      sharing: toServerStyle(spec.passive.sharing, properties.passive.properties.sharing),
      portWaitSeconds: spec.passive.portWaitSeconds,
      advertisedAddress: advertised.addressOf(replica, half),
      advertisedAddresses: advertised
        .byNetwork(replica, half)
        .map(({ clients, address }) => ({ clients: [...clients], address })),
      advertisedPorts: portsOf(range).flatMap(port => {
        const advertisedPort = advertised.ports.get(port)
        return advertisedPort === undefined || advertisedPort === port ? [] : [{ port, advertised: advertisedPort }]
      }),
      peerCheck,
      ...proxyProtocol(),
    },
    ...(canRelay(spec) && { relay: relayConfiguration(blueprint, replica, half) }),
    active: toServerStyle(spec.active, properties.active),
    limits: {
      ...toServerStyle(spec.limits, properties.limits),
      // All clients together would be one that may not have more.
      ...(addressesHidden && { maxSessionsPerAddress: spec.limits.maxSessions }),
      drainTimeoutSeconds: spec.drainSeconds,
    },
    bandwidth: toServerStyle(spec.bandwidth, properties.bandwidth),
    bans: { enabled: bansEnabled, ...toServerStyle(spec.bans, properties.bans) },
    state: { directory: stateDirectory },
    uploads: toServerStyle(spec.uploads, properties.uploads),
    transfers: toServerStyle(spec.transfers, properties.transfers),
    quotas: toServerStyle(spec.quotas, properties.quotas),
    anonymous: toServerStyle(spec.anonymous, properties.anonymous),
    tls: {
      minVersion: toServerStyle(minVersion, properties.tls.properties.minVersion),
      sessionReuse: toServerStyle(sessionReuse, properties.tls.properties.sessionReuse),
      clientCertificates: toServerStyle(clientCertificates.mode, properties.tls.properties.clientCertificates),
      truncatedUploads: toServerStyle(truncatedUploads, properties.tls.properties.truncatedUploads),
      clearCommandChannel,
      strictServerName,
    },
    storage: { symlinks: toServerStyle(spec.storage.symlinks, properties.storage.properties.symlinks) },
    listing: toServerStyle(spec.listing, properties.listing),
    ...(spec.names.hide.length + spec.names.deny.length > 0 && { names: toServerStyle(spec.names, properties.names) }),
    ...(spec.folders.length > 0 && { folders: spec.folders.map(folderConfiguration) }),
    ...(spec.events.sinks.length > 0 && { events: eventsConfiguration(server) }),
    logging: toServerStyle(spec.logging, properties.logging),
    probes: { port: probesPort, ...(spec.passive.verification === 'Enabled' && { user: probeUser }) },
  } satisfies DeepPartial<Static<typeof written>>
}

/** All ports of the others, those too of pods that are still to come: connections wait for those, until they have an address. */
function relayConfiguration({ server, rollout, portReplicas, relayPeerOf }: Blueprint, replica: number, half: Half) {
  const port = relayPort(server.spec)
  return {
    secretFile: `${relayDirectory}/${relaySecretKey}`,
    port,
    ports: otherRanges(server.spec, portReplicas, { replica, half, rollout }).map(({ range, owns }) => {
      const address = relayPeerOf(owns)
      return { ...range, ...(address !== undefined && { peer: { address, port } }) }
    }),
  }
}

function hostConfigurations({ server, certificate }: Blueprint) {
  return server.spec.hosts.map(({ secretName, ...host }) => ({
    ...toServerStyle(host, properties.hosts.items),
    ...(secretName !== undefined && certificate.kind !== 'none' && { certificate: host.name }),
  }))
}

function folderConfiguration({ claimName, ...folder }: FtpServer['spec']['folders'][number]) {
  return {
    ...toServerStyle(folder, properties.folders.items),
    ...(claimName !== undefined && { directory: folderDirectory(claimName) }),
  }
}

/** Where the volume of a folder is mounted. */
export function folderDirectory(claim: string): string {
  return `/volumes/${claim}`
}

function eventsConfiguration({ metadata, spec }: FtpServer) {
  const { source, sinks, durability, spool } = spec.events
  const schema = properties.events.properties
  return {
    source: source ?? `/apis/${apiVersion}/namespaces/${metadata.namespace}/${plural}/${metadata.name}`,
    durability: toServerStyle(durability, schema.durability),
    spool: toServerStyle(spool, schema.spool),
    sinks: sinks.map(({ secretRef, ...sink }) => ({
      ...toServerStyle(sink, schema.sinks.items),
      ...(secretRef !== undefined && { secretFile: `${eventSecretsDirectory}/${sink.name}` }),
    })),
  }
}

export function serverYaml(blueprint: Blueprint, replica: number, half: Half): string {
  return stringify(serverConfiguration(blueprint, replica, half))
}

/** Key of the ConfigMap with `server.yaml` of a replica's pod. */
export function serverYamlKey(replica: number, half: Half): string {
  return `server-${replica}${half}.yaml`
}

/** Where the volume with the files is mounted. */
export const dataDirectory = '/data'
/** Where the secrets of sinks are, by the names of those. */
export const eventSecretsDirectory = '/etc/ftp-server/events'
/** On the volume that all replicas have; the server hides it from users. */
const stateDirectory = `${dataDirectory}/.ftp-server`

type DeepPartial<Value> = Value extends readonly (infer Item)[]
  ? readonly DeepPartial<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]?: DeepPartial<Value[Key]> | undefined }
    : Value
