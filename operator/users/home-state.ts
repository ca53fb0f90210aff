/** How far a server is with removing the home of an FtpUser that is being deleted, by what its pods say. Pure. */

import type { Half } from '../desired/ports.ts'
import type { Observation, ObservedPod } from '../observation/observation.ts'
import type { Binding } from './binding.ts'
import type { HomeState } from './leaving.ts'

/** Of the configuration that a pod is to have in force. */
type HashOf = (replica: number, half: Half) => string

/** Undefined for a user whom the server lets in. */
export function homeStateOf(binding: Binding, observation: Observation, hashOf: HashOf): HomeState | undefined {
  const { leaving, verdict, uid } = binding
  if (leaving === undefined) {
    return verdict.accepted
      ? undefined
      : { kind: 'left', message: `the server does not take the user: ${verdict.message}` }
  }
  const pods = observation.pods.filter(({ ended }) => !ended)
  if (leaving.kind === 'withdrawn') return withdrawal(uid, pods, hashOf)
  if (!verdict.accepted && verdict.reason === 'TooLarge') return { kind: 'waiting', ...verdict }
  return removal(uid, pods, observation)
}

function withdrawal(uid: string, pods: readonly ObservedPod[], hashOf: HashOf): HomeState {
  const holding = pods.find(({ report, terminating, replica, half }) => {
    if (report === undefined || report.removedHomes.some(({ id }) => id === uid)) return true
    // What it has may be older than the order, which then is still to come.
    return !terminating && report.hash !== hashOf(replica, half)
  })
  if (holding === undefined) return { kind: 'withdrawn' }
  const message = `pod ${holding.name} has not said yet that it has the order to remove the home no more`
  return { kind: 'waiting', reason: 'Withdrawing', message }
}

function removal(uid: string, pods: readonly ObservedPod[], { server }: Observation): HomeState {
  const waiting = (reason: string, message: string): HomeState => ({ kind: 'waiting', reason, message })
  const { suspend, replicas, paused } = server.spec
  if (server.metadata.deletionTimestamp !== undefined) return waiting('RemovingHome', 'the server is being deleted')
  const told = pods
    .filter(({ terminating }) => !terminating)
    .map(({ name, report }) => ({ name, home: report?.removedHomes.find(({ id }) => id === uid) }))
  const refused = told.find(({ home }) => home?.state === 'refused')
  if (refused !== undefined) return waiting('HomeInUse', `pod ${refused.name} says: ${refused.home?.message}`)
  const failed = told.find(({ home }) => home?.state === 'failed')
  if (failed !== undefined) {
    return waiting('HomeNotRemoved', `pod ${failed.name} tries again, and says: ${failed.home?.message}`)
  }
  const open = told.find(({ home }) => home?.state !== 'removed')
  if (told.length > 0 && open === undefined) return { kind: 'removed' }
  if (paused) return waiting('Paused', 'spec.paused of the server is set: its pods are not told')
  if (open !== undefined) return waiting('RemovingHome', `pod ${open.name} has not removed the home yet`)
  if (suspend || replicas === 0) return waiting('NoPods', 'the server has no pods that could remove the home')
  return waiting('RemovingHome', 'no pod of the server is there yet that could remove the home')
}
