/** Objects by key, and by whatever else they are looked up. */
import { type KubernetesObject, keyOf } from '../kubernetes/object.ts'

/** Values under which an object is found; none if it is not to be. */
export type Indexer = (object: KubernetesObject) => readonly string[]

export interface Store {
  readonly size: number
  keys(): IterableIterator<string>
  get(key: string): KubernetesObject | undefined
  list(namespace?: string): KubernetesObject[]
  /** Throws if there is no such index. */
  byIndex(index: string, value: string): KubernetesObject[]
  set(object: KubernetesObject): void
  delete(key: string): void
}

export function createStore(indexers: Readonly<Record<string, Indexer>>): Store {
  const objects = new Map<string, KubernetesObject>()
  const indexes = new Map(
    Object.entries({ ...indexers, [namespaceIndex]: byNamespace }).map(([name, indexer]) => [
      name,
      createIndex(indexer),
    ]),
  )

  function remove(key: string): void {
    const old = objects.get(key)
    if (old === undefined) return
    objects.delete(key)
    for (const index of indexes.values()) index.remove(key, old)
  }

  function byIndex(name: string, value: string): KubernetesObject[] {
    const index = indexes.get(name)
    if (index === undefined) throw new Error(`no such index: ${name}`)
    return [...index.keys(value)].flatMap(key => objects.get(key) ?? [])
  }

  return {
    get size() {
      return objects.size
    },
    keys: () => objects.keys(),
    get: key => objects.get(key),
    list: namespace => (namespace === undefined ? [...objects.values()] : byIndex(namespaceIndex, namespace)),
    byIndex,
    set(object) {
      const key = keyOf(object.metadata)
      remove(key)
      objects.set(key, object)
      for (const index of indexes.values()) index.add(key, object)
    },
    delete: remove,
  }
}

const namespaceIndex = 'namespace'
const byNamespace: Indexer = ({ metadata }) => (metadata.namespace === undefined ? [] : [metadata.namespace])

function createIndex(indexer: Indexer) {
  const keysByValue = new Map<string, Set<string>>()
  return {
    keys: (value: string): Iterable<string> => keysByValue.get(value) ?? [],
    add(key: string, object: KubernetesObject) {
      for (const value of indexer(object)) {
        const keys = keysByValue.get(value)
        if (keys === undefined) keysByValue.set(value, new Set([key]))
        else keys.add(key)
      }
    },
    remove(key: string, object: KubernetesObject) {
      for (const value of indexer(object)) {
        const keys = keysByValue.get(value)
        keys?.delete(key)
        if (keys?.size === 0) keysByValue.delete(value)
      }
    },
  }
}
