/** Which nodes pods are put on: replicas apart from each other, and a new pod of a replica where its old one is. */
import type { V1Affinity, V1LabelSelector, V1TopologySpreadConstraint } from '@kubernetes/client-node'
import type { FtpServer } from '../api/ftp-server.ts'
import { labelKeys, replicaLabels, selectorLabels } from './names.ts'

const ofNodes = { topologyKey: 'kubernetes.io/hostname' }

/** What the resource says of affinity to pods stands in place of this. */
export function affinityOf({ metadata, spec }: FtpServer, replica: number): V1Affinity {
  // A load balancer leaves a node on which nobody is ready any more (`externalTrafficPolicy: Local`), and with the node the
  // sessions of the old pod: what is transferred there while that one drains.
  const staysOnNode = {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: { ...ofNodes, labelSelector: { matchLabels: replicaLabels(metadata.name, replica) } },
      },
    ],
  }
  return { podAffinity: staysOnNode, ...spec.affinity }
}

/** Without constraints of the resource, over the nodes as far as that is possible. */
export function spreadOf({ metadata, spec }: FtpServer, replica: number): readonly V1TopologySpreadConstraint[] {
  const matchLabels = selectorLabels(metadata.name)
  if (spec.topologySpreadConstraints !== undefined) {
    return spec.topologySpreadConstraints.map(constraint => ({
      labelSelector: { matchLabels },
      ...constraint,
    })) as readonly V1TopologySpreadConstraint[]
  }
  // Whatever the number of replicas: another one must not restart those that are there. Its own old pod pushes none away.
  const others: V1LabelSelector = {
    matchLabels,
    matchExpressions: [{ key: labelKeys.replica, operator: 'NotIn', values: [String(replica)] }],
  }
  return [{ maxSkew: 1, ...ofNodes, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: others }]
}
