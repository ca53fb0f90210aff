/** The condition `StorageReady`. Pure. */
import { nameOf } from '../../desired/names.ts'
import { amountOf } from '../../desired/subset.ts'
import { readClaim } from '../../observation/live.ts'
import type { Observation } from '../../observation/observation.ts'
import { restoreFinding } from '../../snapshots/restore.ts'
import type { Plan } from '../plan.ts'
import type { Finding } from './finding.ts'

export function storageReady(observation: Observation, plan: Plan): Finding {
  const { server, claim: object } = observation
  const { storage, replicas } = server.spec
  if (storage.emptyDir !== undefined) {
    return { status: 'True', reason: 'EmptyDir', message: 'files are lost with the pod' }
  }
  const name = storage.existingClaimName ?? nameOf.claim(server.metadata.name)
  const taken = plan.problems.some(({ source, reason }) => reason === 'NameTaken' && source.endsWith(` ${name}`))
  const no = (reason: string, message: string, isBlocked: boolean): Finding => ({
    status: 'False',
    reason,
    message,
    isBlocked,
  })
  if (taken) return no('ClaimTaken', `claim ${name} belongs to somebody else`, true)
  if (object === undefined) {
    if (storage.claim !== undefined) return no('Pending', `claim ${name} is about to be made`, false)
    return no('ClaimNotFound', `claim ${name} does not exist`, true)
  }
  const claim = readClaim(object)
  if (claim.deleting) return no('ClaimDeleted', `claim ${name} is being deleted`, true)
  if (claim.phase === 'Lost') return no('Lost', `the volume of claim ${name} is gone`, true)
  if (claim.phase !== 'Bound') {
    const { dataSource, size = '' } = storage.claim ?? {}
    const restore = dataSource && restoreFinding(dataSource, observation.dataSource, size)
    if (restore !== undefined) return no(restore.reason, `claim ${name}: ${restore.message}`, restore.isBlocked)
    const storageClass = claim.storageClass === undefined ? '' : ` of storage class ${claim.storageClass}`
    return no('Pending', `claim ${name}${storageClass} is not bound to a volume yet`, false)
  }
  const isShared = claim.accessModes.some(mode => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')
  if (replicas > 1 && !isShared) {
    return no('NotShared', `${replicas} replicas need a claim with ReadWriteMany; ${name} has not`, true)
  }
  const size = claim.capacity === undefined ? '' : `, ${claim.capacity}`
  if (storage.claim !== undefined && isSmaller(claim.capacity, storage.claim.size)) {
    const failed = claim.resize?.failed ?? false
    return {
      // The files are there and served all the same.
      status: 'True',
      reason: failed ? 'ResizeFailed' : 'Resizing',
      message: `claim ${name} is to grow to ${storage.claim.size}${size}${claim.resize?.message ? `: ${claim.resize.message}` : ''}`,
      isBlocked: failed,
    }
  }
  const bound = `claim ${name} is bound${size}`
  if (replicas > 1 && hasQuotas(observation)) {
    const message = `${bound}; each of the ${replicas} replicas keeps count of quotas by itself, so uploads to several at once may exceed them until files are counted again`
    return { status: 'True', reason: 'QuotasPerReplica', message }
  }
  return { status: 'True', reason: 'Bound', message: bound }
}

/** As far as the operator knows: lists of users are the server's to read. */
function hasQuotas({ server: { spec }, users }: Observation): boolean {
  return (
    spec.quotas.length > 0 ||
    spec.users.some(({ quota }) => quota !== undefined) ||
    users.some(({ user }) => user.spec.quota !== undefined)
  )
}

function isSmaller(one: string | undefined, other: string): boolean {
  const [first, second] = [amountOf(one ?? ''), amountOf(other)]
  return first !== undefined && second !== undefined && first < second
}
