import { describe, expect, it } from 'vitest'
import { testConfiguration } from '../../test/support/data-connections.ts'
import type { User } from '../config/configuration.ts'
import type { Permission } from '../config/schema/permissions.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import { guardStorage } from '../storage/guarded.ts'
import { createMemoryStorage } from '../storage/memory.ts'
import type { Command, DataChannelControl, OpenCommand } from './command.ts'
import { commandTable } from './dispatch.ts'
import { needsPrivateData, needsTls, shutGate, usable } from './gates.ts'
import { reply } from './reply.ts'
import { initialSettings, type Session } from './session/session.ts'

const description = { syntax: 'VERB', rfc: 'none', summary: 'None.' } as const
const run: OpenCommand['run'] = () => ({ kind: 'reply', reply: reply(200, 'OK.') })
const open: OpenCommand = { ...description, verbs: ['OPEN'], argument: 'optional', needs: 'nothing', run }
const transfer: Command = {
  ...description,
  verbs: ['GET'],
  argument: 'required',
  needs: ['download', 'list'],
  transfers: true,
  run,
}

function userWith(permissions: readonly Permission[], more: Partial<User> = {}): User {
  return {
    name: 'alice',
    credential: { kind: 'any-password' },
    home: '/',
    permissions: new Set(permissions),
    paths: [],
    limits: {},
    allowedNetworks: [],
    tls: 'optional',
    disabled: false,
    expires: undefined,
    ...more,
  }
}

function sessionOf(
  user: User | undefined,
  tls: ListenerConfiguration['tls'] = 'explicit',
  more: Partial<Session> = {},
): Session {
  const listener = { name: 'ftp', port: 21, addresses: ['::'], tls, proxyProtocol: { trustedNetworks: [] } }
  return {
    id: 'session',
    listener,
    peer: { address: '192.0.2.1', port: 50_000 },
    local: { address: '192.0.2.2', port: 21 },
    started: 0,
    protection: 'clear',
    clientCertificate: undefined,
    serverName: undefined,
    ...initialSettings(listener),
    ...(user && { login: { state: 'logged-in', user, storage: guardStorage(createMemoryStorage(), user) } }),
    ...more,
  }
}

function codeOf(command: Command, argument: string, session: Session, state: DataChannelControl['state']) {
  const data: DataChannelControl = {
    state,
    listen: () => Promise.reject(new Error('not here')),
    target: () => undefined,
    discard: () => undefined,
  }
  return shutGate(command, argument, { session, data, configuration: testConfiguration({}) })?.code
}

describe('shutGate', () => {
  const reader = userWith(['download'])
  const nobody = userWith([])
  const strict = userWith(['download'], { tls: 'required' })

  it.each([
    ['lets a stranger use what needs nothing', open, '', sessionOf(undefined), 'none', undefined],
    ['asks for the login before anything else', transfer, '', sessionOf(undefined), 'none', 530],
    ['then for the argument', transfer, '', sessionOf(nobody), 'none', 501],
    ['then for a permission', transfer, 'x', sessionOf(nobody), 'none', 550],
    ['then for the protection of data', transfer, 'x', sessionOf(strict), 'none', 521],
    ['then for the data connection', transfer, 'x', sessionOf(reader), 'none', 425],
    ['and lets the rest pass', transfer, 'x', sessionOf(reader), 'passive', undefined],
    ['takes one of several permissions', transfer, 'x', sessionOf(userWith(['list'])), 'active', undefined],
  ] as const)('%s', (_title, command, argument, session, state, code) => {
    expect(codeOf(command, argument, session, state)).toBe(code)
  })

  it('refuses an argument where none is allowed', () => {
    const bare: Command = { ...open, argument: 'none' }
    expect(codeOf(bare, 'x', sessionOf(undefined), 'none')).toBe(501)
    expect(codeOf(bare, '', sessionOf(undefined), 'none')).toBeUndefined()
  })

  it('takes private data connections as protection enough', () => {
    const session = sessionOf(strict, 'explicit', { protection: 'tls', dataProtection: 'private' })
    expect(codeOf(transfer, 'x', session, 'passive')).toBeUndefined()
  })
})

describe('what needs TLS', () => {
  it.each([
    ['required', 'clear', true],
    ['required', 'cleared', true],
    ['required', 'tls', false],
    ['explicit', 'clear', false],
    ['implicit', 'tls', false],
    ['disabled', 'clear', false],
  ] as const)('a login on a listener with TLS %s, in state %s: %s', (tls, protection, needed) => {
    expect(needsTls(sessionOf(undefined, tls, { protection }))).toBe(needed)
  })

  it('data, where the listener or the user demands it', () => {
    expect(needsPrivateData(sessionOf(userWith([]), 'required'))).toBe(true)
    expect(needsPrivateData(sessionOf(userWith([], { tls: 'required' }), 'explicit'))).toBe(true)
    expect(needsPrivateData(sessionOf(userWith([]), 'explicit'))).toBe(false)
  })
})

describe('usable', () => {
  it('is everything before login, and then what is permitted anywhere', () => {
    const paths = [{ path: '/in', permissions: new Set<Permission>(['list']) }]
    expect(isUsable(transfer, undefined)).toBe(true)
    expect(isUsable(transfer, userWith(['upload']))).toBe(false)
    expect(isUsable(transfer, userWith(['upload'], { paths }))).toBe(true)
    expect(isUsable(open, userWith([]))).toBe(true)
  })

  it('is what needs several permissions where the user has all of them', () => {
    const move: Command = { ...transfer, needs: ['upload', 'append'], needsAlso: ['download', 'delete'] }
    expect(isUsable(move, userWith(['append', 'download', 'delete']))).toBe(true)
    expect(isUsable(move, userWith(['append', 'upload', 'delete']))).toBe(false)
    expect(isUsable(move, userWith(['download', 'delete']))).toBe(false)
    const look: Command = { ...transfer, needs: 'anything' }
    expect(isUsable(look, userWith(['who']))).toBe(true)
    expect(isUsable(look, userWith([]))).toBe(false)
  })

  it('is not what the session could not use whoever its user is', () => {
    const reversed: Command = { ...open, offered: ({ session }) => session.protection === 'tls' }
    expect(isUsable(reversed, undefined)).toBe(false)
    expect(usable(reversed, contextOf(sessionOf(undefined, 'explicit', { protection: 'tls' })))).toBe(true)
  })

  function isUsable(command: Command, user: User | undefined): boolean {
    return usable(command, contextOf(sessionOf(user)))
  }

  function contextOf(session: Session) {
    return { session, configuration: testConfiguration({}) }
  }
})

describe('commandTable', () => {
  it('finds a command by each of its verbs, and refuses two for one verb', () => {
    const both: Command = { ...open, verbs: ['ONE', 'TWO'] }
    expect(commandTable([both, transfer]).get('TWO')).toBe(both)
    expect(() => commandTable([both, { ...transfer, verbs: ['TWO'] }])).toThrow('Two commands for TWO.')
  })
})
