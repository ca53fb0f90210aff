/** What is told of an FtpUser that is being deleted with its home, and whether it may go. Pure. */
import { type FtpUser, type FtpUserStatus, usernameOf } from '../api/ftp-user.ts'
import type { Condition } from '../api/status.ts'
import { conditionsFrom, type Finding } from '../conditions.ts'
import { homeRemoved } from '../observation/user-references.ts'
import type { HomeState } from '../users/leaving.ts'

/** A server of `serverRefs`, in that order. */
export type LeavingServer = {
  readonly name: string
  readonly namespace: string
  /** Undefined until it has decided about the user as it is now. */
  readonly home: HomeState | undefined
}

export type LeavingInput = {
  readonly user: FtpUser
  readonly servers: readonly LeavingServer[]
  /** Milliseconds since the epoch. */
  readonly now: number
}

export type LeavingResult =
  /** Nothing is waited for. */
  | { readonly kind: 'gone'; readonly removedAt: readonly string[] }
  | { readonly kind: 'waiting'; readonly status: FtpUserStatus }

/** With `Retain` pods that say nothing are not waited for longer than this: they take the order back as soon as they can. */
const retainSeconds = 120
/** After this people are told. */
const overdueSeconds = 600

export function leavingStatus({ user, servers, now }: LeavingInput): LeavingResult {
  const { metadata, spec, status: before } = user
  const { generation, name, namespace } = metadata
  const isGivenUp = spec.reclaimPolicy !== 'Delete'
  const found = servers.map(server => {
    const last = before?.servers?.find(each => each.name === server.name && each.namespace === server.namespace)
    const finding = findingOf(server.home, isGivenUp, last?.conditions)
    const conditions = conditionsFrom({ [homeRemoved]: finding }, { last: last?.conditions, generation, now })
    return { server, finding, conditions, isOpen: isOpen(server.home, isGivenUp, conditions[0], now) }
  })
  const open = found.find(each => each.isOpen)
  if (open === undefined) {
    const removed = found.filter(({ finding }) => finding.status === 'True')
    return { kind: 'gone', removedAt: removed.map(({ server }) => `${server.namespace}/${server.name}`) }
  }
  const { reason, message } = open.finding
  const since = Date.parse(metadata.deletionTimestamp ?? '')
  const isOverdue = quiet.has(reason) && now - since > overdueSeconds * 1000
  const way = isGivenUp
    ? ''
    : `. To keep the home and let the resource go: kubectl -n ${namespace} patch ftpuser ${name} --type merge -p '{"spec":{"reclaimPolicy":"Retain"}}'`
  const ready: Finding = {
    status: 'False',
    reason: isOverdue ? 'HomeOverdue' : reason,
    message: `is being deleted: FtpServer ${open.server.namespace}/${open.server.name}: ${message}${way}`,
  }
  return {
    kind: 'waiting',
    status: {
      ...(generation !== undefined && { observedGeneration: generation }),
      conditions: conditionsFrom({ Ready: ready }, { last: before?.conditions, generation, now }),
      username: usernameOf(user),
      servers: found.map(({ server, conditions }) => ({
        name: server.name,
        namespace: server.namespace,
        conditions,
      })),
      ...(before?.binding !== undefined && { binding: before.binding }),
    },
  }
}

/** Reasons that are as they should be for a while. */
export const quiet: ReadonlySet<string> = new Set(['Pending', 'RemovingHome', 'Removed', 'Withdrawing'])

function findingOf(home: HomeState | undefined, isGivenUp: boolean, last: readonly Condition[] = []): Finding {
  const wasRemoved = last.some(({ type, status }) => type === homeRemoved && status === 'True')
  if (home?.kind === 'left')
    return { status: 'False', reason: 'NotAccepted', message: `the home stays: ${home.message}` }
  if (home?.kind === 'removed') return { status: 'True', reason: 'Removed', message: 'the home is gone' }
  if (wasRemoved) {
    const rest = home?.kind === 'waiting' ? `; ${home.message}` : ''
    return { status: 'True', reason: 'Removed', message: `the home is gone${rest}` }
  }
  if (home === undefined) {
    const message = 'the server has not been looked at since'
    return { status: isGivenUp ? 'Unknown' : 'False', reason: 'Pending', message }
  }
  if (home.kind === 'withdrawn') {
    return { status: 'Unknown', reason: 'Retained', message: 'the home, or what is left of it, stays' }
  }
  return { status: isGivenUp ? 'Unknown' : 'False', reason: home.reason, message: home.message }
}

function isOpen(
  home: HomeState | undefined,
  isGivenUp: boolean,
  condition: Condition | undefined,
  now: number,
): boolean {
  if (home?.kind === 'left' || home?.kind === 'withdrawn') return false
  if (!isGivenUp) return true
  return !(now - Date.parse(condition?.lastTransitionTime ?? '') > retainSeconds * 1000)
}
