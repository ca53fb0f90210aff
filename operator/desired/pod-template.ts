/** Template of the pods of one replica. It hangs on nothing but the resource: what can change without a restart is mounted. */
import type { V1Container, V1PodSpec, V1PodTemplateSpec, V1Volume } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import { claimName } from './claim.ts'
import { metadataOf } from './metadata.ts'
import { annotationKeys, labelKeys, nameOf, passivePortName, replicaLabels, usersSecrets } from './names.ts'
import { overlay } from './overlay.ts'
import { affinityOf, spreadOf } from './placement.ts'
import { containerPorts, type Half, passiveRange, portsOf, probesPort, probesPortName } from './ports.ts'
import { canRelay, relayDirectory, relaySecretKey, relaySecretName } from './relay.ts'
import { dataDirectory, eventSecretsDirectory, folderDirectory, serverYamlKey } from './server-configuration.ts'

const containerName = 'ftp-server'
const configurationDirectory = '/etc/ftp-server'
/** Time until no node sends new sessions to a pod that is to go: for so long it serves as before. */
const farewellSeconds = 5
/** Time for a pod to close what is left when the time for transfers is over. */
const closingSeconds = 15
const userId = 65_532
/** For root and for the group `fsGroup`, which the kubelet gives the files to. */
const secretMode = 0o440

export function podTemplate(blueprint: Blueprint, replica: number, half: Half): V1PodTemplateSpec {
  const template: V1PodTemplateSpec = { spec: podSpec(blueprint, replica, half) }
  const laid = overlay(template, blueprint.server.spec.podTemplate ?? {}) as V1PodTemplateSpec
  return { metadata: podMetadata(blueprint, replica, half, laid.metadata), ...(laid.spec && { spec: laid.spec }) }
}

function podMetadata(
  { server }: Blueprint,
  replica: number,
  half: Half,
  { labels, annotations }: NonNullable<V1PodTemplateSpec['metadata']> = {},
) {
  const { name } = server.metadata
  const restartedAt = server.metadata.annotations?.[annotationKeys.restartedAt]
  const inherited = metadataOf({ server }, name)
  const allAnnotations = {
    ...inherited.annotations,
    ...annotations,
    ...(restartedAt !== undefined && { [annotationKeys.restartedAt]: restartedAt }),
  }
  return {
    labels: { ...labels, ...inherited.labels, ...replicaLabels(name, replica), [labelKeys.half]: half },
    ...(Object.keys(allAnnotations).length > 0 && { annotations: allAnnotations }),
  }
}

function podSpec(blueprint: Blueprint, replica: number, half: Half): V1PodSpec {
  const { metadata, spec } = blueprint.server
  const { nodeSelector, tolerations, priorityClassName, imagePullSecrets } = spec
  return {
    serviceAccountName: metadata.name,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: farewellSeconds + spec.drainSeconds + closingSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      runAsGroup: userId,
      fsGroup: spec.storage.fsGroup,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(spec.hostNetwork && { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map(({ name }) => ({ name })) }),
    ...(nodeSelector !== undefined && { nodeSelector }),
    ...(tolerations !== undefined && { tolerations: tolerations }),
    affinity: affinityOf(blueprint.server, replica),
    ...(priorityClassName !== undefined && { priorityClassName }),
    topologySpreadConstraints: [...spreadOf(blueprint.server, replica)],
    containers: [container(blueprint, replica, half)],
    volumes: volumes(blueprint, replica, half),
  }
}

function container(blueprint: Blueprint, replica: number, half: Half): V1Container {
  const { server, image, rollout } = blueprint
  const { spec } = server
  const range = passiveRange(spec.passive, { replica, half, rollout })
  const { subPath } = spec.storage
  return {
    name: containerName,
    image,
    ...(spec.imagePullPolicy !== undefined && { imagePullPolicy: spec.imagePullPolicy }),
    args: ['serve', '--config', configurationDirectory],
    ports: [
      ...containerPorts(spec).map(({ listener, port }) => containerPort(listener.name, port)),
      ...portsOf(range).map(port => containerPort(passivePortName(port), port)),
      containerPort(probesPortName, probesPort),
    ],
    resources: (spec.resources ?? defaultResources) as NonNullable<V1Container['resources']>,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    // The action `sleep` does the same from Kubernetes 1.30 on; without a handler that it knows, an older one refuses the pod.
    lifecycle: { preStop: { exec: { command: ['sleep', String(farewellSeconds)] } } },
    startupProbe: { httpGet: probe('/livez'), periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 60 },
    livenessProbe: { httpGet: probe('/livez'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    // Also while it drains: only to pods that are ready or serving are data connections of the last sessions taken.
    readinessProbe: { httpGet: probe('/serving'), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
    volumeMounts: [
      { name: 'server', mountPath: `${configurationDirectory}/server`, readOnly: true },
      { name: 'users', mountPath: `${configurationDirectory}/users`, readOnly: true },
      ...(blueprint.certificate.kind === 'none'
        ? []
        : [{ name: 'tls', mountPath: `${configurationDirectory}/tls`, readOnly: true }]),
      ...(eventSecrets(blueprint).length > 0
        ? [{ name: 'events', mountPath: eventSecretsDirectory, readOnly: true }]
        : []),
      ...(canRelay(spec)
        ? [{ name: 'relay', mountPath: `${configurationDirectory}/${relayDirectory}`, readOnly: true }]
        : []),
      ...folderClaims(blueprint).map(({ volume, claim }) => ({ name: volume, mountPath: folderDirectory(claim) })),
      { name: 'data', mountPath: dataDirectory, ...(subPath !== undefined && { subPath }) },
    ],
  }
}

function containerPort(name: string, port: number) {
  return { name, containerPort: port, protocol: 'TCP' }
}

function probe(path: string) {
  return { path, port: probesPortName }
}

const defaultResources = { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } }

function volumes(blueprint: Blueprint, replica: number, half: Half): V1Volume[] {
  const { name } = blueprint.server.metadata
  return [
    {
      name: 'server',
      configMap: {
        name: nameOf.configMap(name),
        items: [{ key: serverYamlKey(replica, half), path: 'server.yaml' }],
      },
    },
    {
      // All there can be: a Secret more must not restart the pod.
      name: 'users',
      projected: {
        defaultMode: secretMode,
        sources: Array.from({ length: usersSecrets }, (_, shard) => ({
          secret: { name: nameOf.usersSecret(name, shard), optional: true },
        })),
      },
    },
    ...tlsVolumes(blueprint),
    ...eventVolumes(blueprint),
    ...relayVolumes(blueprint),
    ...folderClaims(blueprint).map(({ volume, claim }) => ({
      name: volume,
      persistentVolumeClaim: { claimName: claim },
    })),
    dataVolume(blueprint),
  ]
}

// Not optional: where a Secret is gone, pods that run keep what they have, and new ones wait, instead of another certificate.
function tlsVolumes({ server, certificate }: Blueprint): V1Volume[] {
  if (certificate.kind === 'none') return []
  const { mode, secretName } = server.spec.tls.clientCertificates
  const authority = mode === 'Disabled' ? undefined : secretName
  return [
    {
      name: 'tls',
      projected: {
        defaultMode: secretMode,
        sources: [
          { secret: { name: certificate.secretName, items: [item('tls.crt'), item('tls.key')] } },
          ...(authority === undefined ? [] : [{ secret: { name: authority, items: [item('ca.crt')] } }]),
          // Optional: one host without its certificate must not keep the others from being served.
          ...server.spec.hosts.flatMap(host =>
            host.secretName === undefined ? [] : [hostCertificate(host.name, host.secretName)],
          ),
        ],
      },
    },
  ]
}

// Optional: events wait in the spool until their sink's secret is there, and clients do not.
function eventVolumes(blueprint: Blueprint): V1Volume[] {
  const sources = eventSecrets(blueprint).map(({ sink, secretRef: { name, key } }) => ({
    secret: { name, optional: true, items: [{ key, path: sink }] },
  }))
  return sources.length === 0 ? [] : [{ name: 'events', projected: { defaultMode: secretMode, sources } }]
}

function relayVolumes({ server }: Blueprint): V1Volume[] {
  if (!canRelay(server.spec)) return []
  const secret = { name: relaySecretName(server), items: [item(relaySecretKey)] }
  return [{ name: 'relay', projected: { defaultMode: secretMode, sources: [{ secret }] } }]
}

/** Each claim is mounted once, whatever folders it is for. */
function folderClaims({ server }: Blueprint) {
  const claims = new Set(server.spec.folders.flatMap(({ claimName: name }) => name ?? []))
  return [...claims].map((claim, index) => ({ volume: `folder-${index}`, claim }))
}

function eventSecrets({ server }: Blueprint) {
  return server.spec.events.sinks.flatMap(({ name, secretRef }) =>
    secretRef === undefined ? [] : [{ sink: name, secretRef }],
  )
}

function item(key: string, directory = '') {
  return { key, path: `${directory}${key}` }
}

function hostCertificate(directory: string, name: string) {
  return {
    secret: { name, optional: true, items: [item('tls.crt', `${directory}/`), item('tls.key', `${directory}/`)] },
  }
}

function dataVolume({ server }: Blueprint): V1Volume {
  const { emptyDir } = server.spec.storage
  const claim = claimName(server)
  if (claim !== undefined) return { name: 'data', persistentVolumeClaim: { claimName: claim } }
  const sizeLimit = emptyDir?.sizeLimit
  return { name: 'data', emptyDir: sizeLimit === undefined ? {} : { sizeLimit } }
}
