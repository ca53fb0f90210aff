/** What an operator has made for a server on a cluster, and whether it stays as it is. */
import { resourceKind } from '../../../operator/api/ftp-server.ts'
import type { Cluster } from '../../../operator/kubernetes/cluster.ts'
import { kinds } from '../../../operator/kubernetes/kinds.ts'
import { type KubernetesObject, keyOf, type ResourceKind } from '../../../operator/kubernetes/object.ts'
import { textAt } from '../../../operator/kubernetes/read.ts'
import { ownedKinds } from '../../../operator/observation/cluster-view.ts'
import { eventually } from '../eventually.ts'

/** All of it that the cluster keeps of an object, without what it counts by itself. */
export function contentOf(object: KubernetesObject): Record<string, unknown> {
  const { labels, ownerReferences } = object.metadata
  const annotations = { ...object.metadata.annotations, [revision]: undefined }
  return { ...object, status: undefined, metadata: { labels, annotations, ownerReferences } }
}

const revision = 'deployment.kubernetes.io/revision'

/** Everything made for a server, its pods too, by kind and name. */
export async function objectsOf(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<ReadonlyMap<string, KubernetesObject>> {
  const labelSelector = `app.kubernetes.io/instance=${name}`
  const lists = await Promise.all(
    [...ownedKinds, kinds.pod].map(kind => cluster.list(kind, { namespace, labelSelector })),
  )
  return new Map(lists.flatMap(({ items }) => items).map(object => [`${object.kind} ${object.metadata.name}`, object]))
}

/** Resolves when nothing is left of a server but, if so, its claim: to what is left. */
export async function leftOf(cluster: Cluster, namespace: string, name: string): Promise<readonly string[]> {
  return eventually(
    async () => {
      const left = [...(await objectsOf(cluster, namespace, name)).keys()]
      return left.every(each => each.startsWith('PersistentVolumeClaim ')) && left
    },
    `all of ${name} is gone`,
    60_000,
    100,
  )
}

/** Everything that changes in a namespace within so many seconds, resources and their pods: empty if nobody writes. */
export async function changesWithin(cluster: Cluster, namespace: string, seconds: number): Promise<readonly string[]> {
  const watched: readonly ResourceKind[] = [...ownedKinds, kinds.pod, kinds.event, resourceKind]
  const changes = await Promise.all(
    watched.map(async kind => {
      const { resourceVersion } = await cluster.list(kind, { namespace })
      const seen: string[] = []
      const events = cluster.watch(kind, {
        namespace,
        resourceVersion,
        timeoutSeconds: seconds,
        inactivitySeconds: seconds + 10,
        signal: AbortSignal.timeout((seconds + 20) * 1000),
      })
      for await (const event of events) {
        // Those about pods are the kubelet's.
        if (event.type === 'bookmark' || textAt(event.object, 'regarding', 'kind') === 'Pod') continue
        seen.push(`${event.type}: ${kind.kind} ${keyOf(event.object.metadata)}`)
      }
      return seen
    }),
  )
  return changes.flat()
}

/** Requests of an operator that write, as it counts them itself. */
export async function writesOf(operator: { readonly probesPort: number }): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${operator.probesPort}/metrics`)).text()
  const lines = text.split('\n').filter(line => /^rest_client_requests_total\{.*method="(?!GET)/.test(line))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
