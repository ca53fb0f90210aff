/** All of an FtpUser's status, from what its servers have decided. Pure. */
import { type FtpUser, type FtpUserStatus, usernameOf } from '../api/ftp-user.ts'
import type { Condition } from '../api/status.ts'
import { conditionsFrom, type Finding } from '../conditions.ts'
import { counted } from '../ftp-server/status/counted.ts'
import { keyOf } from '../kubernetes/object.ts'
import { timestamp } from '../kubernetes/time.ts'
import { bindingSecretName } from '../observation/user-references.ts'
import type { BoundUser, SyncState } from '../users/bindings.ts'
import type { UserSecretsState } from './secrets.ts'

/** A server of `serverRefs`, in that order. */
export type ServerState = {
  readonly name: string
  readonly namespace: string
  /** `missing`: there is no such server. Otherwise undefined until it has decided about the user as it is now. */
  readonly bound: BoundUser | 'missing' | undefined
}

export type StatusInput = {
  readonly user: FtpUser
  readonly servers: readonly ServerState[]
  readonly secrets: Pick<UserSecretsState, 'problem' | 'renewAt' | 'ofServers'>
  /** Milliseconds since the epoch. */
  readonly now: number
}

export function userStatus({ user, servers, secrets, now }: StatusInput): FtpUserStatus {
  const { metadata, spec, status: before } = user
  const { generation } = metadata
  const conditionsOf = (findings: Readonly<Record<string, Finding>>, last?: readonly Condition[]) =>
    conditionsFrom(findings, { last, generation, now })
  const found = servers.map(server => ({ server, findings: bindingFindings(server.bound) }))
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: conditionsOf({ Ready: secrets.problem ?? readyOf(found) }, before?.conditions),
    username: usernameOf(user),
    servers: found.map(({ server: { name, namespace }, findings }) => ({
      name,
      namespace,
      conditions: conditionsOf(
        findings,
        before?.servers?.find(each => each.name === name && each.namespace === namespace)?.conditions,
      ),
      ...bindingOf(secrets.ofServers?.get(keyOf({ name, namespace }))),
    })),
    ...(spec.generatedPassword !== undefined && {
      ...bindingOf(bindingSecretName(metadata.name)),
      ...(secrets.renewAt !== undefined && { rotatesAt: timestamp(secrets.renewAt) }),
    }),
  }
}

function bindingOf(name: string | undefined): { readonly binding?: { name: string } } {
  return name === undefined ? {} : { binding: { name } }
}

/** Whether a server has decided about the user. What is on its way is no decision. */
export function isDecided(server: ServerState): boolean {
  return server.bound !== undefined && !isPasswordMissed(server)
}

/** Whether a server has found none in the Secret that is made for the user. */
export function isPasswordMissed({ bound }: ServerState): boolean {
  return bound !== undefined && bound !== 'missing' && !bound.verdict.accepted && bound.verdict.reason === 'Pending'
}

type Findings = { readonly Accepted: Finding; readonly Synced: Finding }

function bindingFindings(bound: ServerState['bound']): Findings {
  if (bound === 'missing') {
    return notAccepted({
      status: 'False',
      reason: 'ServerNotFound',
      message: 'there is no such FtpServer in the namespaces that the operator looks after',
    })
  }
  if (bound === undefined) {
    return notAccepted({ status: 'Unknown', reason: 'Pending', message: 'the server has not been looked at yet' })
  }
  const { verdict, synced } = bound
  if (verdict.accepted) {
    return {
      Accepted: { status: 'True', reason: 'Accepted', message: 'the server takes the user' },
      Synced: syncFindings[synced],
    }
  }
  const { reason, message } = verdict
  return notAccepted({ status: reason === 'Pending' ? 'Unknown' : 'False', reason, message })
}

function notAccepted(accepted: Finding): Findings {
  const message = 'pods have no user that the server does not take'
  return { Accepted: accepted, Synced: { status: accepted.status, reason: 'NotAccepted', message } }
}

const syncFindings: Readonly<Record<SyncState, Finding>> = {
  synced: { status: 'True', reason: 'InForce', message: 'in force in all pods of the server' },
  pending: { status: 'False', reason: 'Pending', message: 'not in force in all pods of the server yet' },
  refused: {
    status: 'False',
    reason: 'ConfigRejected',
    message: 'pods of the server refuse their configuration; its condition ConfigApplied says why',
  },
  idle: { status: 'Unknown', reason: 'NoPods', message: 'the server has no pods' },
}

type Found = { readonly server: ServerState; readonly findings: Findings }

/** The first that is not as it should be; of all servers who refuse before those who are late. */
function readyOf(found: readonly Found[]): Finding {
  const parts = [
    ...found.map(({ server, findings }) => ({ server, finding: findings.Accepted })),
    ...found.map(({ server, findings }) => ({ server, finding: findings.Synced })),
  ]
  const open = parts.find(({ finding }) => finding.status !== 'True')
  if (open === undefined) {
    return { status: 'True', reason: 'InForce', message: `in force at ${counted(found.length, 'server')}` }
  }
  const { server, finding } = open
  return { ...finding, message: `FtpServer ${server.namespace}/${server.name}: ${finding.message}` }
}
