/** What an FtpServer says of itself in status and events, for tests on a cluster. */
import type { Condition } from '../../../operator/api/ftp-server.ts'
import type { ConditionType } from '../../../operator/api/status.ts'
import type { Cluster } from '../../../operator/kubernetes/cluster.ts'
import { kinds } from '../../../operator/kubernetes/kinds.ts'
import type { KubernetesObject } from '../../../operator/kubernetes/object.ts'
import { listAt, textAt } from '../../../operator/kubernetes/read.ts'
import { eventually } from '../eventually.ts'
import { getFtpServer } from './cluster.ts'

/** Where a server is. */
export type Place = { readonly cluster: Cluster; readonly namespace: string; readonly name: string }

export type Expected = {
  readonly type: ConditionType
  readonly status: 'True' | 'False' | 'Unknown'
  /** Any, if absent. */
  readonly reason?: RegExp
  readonly message?: RegExp
}

/** Resolves to the condition as soon as it is as expected; rejects with all conditions after the deadline. */
export async function untilCondition(
  { cluster, namespace, name }: Place,
  { type, status, reason = /./, message = /./ }: Expected,
  seconds = 60,
): Promise<Condition> {
  let last: readonly Condition[] = []
  const probe = async (): Promise<Condition | undefined> => {
    last = conditionsOf(await getFtpServer(cluster, namespace, name))
    const found = last.find(each => each.type === type)
    if (found?.status !== status || !reason.test(found.reason) || !message.test(found.message)) return undefined
    return found
  }
  return eventually(probe, `${type} of ${name} is ${status}`, seconds * 1000, pollMilliseconds).catch(error => {
    const shown = last.map(each => `${each.type}=${each.status} ${each.reason}: ${each.message}`).join('\n')
    throw new Error(`${type} of ${name} is not ${status} ${reason} ${message}, but:\n${shown}`, {
      cause: error,
    })
  })
}

export type ReportedEvent = { readonly reason: string; readonly type: string; readonly note: string }

/** Resolves to the first event of events.k8s.io about the server with such a reason. */
export async function untilEvent(place: Place, reason: RegExp, seconds = 40): Promise<ReportedEvent> {
  let last: readonly ReportedEvent[] = []
  const probe = async (): Promise<ReportedEvent | undefined> => {
    last = await eventsOf(place)
    return last.find(event => reason.test(event.reason))
  }
  return eventually(probe, `an event ${reason}`, seconds * 1000, pollMilliseconds).catch(error => {
    throw new Error(`No event ${reason} about ${place.name}, but: ${last.map(each => each.reason).join(', ')}`, {
      cause: error,
    })
  })
}

async function eventsOf({ cluster, namespace, name }: Place): Promise<readonly ReportedEvent[]> {
  const { items } = await cluster.list(kinds.event, { namespace })
  return items
    .filter(event => textAt(event, 'regarding', 'kind') === 'FtpServer' && textAt(event, 'regarding', 'name') === name)
    .map(event => ({
      reason: textAt(event, 'reason') ?? '',
      type: textAt(event, 'type') ?? '',
      note: textAt(event, 'note') ?? '',
    }))
}

function conditionsOf(object: KubernetesObject | undefined): readonly Condition[] {
  return listAt(object, 'status', 'conditions') as readonly Condition[]
}

const pollMilliseconds = 100
