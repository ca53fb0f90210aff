/** Everything that a server can consist of, in the order in which it is applied: what others need comes first. */
import type { Manifest } from '../kubernetes/object.ts'
import type { Blueprint } from './blueprint.ts'
import { certificate } from './certificate.ts'
import { certificateSecret } from './certificate-secret.ts'
import { claim } from './claim.ts'
import { configMap } from './config-map.ts'
import { deployments } from './deployments.ts'
import { disruptionBudget } from './disruption-budget.ts'
import { networkPolicy } from './network-policy.ts'
import { podMonitor } from './pod-monitor.ts'
import { prometheusRule } from './prometheus-rule.ts'
import { relaySecret } from './relay.ts'
import { service } from './service.ts'
import { serviceAccount } from './service-account.ts'
import { usersSecrets } from './users-secrets.ts'

/** Undefined, or none: not wanted. */
export type Builder = (blueprint: Blueprint) => Manifest | readonly Manifest[] | undefined

const builders: readonly Builder[] = [
  serviceAccount,
  networkPolicy,
  claim,
  certificate,
  certificateSecret,
  usersSecrets,
  relaySecret,
  configMap,
  service,
  deployments,
  disruptionBudget,
  podMonitor,
  prometheusRule,
]

export function desiredObjects(blueprint: Blueprint): readonly Manifest[] {
  return builders.flatMap(build => build(blueprint) ?? [])
}
