/** What a condition says. */
import type { ConditionType } from '../../api/status.ts'

export type Finding = {
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** It gets no better unless a person does something. */
  readonly isBlocked?: boolean
  /** What is in the way, where `reason` says what is so all the same. */
  readonly blockedBy?: string
}

export type Findings = Readonly<Record<ConditionType, Finding>>

export function truth(holds: boolean): 'True' | 'False' {
  return holds ? 'True' : 'False'
}
