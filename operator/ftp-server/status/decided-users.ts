/** What a reconcile of a server means for the FtpUsers that name it. Pure. */
import type { FtpServerStatus } from '../../api/ftp-server.ts'
import type { Observation } from '../../observation/observation.ts'
import { resourcePrefix } from '../../users/binding.ts'
import type { Decided, SyncState } from '../../users/bindings.ts'
import { homeStateOf } from '../../users/home-state.ts'
import type { Plan } from '../plan.ts'
import { newestReport } from './reported.ts'

export function decidedBy(observation: Observation, plan: Plan, { conditions = [] }: FtpServerStatus): Decided {
  const applied = conditions.find(({ type }) => type === 'ConfigApplied')
  const isApplied = applied?.status === 'True'
  const report = newestReport(observation, plan)
  const rejected = (isApplied ? (report?.rejected ?? []) : [])
    .filter(({ file }) => file.startsWith(`users/${resourcePrefix}`))
    .flatMap(({ user, message, path }): [string, string][] =>
      user === undefined ? [] : [[user, about(path, message)]],
    )
  return {
    bindings: plan.decisions.bindings,
    applied: isApplied ? 'synced' : (states[applied?.reason ?? ''] ?? 'pending'),
    rejected: new Map(rejected),
    homes: new Map(
      plan.decisions.bindings.flatMap(binding => {
        const state = homeStateOf(binding, observation, plan.decisions.hashOf)
        return state === undefined ? [] : [[binding.key, state] as const]
      }),
    ),
  }
}

const states: Readonly<Record<string, SyncState>> = { NoPods: 'idle', Rejected: 'refused' }

/** The field without its place in a list that nobody knows. */
function about(path: string, message: string): string {
  const field = path.replace(/^users\[\d+\]\.?/, '')
  return field === '' ? message : `${field} ${message}`
}
