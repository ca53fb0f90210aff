/** What servers have decided about FtpUsers, from the reconcilers of servers to those of users. Lives as long as one term of leadership. */
import type { Binding, Verdict } from './binding.ts'
import type { HomeState } from './leaving.ts'

export type BoundUser = {
  readonly uid: string
  readonly generation: number | undefined
  readonly verdict: Verdict
  readonly synced: SyncState
  /** Of a user who is being deleted. */
  readonly home: HomeState | undefined
}

/** `idle`: no pod runs that could have anything in force. */
export type SyncState = 'synced' | 'pending' | 'refused' | 'idle'

/** What a server has said of itself after a reconcile. */
export type Decided = {
  readonly bindings: readonly Binding[]
  readonly applied: SyncState
  /** What pods say about users that they refuse, by name. Only of pods that have everything else in force. */
  readonly rejected: ReadonlyMap<string, string>
  /** How far the removal of homes is, by the key of the user. */
  readonly homes: ReadonlyMap<string, HomeState>
}

export interface Bindings {
  /** Tells the listener of those users for whom something is different now. */
  publish(server: string, decided: Decided): void
  /** There is no such server any more. */
  forget(server: string): void
  /** Undefined if that server has not been looked at yet, or knew nothing of the user then. */
  of(server: string, user: string): BoundUser | undefined
}

export function createBindings(onChange: (user: string) => void): Bindings {
  const servers = new Map<string, ReadonlyMap<string, Known>>()

  return {
    publish(server, decided) {
      const before = servers.get(server)
      const after = new Map(decided.bindings.map(each => [each.key, known(each, decided, before?.get(each.key))]))
      servers.set(server, after)
      for (const key of new Set([...(before?.keys() ?? []), ...after.keys()])) {
        if (!isSame(before?.get(key), after.get(key))) onChange(key)
      }
    },
    forget(server) {
      const before = servers.get(server)
      servers.delete(server)
      for (const key of before?.keys() ?? []) onChange(key)
    },
    of: (server, user) => servers.get(server)?.get(user),
  }
}

type Known = BoundUser & {
  /** Of what all pods had in force when they were last seen to have everything: other changes don't concern the user. */
  readonly inForce: string | undefined
}

function known(binding: Binding, { applied, rejected, homes }: Decided, before: Known | undefined): Known {
  const { uid, generation, entry, username } = binding
  const refusal = entry === undefined ? undefined : rejected.get(username)
  const verdict: Verdict =
    refusal === undefined ? binding.verdict : { accepted: false, reason: 'Rejected', message: refusal }
  const inForce = applied === 'synced' ? entry?.digest : before?.inForce
  const isInForce = inForce !== undefined && inForce === entry?.digest
  const synced = applied !== 'idle' && isInForce ? 'synced' : applied
  return { uid, generation, verdict, inForce, synced, home: homes.get(binding.key) }
}

function isSame(one: Known | undefined, other: Known | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return (
    one.uid === other.uid &&
    one.generation === other.generation &&
    one.synced === other.synced &&
    JSON.stringify([one.verdict, one.home]) === JSON.stringify([other.verdict, other.home])
  )
}
