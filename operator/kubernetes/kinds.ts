/** The kinds that clusters have, as far as they are used here. */
import type { ResourceKind } from './object.ts'

export const kinds = {
  configMap: core('configmaps', 'ConfigMap'),
  namespace: { ...core('namespaces', 'Namespace'), namespaced: false },
  node: { ...core('nodes', 'Node'), namespaced: false },
  persistentVolumeClaim: core('persistentvolumeclaims', 'PersistentVolumeClaim'),
  pod: core('pods', 'Pod'),
  secret: core('secrets', 'Secret'),
  service: core('services', 'Service'),
  serviceAccount: core('serviceaccounts', 'ServiceAccount'),
  deployment: named('apps', 'v1', 'deployments', 'Deployment'),
  event: named('events.k8s.io', 'v1', 'events', 'Event'),
  lease: named('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  networkPolicy: named('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy'),
  podDisruptionBudget: named('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  storageClass: { ...named('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass'), namespaced: false },
  customResourceDefinition: {
    ...named('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition'),
    namespaced: false,
  },
  // Of projects that a cluster may have or not: ask isServed() first.
  certificate: named('cert-manager.io', 'v1', 'certificates', 'Certificate'),
  podMonitor: named('monitoring.coreos.com', 'v1', 'podmonitors', 'PodMonitor'),
  prometheusRule: named('monitoring.coreos.com', 'v1', 'prometheusrules', 'PrometheusRule'),
  volumeSnapshot: named('snapshot.storage.k8s.io', 'v1', 'volumesnapshots', 'VolumeSnapshot'),
  volumeSnapshotClass: {
    ...named('snapshot.storage.k8s.io', 'v1', 'volumesnapshotclasses', 'VolumeSnapshotClass'),
    namespaced: false,
  },
} as const satisfies Record<string, ResourceKind>

function core(plural: string, kind: string): ResourceKind {
  return named('', 'v1', plural, kind)
}

function named(group: string, version: string, plural: string, kind: string): ResourceKind {
  return { group, version, plural, kind, namespaced: true }
}
