/** Whether a server on a cluster goes on undisturbed while something changes: its pods, and a transfer that runs all the time. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Cluster } from '../../../operator/kubernetes/cluster.ts'
import { kinds } from '../../../operator/kubernetes/kinds.ts'
import { listAt, numberAt, textAt } from '../../../operator/kubernetes/read.ts'
import { ClusterSession, type Place } from './sessions.ts'

/** What a restart, or another pod in its place, would change. */
export type PodIdentity = { readonly uid: string | undefined; readonly restarts: number; readonly started: string }

/** All pods that there are, and all that there ever were: each other template leaves a ReplicaSet. */
export async function untouched(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<{ readonly pods: readonly PodIdentity[]; readonly templates: readonly (number | undefined)[] }> {
  const selection = { namespace, labelSelector: `app.kubernetes.io/instance=${name}` }
  const [pods, deployments] = await Promise.all([
    cluster.list(kinds.pod, selection),
    cluster.list(kinds.deployment, selection),
  ])
  return {
    pods: pods.items.map(pod => ({
      uid: pod.metadata.uid,
      restarts: listAt(pod, 'status', 'containerStatuses').reduce<number>(
        (sum, status) => sum + (numberAt(status, 'restartCount') ?? 0),
        0,
      ),
      started: listAt(pod, 'status', 'containerStatuses')
        .map(status => textAt(status, 'state', 'running', 'startedAt'))
        .join(),
    })),
    templates: deployments.items.map(({ metadata }) => metadata.generation),
  }
}

export type LongUpload = {
  /** Hurries to the end. Rejects unless it ran until now, and all of it has arrived. */
  finish(): Promise<void>
}

// At the pace of ClusterSession some three minutes.
const uploadBytes = 60 * 1024 * 1024

/** Begins an upload over TLS that goes on slowly until it is told to finish. */
export async function startLongUpload(place: Place): Promise<LongUpload> {
  const session = await ClusterSession.open(place, { passive: 'EPSV', secure: true })
  const hurry = new AbortController()
  const content = randomBytes(uploadBytes)
  // Where a test that has failed is tried again, the upload of the first time may still run.
  const name = `long-upload-${randomUUID()}`
  const transfer = await session.begin('upload', name, content, hurry.signal)
  let ended = false
  const note = () => {
    ended = true
  }
  transfer.finished.then(note, note)
  return {
    async finish() {
      const wasRunning = !ended
      hurry.abort()
      try {
        await transfer.finished
        if (!wasRunning) throw new Error('The upload ended before it was to.')
        const size = await session.command(`SIZE ${name}`, 213)
        if (size.text.trim() !== String(uploadBytes)) throw new Error(`Of ${uploadBytes} bytes there are ${size.text}.`)
      } finally {
        session.close()
      }
    },
  }
}

/** Distribution of times, in milliseconds. */
export function describeTimes(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (part: number) => Math.round(sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN)
  return `${sorted.length} times; least ${at(0)}, median ${at(0.5)}, 95 % ${at(0.95)}, most ${at(1)} ms`
}
