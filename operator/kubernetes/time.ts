/** Times as resources have them. */

/** RFC 3339 to the second: `2026-01-02T03:04:05Z` (metav1.Time). */
export function timestamp(wallMilliseconds: number): string {
  return new Date(wallMilliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** `2026-01-02T03:04:05.678000Z` (metav1.MicroTime), as Lease and Event demand: with three digits the API server refuses them. */
export function microTime(wallMilliseconds: number): string {
  return `${new Date(wallMilliseconds).toISOString().slice(0, -1)}000Z`
}
