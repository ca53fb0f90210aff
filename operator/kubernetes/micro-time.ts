/** Times with microseconds, as Lease and Event demand: with three digits the API server refuses them. */

/** `2026-01-02T03:04:05.678000Z` (metav1.MicroTime). */
export function microTime(wallMilliseconds: number): string {
  return `${new Date(wallMilliseconds).toISOString().slice(0, -1)}000Z`
}
