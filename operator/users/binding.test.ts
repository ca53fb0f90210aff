import { describe, expect, test } from 'vitest'
import { ftpServer, ftpUser, now, observe, passwordHash } from '../../test/operator/samples.ts'
import type { FtpServer } from '../api/ftp-server.ts'
import { plan } from '../ftp-server/plan.ts'
import { userStatus } from '../ftp-user/status.ts'
import type { ObservedUser } from '../observation/observed-user.ts'
import { type Binding, bindUsers, resourceFiles, withPlaces } from './binding.ts'

const hashed = `{ passwordHash: '${passwordHash}' }`
const server = (spec = '') => ftpServer(`{ storage: { emptyDir: {} } ${spec} }`)

function observed(
  user: ObservedUser['user'],
  secrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
  namespaceLabels: Readonly<Record<string, string>> = {},
): ObservedUser {
  const content = Object.entries(secrets).map(
    ([name, data]) => [name, new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)]))] as const,
  )
  return { user, namespaceLabels, secrets: new Map(content) }
}

/** Reasons by key; `accepted` for who is. */
function verdicts(of: FtpServer, users: readonly ObservedUser[]): Record<string, string> {
  return Object.fromEntries(
    bindUsers(of, users, now).map(({ key, verdict }) => [key, verdict.accepted ? 'accepted' : verdict.reason]),
  )
}

describe('Whom a server lets in', () => {
  const near = observed(ftpUser('near', hashed), {}, { zone: 'x' })
  const far = observed(ftpUser('far', hashed, { namespace: 'other', labels: { team: 'a' } }), {}, { zone: 'y' })
  const everybody = [near, far]
  const selector = (labels: string) => `selector: { matchLabels: { ${labels} } }`
  test.each([
    ['unless told', '', ['near']],
    ['from: None', ', allowedUsers: { namespaces: { from: None } }', []],
    ['from: Same', ', allowedUsers: { namespaces: { from: Same } }', ['near']],
    ['from: All', ', allowedUsers: { namespaces: { from: All } }', ['far', 'near']],
    ['by a namespace', `, allowedUsers: { namespaces: { from: Selector, ${selector('zone: y')} } }`, ['far']],
    ['by nothing', ', allowedUsers: { namespaces: { from: Selector, selector: {} } }', []],
    ['by a label', `, allowedUsers: { namespaces: { from: All }, ${selector('team: a')} }`, ['far']],
    ['by a label of another', `, allowedUsers: { ${selector('team: a')} }`, []],
  ])('%s', (_, spec, names) => {
    const found = Object.entries(verdicts(server(spec), everybody)).filter(([, verdict]) => verdict === 'accepted')
    expect(found.map(([key]) => key.replace(/.*\//, '')).toSorted()).toEqual(names)
  })
})

describe('Of several users of one name', () => {
  const one = (name: string, creationTimestamp: string, namespace = 'media') =>
    observed(ftpUser(name, `{ username: alice, passwordHash: '${passwordHash}' }`, { creationTimestamp, namespace }))
  const older = one('z-older', '2029-01-01T00:00:00Z')
  const newer = one('a-newer', '2029-01-02T00:00:00Z')

  test('the older resource wins, in whatever order they come', () => {
    const expected = { 'media/z-older': 'accepted', 'media/a-newer': 'NameConflict' }
    expect(verdicts(server(), [older, newer])).toEqual(expected)
    expect(verdicts(server(), [newer, older])).toEqual(expected)
  })
  test('of one second the one that comes first by namespace and name wins where nothing is decided yet', () => {
    const twin = one('z-older', '2029-01-01T00:00:00Z', 'a')
    const all = server(', allowedUsers: { namespaces: { from: All } }')
    expect(verdicts(all, [older, twin])).toEqual({ 'a/z-older': 'accepted', 'media/z-older': 'NameConflict' })
  })
  test('the inline one wins over all', () => {
    const inline = server(`, users: [{ name: alice, passwordHash: '${passwordHash}' }]`)
    expect(verdicts(inline, [older])).toEqual({ 'media/z-older': 'NameConflict' })
  })
  test('one that is not let in, or about to go, keeps the name from nobody', () => {
    const outside = one('outside', '2028-01-01T00:00:00Z', 'other')
    const going = observed(
      ftpUser('going', `{ username: alice, passwordHash: '${passwordHash}' }`, {
        creationTimestamp: '2028-01-01T00:00:00Z',
        deletionTimestamp: '2029-06-01T00:00:00Z',
      }),
    )
    expect(verdicts(server(), [outside, going, newer])).toEqual({
      'other/outside': 'NotAllowed',
      'media/a-newer': 'accepted',
    })
  })
  test('one whose password is missing keeps it: otherwise a key that is late would hand the name over', () => {
    const keyless = observed(
      ftpUser('keyless', '{ username: alice, passwordSecretRef: { name: keys } }', {
        creationTimestamp: '2028-01-01T00:00:00Z',
      }),
    )
    expect(verdicts(server(), [keyless, newer])).toEqual({
      'media/keyless': 'SecretNotFound',
      'media/a-newer': 'NameConflict',
    })
  })
})

describe('Of several users of one name and one second', () => {
  const named = (name: string, metadata: Partial<ObservedUser['user']['metadata']> = {}) =>
    observed(ftpUser(name, `{ username: alice, passwordHash: '${passwordHash}' }`, metadata))
  const bound = ({ uid, generation, verdict }: Pick<Binding, 'uid' | 'generation' | 'verdict'>) =>
    ({ uid, generation, verdict, synced: 'pending', home: undefined }) as const
  /** With the status that it gets of what a server has decided. */
  const written = (each: ObservedUser, verdict: Binding['verdict'], at = server().metadata): ObservedUser => {
    const { uid, generation } = each.user.metadata
    const servers = [{ name: at.name, namespace: at.namespace, bound: bound({ uid, generation, verdict }) }]
    return { ...each, user: { ...each.user, status: userStatus({ user: each.user, servers, secrets: {}, now }) } }
  }
  const changed = (each: ObservedUser, generation: number): ObservedUser => ({
    ...each,
    user: { ...each.user, metadata: { ...each.user.metadata, generation } },
  })
  const accepted = { accepted: true } as const
  const refused = (reason: string) => ({ accepted: false, reason, message: '' }) as const
  const [first, second] = [named('z-first'), named('a-second')]
  const firstHasIt = { 'media/z-first': 'accepted', 'media/a-second': 'NameConflict' }
  const secondHasIt = { 'media/z-first': 'NameConflict', 'media/a-second': 'accepted' }

  test('who has been let in keeps the name', () => {
    expect(verdicts(server(), [first, second])).toEqual(secondHasIt)
    expect(verdicts(server(), [written(first, accepted), second])).toEqual(firstHasIt)
  })
  test('who has been let in loses it to an older one all the same', () => {
    const older = named('older', { creationTimestamp: '2028-12-31T23:59:59Z' })
    expect(verdicts(server(), [written(first, accepted), older])).toEqual({
      'media/older': 'accepted',
      'media/z-first': 'NameConflict',
    })
  })
  test.each([
    ['of another name', { name: 'downloads' }],
    ['in another namespace', { namespace: 'other' }],
  ])('a server %s that has let one in has no say in it', (_, other) => {
    const elsewhere = written(first, accepted, { ...server().metadata, ...other })
    expect(verdicts(server(), [elsewhere, second])).toEqual(secondHasIt)
  })
  test('who has it keeps it while the resource changes', () => {
    const edited = changed(written(first, accepted), 2)
    expect(verdicts(server(), [edited, second])).toEqual(firstHasIt)
    expect(verdicts(server(), [edited, written(second, refused('NameConflict'))])).toEqual(firstHasIt)
  })
  test('who had it as an earlier resource does not get it from who has it now', () => {
    const back = changed(written(first, accepted), 3)
    expect(verdicts(server(), [back, written(second, accepted)])).toEqual(secondHasIt)
    const other = changed(written(second, accepted), 3)
    expect(verdicts(server(), [written(first, accepted), other])).toEqual(firstHasIt)
  })
  test.each([['SecretNotFound'], ['Rejected'], ['TooLarge']])('who has it keeps it with %s', reason => {
    expect(verdicts(server(), [written(first, refused(reason)), second])).toEqual(firstHasIt)
  })
  test.each([['NotAllowed'], ['ServerNotFound'], ['Pending']])('who was told %s has no right to it', reason => {
    expect(verdicts(server(), [written(first, refused(reason)), second])).toEqual(secondHasIt)
  })
  test('who was told that another has it comes last', () => {
    expect(verdicts(server(), [first, written(second, refused('NameConflict'))])).toEqual(firstHasIt)
  })
  test('what the server has decided counts before a status that is late', () => {
    const known = (each: ObservedUser, verdict: Binding['verdict']): ObservedUser => ({
      ...each,
      known: bound({ uid: each.user.metadata.uid, generation: 1, verdict }),
    })
    expect(verdicts(server(), [known(first, accepted), second])).toEqual(firstHasIt)
    const late = known(written(second, accepted), refused('NameConflict'))
    expect(verdicts(server(), [known(first, accepted), late])).toEqual(firstHasIt)
    const another = { ...first, known: bound({ uid: 'of another', generation: 1, verdict: accepted }) }
    expect(verdicts(server(), [another, second])).toEqual(secondHasIt)
  })
  test('the verdict is the same again, whoever of them has been told', () => {
    const all = [written(named('c'), accepted), named('b'), named('a')]
    const bindings = new Map(bindUsers(server(), all, now).map(each => [each.key, each.verdict]))
    for (let told = 0; told < 8; told++) {
      const next = all.map((each, index) => {
        const verdict = bindings.get(`media/${each.user.metadata.name}`)
        return verdict !== undefined && (told & (1 << index)) !== 0 ? written(each, verdict) : each
      })
      expect(verdicts(server(), next)).toEqual(verdicts(server(), all))
    }
  })
})

describe('The password', () => {
  const entry = (user: ObservedUser) => bindUsers(server(), [user], now)[0]?.entry
  const texts = (user: ObservedUser) =>
    [...(entry(user)?.passwords ?? [])].map(([key, content]) => [key, Buffer.from(content).toString()])

  test.each([
    ['no Secret', {}, 'SecretNotFound'],
    ['no key', { keys: { other: 'x' } }, 'KeyNotFound'],
    ['nothing under the key', { keys: { password: '' } }, 'InvalidPassword'],
    ['too much under the key', { keys: { password: 'ä'.repeat(514) } }, 'InvalidPassword'],
  ])('is missing where there is %s', (_, secrets, reason) => {
    const user = observed(ftpUser('a', '{ passwordSecretRef: { name: keys } }'), secrets)
    expect(verdicts(server(), [user])).toEqual({ 'media/a': reason })
  })
  test('is a file of its own, as it is, and so is the previous one', () => {
    const previous = "previousPassword: { passwordSecretRef: { name: keys, key: old }, expires: '2030-01-31' }"
    const user = observed(ftpUser('a', `{ username: a_b@c, passwordSecretRef: { name: keys }, ${previous} }`), {
      keys: { password: 'horse\n', old: 'battery' },
    })
    const [file, before] = ['00-resources.a_5fb_40c.password', '00-resources.a_5fb_40c.previous']
    expect(entry(user)?.user).toEqual({
      name: 'a_b@c',
      passwordFile: file,
      previousPassword: { passwordFile: before, expires: '2030-01-31' },
    })
    expect(texts(user)).toEqual([
      [file, 'horse\n'],
      [before, 'battery'],
    ])
  })
  test('by hash is in the list, and so is the previous one', () => {
    const previous = `previousPassword: { passwordHash: '${passwordHash}', expires: '2030-01-31' }`
    const user = observed(ftpUser('a', `{ passwordHash: '${passwordHash}', ${previous} }`))
    expect(entry(user)?.user).toEqual({
      name: 'a',
      passwordHash,
      previousPassword: { passwordHash, expires: '2030-01-31' },
    })
  })
  test('may have a second factor beside it, in a file too', () => {
    const user = observed(ftpUser('a', `{ passwordHash: '${passwordHash}', totpSecretRef: { name: keys } }`), {
      keys: { totp: 'GEZDGNBVGY3TQOJQ' },
    })
    expect(entry(user)?.user).toEqual({ name: 'a', passwordHash, totp: { secretFile: '00-resources.a.totp' } })
    expect(texts(user)).toEqual([['00-resources.a.totp', 'GEZDGNBVGY3TQOJQ']])
  })
  test('that is generated is awaited, and then taken with the previous one as long as that counts', () => {
    const generated = ftpUser('a', '{ generatedPassword: {} }')
    expect(verdicts(server(), [observed(generated)])).toEqual({ 'media/a': 'Pending' })
    const secretOf = (expires: string) => ({
      'a-ftp-user': { password: 'new', 'previous-password': 'old', 'previous-password-expires': expires },
    })
    const [soon, past] = [1, -1].map(sign => new Date(now + sign * 1000).toISOString())
    expect(texts(observed(generated, secretOf(soon ?? ''))).map(([, text]) => text)).toEqual(['new', 'old'])
    expect(texts(observed(generated, secretOf(past ?? ''))).map(([, text]) => text)).toEqual(['new'])
  })
})

describe('The files of the pods', () => {
  const many = Array.from({ length: 200 }, (_, index) => observed(ftpUser(`user-${index}`, hashed)))
  const text = (files: ReadonlyMap<string, Uint8Array>) =>
    new Map([...files].map(([key, content]) => [key, Buffer.from(content).toString()]))

  test('have every user once, in lists of which a change of one user alters one', () => {
    const before = text(resourceFiles(bindUsers(server(), many, now)))
    const users = [...before.values()].flatMap(list => (JSON.parse(list) as { users: { name: string }[] }).users)
    expect(new Set(users.map(({ name }) => name)).size).toBe(200)
    expect(users).toHaveLength(200)
    expect(before.size).toBe(16)
    const changed = [...many.slice(1), observed(ftpUser('user-0', `{ passwordHash: '${passwordHash}', home: /x }`))]
    const after = text(resourceFiles(bindUsers(server(), changed, now)))
    expect([...before].filter(([key, list]) => after.get(key) !== list)).toHaveLength(1)
  })
  test('lie after inline users and before lists, for of one name the first wins', () => {
    const keys = [...resourceFiles(bindUsers(server(), many, now)).keys()]
    expect(['00-inline.yaml', '01-secret_a_b.yaml', ...keys].toSorted().at(0)).toBe('00-inline.yaml')
    expect(['00-inline.yaml', '01-secret_a_b.yaml', ...keys].toSorted().at(-1)).toBe('01-secret_a_b.yaml')
  })
  test('that have no room leave out the user, who is told', () => {
    const [binding] = withPlaces(bindUsers(server(), many.slice(0, 1), now), new Set())
    expect(binding).toMatchObject({ verdict: { accepted: false, reason: 'TooLarge' }, entry: undefined })
  })
  test('are part of the plan, and of the hash that pods are to report', () => {
    const [with_, without] = [many, []].map(users => plan(observe(server(), { users })))
    const secret = with_?.apply.find(({ kind, metadata }) => kind === 'Secret' && metadata.name === 'uploads-users-0')
    expect(secret).toBeDefined()
    expect(with_?.decisions.bindings).toHaveLength(200)
    expect(with_?.decisions.hash).not.toBe(without?.decisions.hash)
  })
})
