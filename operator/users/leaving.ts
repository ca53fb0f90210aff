/** An FtpUser that is being deleted and takes its home with it: whether pods are to have the order to remove it. Pure. */
import { mostRemovedHomes, type RemovedHome, removedHomesFile } from '../../server/config/schema/removed-homes.ts'
import { type FtpUser, usernameOf } from '../api/ftp-user.ts'
import { type KubernetesObject, keyOf, type ObjectName } from '../kubernetes/object.ts'
import { removedAt } from '../observation/user-references.ts'

/** Keeps the resource until the home is gone, and the order to remove it too. */
export const homeFinalizer = 'ftp-operator.io/home'
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

/** Keys of the files that pods get it by. */
export const orderKeys: readonly string[] = [removedHomesFile.replace('users/', '')]

export function orderFiles(
  bindings: readonly { readonly leaving?: Leaving }[],
): readonly (readonly [string, Uint8Array])[] {
  const homes = bindings
    .flatMap(({ leaving }) => (leaving?.kind === 'ordered' ? [leaving.order] : []))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    // The others follow when these are gone.
    .slice(0, mostRemovedHomes)
  return homes.length === 0 ? [] : orderKeys.map(key => [key, Buffer.from(JSON.stringify({ homes }))] as const)
}
