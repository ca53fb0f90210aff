/** PodMonitor: where the operator of Prometheus finds the metrics. */
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { labelKeys, selectorLabels } from './names.ts'
import { probesPortName } from './ports.ts'

export type PodMonitorFields = {
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> }
    readonly podTargetLabels: readonly string[]
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string }[]
  }
}

export function podMonitor(blueprint: Blueprint): Built<PodMonitorFields> | undefined {
  const { metadata, spec } = blueprint.server
  // `Enabled` where the kind is missing could only fail: status says so instead.
  if (spec.monitoring.podMonitor === 'Disabled' || !blueprint.served.podMonitor) return undefined
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: metadataOf(blueprint, metadata.name, { labels: spec.monitoring.labels }),
    spec: {
      selector: { matchLabels: selectorLabels(metadata.name) },
      podTargetLabels: [labelKeys.instance, labelKeys.replica],
      podMetricsEndpoints: [{ port: probesPortName, path: '/metrics' }],
    },
  }
}
