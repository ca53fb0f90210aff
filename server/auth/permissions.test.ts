import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { User } from '../config/configuration.ts'
import { type Permission, permissionWords } from '../config/schema/permissions.ts'
import { allows, allowsSomewhere, permissionsAt, permissionsIn } from './permissions.ts'

type Rules = Readonly<Record<string, readonly Permission[]>>

function user(permissions: readonly Permission[], rules: Rules = {}): User {
  const paths = Object.entries(rules).map(([path, words]) => ({ path, permissions: new Set(words) }))
  return {
    name: 'alice',
    credential: { kind: 'any-password' },
    home: '/alice',
    permissions: new Set(permissions),
    paths: paths.toSorted((a, b) => b.path.length - a.path.length),
    limits: {},
    allowedNetworks: [],
    tls: 'optional',
    disabled: false,
    expires: undefined,
  }
}

const alice = user(['list', 'download'], {
  '/inbox': ['upload'],
  '/inbox/old': ['list', 'delete'],
  '/secret': [],
})

test.each([
  ['download', '/', true],
  ['download', '/a/b', true],
  ['upload', '/a/b', false],
  ['upload', '/inbox', true],
  ['upload', '/inbox/file', true],
  ['download', '/inbox/file', false],
  ['upload', '/inboxes/file', false],
  ['download', '/inboxes/file', true],
  ['upload', '/a/inbox/file', false],
  ['delete', '/inbox/old/x', true],
  ['upload', '/inbox/old/x', false],
  ['list', '/secret', false],
  ['list', '/secret/a', false],
  ['list', '/secrets', true],
  ['list', '/Secret', true],
] as const)('%s at %s: %s', (permission, path, expected) => {
  expect(allows(alice, permission, path)).toBe(expected)
})

test('A rule for the root replaces the permissions of the user everywhere', () => {
  const bob = user(['list', 'download'], { '/': ['list'], '/out': ['download'] })
  expect(allows(bob, 'download', '/a')).toBe(false)
  expect(allows(bob, 'download', '/out/a')).toBe(true)
  expect(allowsSomewhere(bob, 'download')).toBe(true)
  expect(allowsSomewhere(user(['download'], { '/': ['list'] }), 'download')).toBe(false)
})

test('A permission somewhere is that of the user or of any path', () => {
  expect(allowsSomewhere(alice, 'download')).toBe(true)
  expect(allowsSomewhere(alice, 'delete')).toBe(true)
  expect(allowsSomewhere(alice, 'chmod')).toBe(false)
})

const component = fc.constantFrom('a', 'ab', 'b', 'é', ' ', '.x')
const path = fc.array(component, { maxLength: 4 }).map(components => `/${components.join('/')}`)
const words = fc.subarray([...permissionWords])
const anyUser = fc
  .tuple(words, fc.array(fc.tuple(path, words), { maxLength: 6 }))
  .map(([own, rules]) => user(own, Object.fromEntries(rules)))

/** Walks up from the path, component by component, to the first one that has a rule. */
function oracle(who: User, permission: Permission, where: string): boolean {
  const components = where.split('/').filter(part => part !== '')
  for (; ; components.pop()) {
    const rule = who.paths.find(candidate => candidate.path === `/${components.join('/')}`)
    if (rule !== undefined) return rule.permissions.has(permission)
    if (components.length === 0) return who.permissions.has(permission)
  }
}

test('The nearest ancestor with a rule decides, whatever the rules', () => {
  fc.assert(
    fc.property(anyUser, fc.constantFrom(...permissionWords), path, (who, permission, where) => {
      expect(allows(who, permission, where)).toBe(oracle(who, permission, where))
    }),
    { numRuns: 2000 },
  )
})

test('A permission is somewhere exactly if it is at the root or at a path with a rule', () => {
  fc.assert(
    fc.property(anyUser, fc.constantFrom(...permissionWords), (who, permission) => {
      const places = ['/', ...who.paths.map(rule => rule.path)]
      expect(allowsSomewhere(who, permission)).toBe(places.some(where => oracle(who, permission, where)))
    }),
    { numRuns: 2000 },
  )
})

test('What may be done with the names in a directory is what may be done at their paths', () => {
  fc.assert(
    fc.property(anyUser, path, fc.constantFrom('a', 'b', 'ab', 'c'), (who, directory, name) => {
      const child = directory === '/' ? `/${name}` : `${directory}/${name}`
      expect(permissionsIn(who, directory)(name)).toBe(permissionsAt(who, child))
    }),
    { numRuns: 2000 },
  )
})
