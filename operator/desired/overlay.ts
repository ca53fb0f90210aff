/** Lays what people write over what is built: `spec.podTemplate`. */

/**
 * Objects are merged key by key; `null` takes a key away. Lists whose items have a key of their own (`name`; `mountPath`
 * of volume mounts, `containerPort` of ports, `topologyKey` of spread constraints, `ip` of host aliases) are merged item
 * by item, new items at the end. All else is replaced.
 */
export function overlay(base: unknown, above: unknown): unknown {
  return merge(base, above, '')
}

const itemKeys: Readonly<Record<string, string>> = {
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  ports: 'containerPort',
  topologySpreadConstraints: 'topologyKey',
  hostAliases: 'ip',
}

function merge(base: unknown, above: unknown, field: string): unknown {
  if (Array.isArray(base) && Array.isArray(above)) {
    const key = itemKeys[field] ?? 'name'
    return hasKey(base, key) && hasKey(above, key) ? mergeItems(base, above, key) : above
  }
  if (!isObject(above)) return above
  const merged = new Map(Object.entries(isObject(base) ? base : {}))
  for (const [name, value] of Object.entries(above)) {
    if (value === null) merged.delete(name)
    else merged.set(name, merge(merged.get(name), value, name))
  }
  return Object.fromEntries(merged)
}

type Item = Readonly<Record<string, unknown>>

function mergeItems(base: readonly Item[], above: readonly Item[], key: string): unknown[] {
  const items = new Map<unknown, unknown>(base.map(item => [item[key], item]))
  for (const item of above) items.set(item[key], merge(items.get(item[key]), item, ''))
  return [...items.values()]
}

function hasKey(items: readonly unknown[], key: string): items is readonly Item[] {
  return items.every(item => isObject(item) && item[key] !== undefined)
}

function isObject(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
