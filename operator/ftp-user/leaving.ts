/** An FtpUser that is being deleted and takes its home with it: whether pods are to have the order to remove it. Pure. */
import { mostRemovedHomes, type RemovedHome, removedHomesFile } from '../../server/config/schema/removed-homes.ts'
import { type FtpUser, usernameOf } from '../api/ftp-user.ts'
import { type KubernetesObject, keyOf, type ObjectName } from '../kubernetes/object.ts'
import { listAt, textAt } from '../kubernetes/read.ts'
import type { Binding } from './binding.ts'

/** Keeps the resource until the home is gone, and the order to remove it too. */
export const homeFinalizer = 'ftp-operator.io/home'
/** Type of the condition that tells of it, for each server. */
export const homeRemoved = 'HomeRemoved'

export type Leaving =
  | { readonly kind: 'ordered'; readonly order: RemovedHome }
  /** It is gone, or is to stay: no pod may have the order any more. */
  | { readonly kind: 'withdrawn' }

/** How far a server is. */
export type HomeState =
  /** It does nothing about it. */
  | { readonly kind: 'left'; readonly message: string }
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  /** All its pods say so; they still have the order. */
  | { readonly kind: 'removed' }
  /** No pod has the order any more. */
  | { readonly kind: 'withdrawn' }

export function isLeaving({ metadata }: Pick<KubernetesObject, 'metadata'>): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(homeFinalizer) === true
}

/** A user who is leaving, at a server that takes it. */
export function leavingOf(user: FtpUser, server: ObjectName): Leaving {
  const { metadata, spec } = user
  if (spec.reclaimPolicy !== 'Delete' || removedAt(user).includes(keyOf(server))) return { kind: 'withdrawn' }
  const name = usernameOf(user)
  const { hosts } = spec
  return {
    kind: 'ordered',
    order: { id: metadata.uid, user: name, home: spec.home ?? `/${name}`, ...(hosts !== undefined && { hosts }) },
  }
}

/** Keys of the servers whose pods have removed the home, as status has it: an operator that is started anew goes on from there. */
export function removedAt(user: Pick<KubernetesObject, 'metadata'> & { readonly status?: unknown }): readonly string[] {
  return listAt(user, 'status', 'servers').flatMap(server => {
    const found = listAt(server, 'conditions').find(each => textAt(each, 'type') === homeRemoved)
    const name = textAt(server, 'name')
    if (textAt(found, 'status') !== 'True' || name === undefined) return []
    return [keyOf({ name, namespace: textAt(server, 'namespace') })]
  })
}

/** Keys of the files that pods get it by. */
export const orderKeys: readonly string[] = [removedHomesFile.replace('users/', '')]

export function orderFiles(bindings: readonly Binding[]): readonly (readonly [string, Uint8Array])[] {
  const homes = bindings
    .flatMap(({ leaving }) => (leaving?.kind === 'ordered' ? [leaving.order] : []))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    // The others follow when these are gone.
    .slice(0, mostRemovedHomes)
  return homes.length === 0 ? [] : orderKeys.map(key => [key, Buffer.from(JSON.stringify({ homes }))] as const)
}
