/** How pods are replaced, and which half of its ports each replica has now. Pure. */
import type { Blueprint, Replica } from '../desired/blueprint.ts'
import { annotationKeys, nameOf } from '../desired/names.ts'
import { podTemplate } from '../desired/pod-template.ts'
import { halves, type Rollout } from '../desired/ports.ts'
import { findLive, readClaim } from '../observation/live.ts'
import type { Observation } from '../observation/observation.ts'
import { shortHash } from './applied-hash.ts'
import { chooseHalf } from './choose-half.ts'

/** Two pods at once need a volume that both can write, and ports that both can have. */
export function rolloutOf({ server, claim }: Observation): Rollout {
  const { storage, hostNetwork } = server.spec
  if (hostNetwork) return 'recreate'
  if (storage.emptyDir !== undefined) return 'rolling'
  const modes = storage.claim?.accessModes ?? (claim && readClaim(claim).accessModes) ?? []
  return modes.some(mode => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany') ? 'rolling' : 'recreate'
}

type Chosen = { readonly replica: Replica | undefined; readonly templateChanged: boolean }

export function chooseReplica(draft: Blueprint, { server, live, pods }: Observation, index: number): Chosen {
  const templateHash = shortHash(podTemplate(draft, index, 'a'))
  const deployment = findLive(live, 'Deployment', nameOf.deployment(server.metadata.name, index))
  const annotations = deployment?.metadata.annotations ?? {}
  const templateChanged = deployment !== undefined && annotations[annotationKeys.templateHash] !== templateHash
  if (draft.rollout === 'recreate') {
    return { replica: { index, half: 'a', templateHash, isVacant: false }, templateChanged }
  }
  const liveHalf = halves.find(half => half === annotations[annotationKeys.half])
  const ready = pods.filter(pod => pod.replica === index && pod.ready && !pod.ended)
  const halvesOf = (isTerminating: boolean) =>
    new Set(ready.filter(({ terminating }) => terminating === isTerminating).map(({ half }) => half))
  const [serving, draining] = [halvesOf(false), halvesOf(true)]
  const half = chooseHalf({ templateChanged, live: deployment && (liveHalf ?? 'a'), serving, draining })
  const isVacant = serving.size === 0 && draining.size > 0
  return { replica: half === 'wait' ? undefined : { index, half, templateHash, isVacant }, templateChanged }
}
