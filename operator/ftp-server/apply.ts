/** Applies one manifest, also where others have put into its lists what doesn't go with ours. */
import { fieldManager } from '../desired/names.ts'
import { hasReason } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import type { KubernetesObject, Manifest, ResourceKind } from '../kubernetes/object.ts'
import { at, listAt, textAt } from '../kubernetes/read.ts'

type Writer = Pick<Cluster, 'apply' | 'patchMerge'>

/** `live` is what was there; rejects with what the API server says to the manifest. */
export async function applyManifest(
  cluster: Writer,
  kind: ResourceKind,
  manifest: Manifest,
  live: KubernetesObject | undefined,
  signal: AbortSignal,
): Promise<void> {
  const apply = async () => {
    const applied = await cluster.apply(manifest, { fieldManager, force: true, signal })
    const strays = strayKeys(manifest, applied)
    if (strays.length === 0) return
    const data = Object.fromEntries(strays.map(key => [key, null]))
    await cluster.patchMerge(kind, manifest.metadata, { data }, { fieldManager: temporaryManager, signal })
  }
  try {
    await apply()
  } catch (error) {
    // Server-side apply keeps the entries of others: a port whose number somebody changed is one more port, of a name that is taken.
    const spec = at(manifest, 'spec')
    if (live === undefined || spec === undefined || !hasReason(error, 'Invalid')) throw error
    const replaced = await replaceSpec(cluster, kind, manifest, spec, signal)
    if (!replaced) throw error
    await apply()
  }
}

/** Keys of a Secret or ConfigMap that others have put there, or hold on to: a list of users that nobody wants would be in force. */
export function strayKeys(manifest: Manifest, live: KubernetesObject): readonly string[] {
  if (manifest.kind !== 'Secret' && manifest.kind !== 'ConfigMap') return []
  return Object.keys(at(live, 'data') ?? {}).filter(key => at(manifest, 'data', key) === undefined)
}

/** Lists become what they are in the manifest, whoever made the entries. False if that is refused, too. */
async function replaceSpec(
  cluster: Writer,
  kind: ResourceKind,
  { metadata }: Manifest,
  spec: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  let object: KubernetesObject | undefined
  try {
    object = await cluster.patchMerge(kind, metadata, { spec }, { fieldManager: temporaryManager, signal })
  } catch (error) {
    if (hasReason(error, 'Invalid')) return false
    throw error
  }
  if (object === undefined) return true
  const { resourceVersion } = object.metadata
  const managedFields = listAt(object, 'metadata', 'managedFields').filter(
    entry => textAt(entry, 'manager') !== temporaryManager,
  )
  // What a second manager has, the first can't take away later on.
  const forgotten = { metadata: { resourceVersion, managedFields } }
  await cluster.patchMerge(kind, metadata, forgotten, { fieldManager: temporaryManager, signal })
  return true
}

const temporaryManager = `${fieldManager}-mend`
