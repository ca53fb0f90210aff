/** Names, labels and annotations of what belongs to a server. */
import { group } from '../api/ftp-server.ts'

export const fieldManager = 'ftp-operator'
export const managedBy = 'ftp-operator'

export const labelKeys = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  managedBy: 'app.kubernetes.io/managed-by',
  replica: `${group}/replica`,
  half: `${group}/ports-half`,
  /** On VolumeSnapshots: whether the schedule made them, or somebody asked for them. */
  snapshotTrigger: `${group}/snapshot-trigger`,
} as const

export const annotationKeys = {
  /** On every applied object: hash of the manifest. */
  appliedHash: `${group}/applied-hash`,
  /** On Deployments: hash of the pod template, whichever half of the ports it uses. */
  templateHash: `${group}/template-hash`,
  /** On Deployments: the half of the ports that the pod template uses. */
  half: `${group}/ports-half`,
  /** On pods: the files that they were told to look for, and when. */
  files: `${group}/files-hash`,
  /** On an FtpServer, set by people: a new value restarts the pods. */
  restartedAt: `${group}/restarted-at`,
  /** On an FtpServer, set by people: a new value has the passive ports tried anew. */
  verifyPassive: `${group}/verify-passive`,
  /** On an FtpServer, set by people: a new value has a snapshot of the volume made, which has it in its name. */
  snapshot: `${group}/snapshot`,
  /** On VolumeSnapshots: the time of the schedule that they were made for. */
  scheduledTime: `${group}/scheduled-time`,
} as const

/** The label `app.kubernetes.io/name` of all objects of all servers. */
export const applicationName = 'ftp-server'
/** The same label of the operator's own pods. */
export const operatorApplicationName = 'ftp-operator'

export const usersSecrets = 8

/** Login name with which the operator tries the way in. */
export const probeUser = 'ftp-operator-probe'
/** Its list. Before all others in the order of bytes: nobody else can have the name. */
export const probeListKey = '00-0probe.yaml'

export const nameOf = {
  deployment: (server: string, replica: number) => `${server}-${replica}`,
  configMap: (server: string) => `${server}-config`,
  usersSecret: (server: string, shard: number) => `${server}-users-${shard}`,
  certificateSecret: (server: string) => `${server}-tls`,
  relaySecret: (server: string) => `${server}-relay`,
  claim: (server: string) => `${server}-data`,
  snapshot: (server: string, request: string) => `${server}-${request}`,
  /** Of a time such as `2030-01-10T03:00:00Z`: whoever makes the snapshot of that time gives it this name. */
  scheduledSnapshot: (server: string, time: string) =>
    `${server}-${time.slice(0, 16).replaceAll(/[-:]/g, '').toLowerCase()}z`,
} as const

/** The labels by which the Service and others find the pods of a server. They never change. */
export function selectorLabels(server: string): Record<string, string> {
  return { [labelKeys.name]: applicationName, [labelKeys.instance]: server }
}

export function replicaLabels(server: string, replica: number): Record<string, string> {
  return { ...selectorLabels(server), [labelKeys.replica]: String(replica) }
}

/** Name of a passive port, of the Service and of the container that has it. */
export function passivePortName(port: number): string {
  return `pasv-${port}`
}
