/** Whether a live object is as it was applied, whatever others have added to it. */

/**
 * Lists whose items have a name, and ports, are compared item by item, others place by place. Amounts of resources are
 * compared by value: `0.5` comes back as `500m`. An empty list or object counts as being there where it is missing:
 * the API server leaves it out.
 */
export function isSubset(desired: unknown, live: unknown): boolean {
  return holds(desired, live, undefined)
}

function holds(desired: unknown, live: unknown, parent: string | undefined): boolean {
  if (desired === undefined || desired === null) return true
  if (Array.isArray(desired)) return holdsList(desired, live)
  if (!isObject(desired)) {
    return desired === live || (parent !== undefined && amountFields.has(parent) && sameAmount(desired, live))
  }
  const entries = Object.entries(desired)
  if (live === undefined) return entries.length === 0
  if (!isObject(live)) return false
  // Within `requests` every key is an amount; `sizeLimit` is one itself.
  return entries.every(([key, value]) => {
    const field = parent !== undefined && amountFields.has(parent) ? parent : key
    return holds(value, live[key], field) && (!wholeFields.has(key) || holds(live[key], value, field))
  })
}

function holdsList(desired: readonly unknown[], live: unknown): boolean {
  if (live === undefined) return desired.length === 0
  if (!Array.isArray(live)) return false
  const keyed = desired.every(item => isObject(item) && identity(item) !== undefined)
  if (desired.length === 0 || !keyed) {
    return desired.length === live.length && desired.every((item, index) => holds(item, live[index], undefined))
  }
  const byIdentity = new Map(live.map(item => [isObject(item) ? identity(item) : undefined, item]))
  return desired.every(item => {
    const found = isObject(item) ? byIdentity.get(identity(item)) : undefined
    return found !== undefined && holds(item, found, undefined)
  })
}

/** What tells items apart in the lists that the API server merges. */
function identity(item: Fields): string | undefined {
  for (const key of ['mountPath', 'uid', 'name']) {
    const value = item[key]
    if (typeof value === 'string') return `${key} ${value}`
  }
  return undefined
}

// Those that the API server takes as one value: what others add is no addition, but another value.
const wholeFields = new Set(['selector', 'podSelector', 'labelSelector', 'nodeSelector', 'ingress', 'policyTypes'])

const amountFields = new Set(['requests', 'limits', 'sizeLimit'])
const multipliers: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** Value of an amount such as `512Mi`, `0.5` or `1e3`. Undefined if it is none. */
export function amountOf(value: unknown): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(String(value))
  const multiplier = multipliers[match?.[2] ?? '']
  return match === null || multiplier === undefined ? undefined : Number(match[1]) * multiplier
}

function sameAmount(one: unknown, other: unknown): boolean {
  const [first, second] = [amountOf(one), amountOf(other)]
  if (first === undefined || second === undefined) return false
  return Math.abs(first - second) <= Math.abs(first) * 1e-9
}

type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
