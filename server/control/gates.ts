/** What a command must pass before it runs: small pure checks in order; the first that answers wins. */

import { allowsSomewhere } from '../auth/permissions.ts'
import type { User } from '../config/configuration.ts'
import { type Permission, permissionWords } from '../config/schema/permissions.ts'
import type { Command, Context } from './command.ts'
import { notLoggedIn, type Reply, reply, storageReply } from './reply.ts'
import { canRestart } from './session/representation.ts'
import type { Session } from './session/session.ts'

type GateContext = Pick<Context, 'session' | 'data' | 'configuration'>

/** The reply of the first gate that is shut, or undefined if the command may run. */
export function shutGate(command: Command, argument: string, context: GateContext): Reply | undefined {
  const { session } = context
  // The order is the point: whoever is not logged in learns nothing about arguments or state.
  return (
    loggedIn(command, session) ??
    argumentFits(command, argument) ??
    isPermitted(command, session) ??
    offsetFits(command, context) ??
    dataIsProtected(command, session) ??
    dataIsSetUp(command, context)
  )
}

/** Whether names and passwords may not go over this session's control connection as it is: after CCC as little as before AUTH. */
export function needsTls(session: Session): boolean {
  return session.listener.tls === 'required' && session.protection !== 'tls'
}

/** Whether the control connection is protected, or can be. */
export function mayHaveTls({ listener, protection }: Session): boolean {
  return listener.tls !== 'disabled' && protection !== 'cleared'
}

/** Whether data may only go over TLS. */
export function needsPrivateData(session: Session): boolean {
  if (session.listener.tls === 'required') return true
  return session.login.state === 'logged-in' && session.login.user.tls === 'required'
}

/** Whether the session could use the command at all: what HELP and FEAT show. */
export function usable(command: Command, context: Pick<Context, 'session' | 'configuration'>): boolean {
  const { login } = context.session
  if (command.offered?.(context) === false) return false
  return login.state !== 'logged-in' || permitted(command, login.user)
}

function permitted(command: Command, user: User): boolean {
  if (command.needs === 'nothing' || command.needs === 'login') return true
  const { needs, needsAlso = [] } = command
  return (
    oneOf(needs).some(permission => allowsSomewhere(user, permission)) &&
    needsAlso.every(permission => allowsSomewhere(user, permission))
  )
}

function oneOf(needs: 'anything' | Permission | readonly Permission[]): readonly Permission[] {
  if (needs === 'anything') return permissionWords
  return typeof needs === 'string' ? [needs] : needs
}

function loggedIn({ needs }: Command, { login }: Session): Reply | undefined {
  return needs === 'nothing' || login.state === 'logged-in' ? undefined : notLoggedIn
}

function argumentFits(command: Command, argument: string): Reply | undefined {
  if (command.argument === 'required' && argument === '') return reply(501, `Syntax: ${command.syntax}`)
  if (command.argument === 'none' && argument !== '')
    return reply(501, `No argument is allowed. Syntax: ${command.syntax}`)
  return undefined
}

function isPermitted(command: Command, { login }: Session): Reply | undefined {
  return login.state !== 'logged-in' || permitted(command, login.user) ? undefined : storageReply('forbidden')
}

function offsetFits(command: Command, { session, configuration }: GateContext): Reply | undefined {
  const isWhole = session.restartOffset === 0 && session.rangeEnd === undefined
  if (command.restarts !== true || isWhole || canRestart(session, configuration)) return undefined
  // The code: RFC 1123 section 4.1.3.4.
  return reply(554, 'Restart needs TYPE I.')
}

function dataIsProtected(command: Command, session: Session): Reply | undefined {
  if (command.transfers !== true || session.dataProtection === 'private' || !needsPrivateData(session)) return undefined
  // RFC 4217 section 10.2
  return reply(521, 'Data connections must be protected: use PROT P.')
}

function dataIsSetUp(command: Command, { data }: GateContext): Reply | undefined {
  if (command.transfers !== true || data.state !== 'none') return undefined
  return reply(425, 'Use PASV, EPSV, PORT or EPRT first.')
}
