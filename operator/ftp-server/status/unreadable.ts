/** Status of a resource that this operator can't read: one that an older or newer schema let in. Pure. */
import { longestMessage } from '../../conditions.ts'
import type { KubernetesObject } from '../../kubernetes/object.ts'
import { conditionOf } from '../../kubernetes/read.ts'
import { timestamp } from '../../kubernetes/time.ts'

/** Undefined if status says so already: the time of the transition stays as it is. */
export function unreadableStatus(object: KubernetesObject, errors: readonly string[], now: number): unknown {
  const message = errors.join('; ').slice(0, longestMessage)
  const before = conditionOf(object, 'Stalled')
  const { generation } = object.metadata
  if (before?.status === 'True' && before.message === message) return undefined
  const common = {
    observedGeneration: generation,
    lastTransitionTime: timestamp(now),
    reason: 'InvalidSpec',
    message,
  }
  return {
    observedGeneration: generation,
    conditions: [
      { type: 'Ready', status: 'False', ...common },
      { type: 'Stalled', status: 'True', ...common },
    ],
  }
}
