/** What the pods of an FtpServer say of themselves, read as a person would: by kubectl. */
import type { ServerStatus } from '../../../server/telemetry/status.ts'
import { eventually } from '../eventually.ts'
import { kubectl } from './cluster.ts'

export type Pod = {
  readonly name: string
  readonly replica: number
  readonly half: string
  readonly image: string
  readonly ready: boolean
  readonly terminating: boolean
}

type PodList = {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string
      readonly labels: Readonly<Record<string, string>>
      readonly deletionTimestamp?: string
    }
    readonly spec: { readonly containers: readonly { readonly image: string }[] }
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
  }[]
}

/** Pods of a server by replica, those that are terminating too. */
export async function podsOf(namespace: string, name: string): Promise<readonly Pod[]> {
  const selector = `app.kubernetes.io/instance=${name}`
  const { items }: PodList = JSON.parse(await kubectl(['-n', namespace, 'get', 'pods', '-l', selector, '-o', 'json']))
  return items
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      replica: Number(metadata.labels['ftp-operator.io/replica']),
      half: metadata.labels['ftp-operator.io/ports-half'] ?? '',
      image: spec.containers[0]?.image ?? '',
      ready: status.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') === true,
      terminating: metadata.deletionTimestamp !== undefined,
    }))
    .toSorted((one, other) => one.replica - other.replica)
}

/** `/status` of a pod, through the API server: that works wherever kubectl does. */
export async function statusOfPod(namespace: string, pod: string): Promise<ServerStatus> {
  return JSON.parse(await kubectl(['get', '--raw', `/api/v1/namespaces/${namespace}/pods/${pod}:8080/proxy/status`]))
}

/** Whether its server has been told to end, and has not yet. */
export async function isDraining(namespace: string, pod: string): Promise<boolean> {
  const isOk = (path: string) =>
    kubectl(['get', '--raw', `/api/v1/namespaces/${namespace}/pods/${pod}:8080/proxy${path}`]).then(
      () => true,
      () => false,
    )
  return !(await isOk('/readyz')) && (await isOk('/serving'))
}

/** Resolves to the pods when they are as a test wants them. */
export async function untilPods(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  what: string,
  holds: (pods: readonly Pod[]) => boolean,
): Promise<readonly Pod[]> {
  return eventually(
    async () => {
      const pods = await podsOf(namespace, name)
      return holds(pods) && pods
    },
    what,
    60_000,
  )
}
