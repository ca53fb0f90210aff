/** Metrics of several processes as those of one server. */
import { AggregatorRegistry, type Registry } from 'prom-client'

/** The metrics of one process, as they can be sent to another. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** Sums up, but for what says in `metrics.ts` how else it is to be aggregated. */
export function sumMetrics(snapshots: readonly MetricsSnapshot[]): Registry {
  return AggregatorRegistry.aggregate([...snapshots])
}

/** What a process leaves behind when it ends: what it has counted stays true. */
export function lastingMetrics(snapshot: MetricsSnapshot): MetricsSnapshot {
  // The types of prom-client call it a number; the values are words.
  return snapshot.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
}
