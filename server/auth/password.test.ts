import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Credential } from '../config/configuration.ts'
import { createPasswordVerifier, hashPassword, type PasswordVerifierOptions } from './password.ts'
import { isPasswordHash, maxPasswordBytes, parsePasswordHash } from './password-hash.ts'

const password = 'correct horse bätterie'

// Made by other implementations: argon2-cffi, passlib, Python's hashlib, libxcrypt, OpenBSD's bcrypt, OpenSSL.
const hashes = {
  'argon2id, one lane':
    '$argon2id$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$alaI/a6tcei9s+ztBcPkplaJFTi54alxGme2RS5Xe8o',
  'argon2id, four lanes':
    '$argon2id$v=19$m=4096,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$haC1CF8JccrJmzod+Q4nLf/eK27rOkOfVmApWlDKjT8',
  argon2i: '$argon2i$v=19$m=1024,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$7CCnGe++hsGAsXMDYBbRzY5klJi+sGnf',
  argon2d:
    '$argon2d$v=19$m=1024,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$xp9LQ55LRXH32+m7GQQJqSoZaoulFh99rklazstZdkhNcqyMzjfHyb2Yr2AwzShbokTo/FSVgDrh5McMJVXmhQ',
  'pbkdf2-sha256 of passlib': '$pbkdf2-sha256$29000$K8W4VypF6J0zJiSk9J5Tag$ZaX1DVX4jW6Z0hetxC1XY/Qya9BuS9GQZm1lJ1omZtI',
  'pbkdf2-sha512 of passlib':
    '$pbkdf2-sha512$1200$DoFwrvUeQ0ipFWIMQSjFOA$iPPipj6ZmM6cI7aVfCcha6krzEXZcaro9LQdm1PHOUcFXYcZKx/Udiy5GNrPXAipYOcOO9RYOED17.6GGFDXIQ',
  'pbkdf2-sha256': '$pbkdf2-sha256$i=4096,l=32$MDEyMzQ1Njc4OWFiY2RlZg$q0V8qI1wu2Ew5qqDXjk6CiTqVhCBs3fuRTpjmK/zR+c',
  'scrypt of passlib': '$scrypt$ln=10,r=8,p=1$xZhzbi2FEALgnBMi5Byj9A$FcRknNaEJOUsa2MpBjNfgAudbLv2J9DuxKKhB7XhIjo',
  scrypt: '$scrypt$ln=14,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$VEqpc4hIVZr0QJiqRPIUZnTnH5bu5WDYStX3spJL+w0',
  'bcrypt 2b': '$2b$05$abcdefghijklmnopqrstuuA0arWXcZ7AcW1FOz2UfcwA8NHwzuKvC',
  'bcrypt 2a': '$2a$04$abcdefghijklmnopqrstuuRQvSniYf6vNACkgvVNE7xAbT714/lBu',
  'bcrypt 2y': '$2y$04$abcdefghijklmnopqrstuuRQvSniYf6vNACkgvVNE7xAbT714/lBu',
  'SHA-512 crypt':
    '$6$saltsaltsaltsalt$/BvTlQS0b7W30TeLkUYjY4Vb8zjuBEgIS/QFwfp0lj0.71m3OgP7ADESGyE7iNg/SQCx2EStIoaIxmjOyd6a50',
  'SHA-512 crypt with rounds':
    '$6$rounds=1234$salt$LNMe7tdOftjzbnjFgggk034grQeVt/uEITdSVTdMRc5.s9Dmxn2upTukCEqUOXclRc0mwAwXSGUnIN9OHloXv/',
  'SHA-512 crypt of OpenSSL':
    '$6$ab.cd/ef$9TF/zQeg3xzHCNeMakMq8zA6JqAvB7BBmqOl7305ojAaNTEVhzpwrhv77RbVt5U9lWJWt31QpLY7xFOSsGkQN1',
  'SHA-256 crypt': '$5$saltsaltsaltsalt$BWkkyxYrIqc8EQZ6r2KcMjXpX.9J.CRUA3or9AtqUx/',
  'SHA-256 crypt with rounds': '$5$rounds=1000$x$J4pBuvV1L5FvP98hkMYUnx7jKv9Nso5shxZojooIvZD',
}
const native = hashes['argon2id, one lane']
const threaded = hashes['bcrypt 2a']

const verifier = createPasswordVerifier()
afterAll(() => verifier.close())

const hashCredential = (hash: string): Credential => ({ kind: 'password-hash', hash })

describe.each(Object.entries(hashes))('%s', (_, hash) => {
  test('The right password matches', async () => {
    expect(await verifier.verify(hashCredential(hash), password)).toBe('match')
  })
  test.each([
    'correct horse batterie',
    'Correct horse bätterie',
    `${password} `,
    password.slice(0, -1),
    password.normalize('NFD'),
    '',
  ])('The password %j does not', async wrong => {
    expect(await verifier.verify(hashCredential(hash), wrong)).toBe('mismatch')
  })
  test('Nothing matches a hash that was changed in its last but one digit', async () => {
    const changed = `${hash.slice(0, -2)}${hash.at(-2) === 'x' ? 'y' : 'x'}${hash.at(-1)}`
    expect(await verifier.verify(hashCredential(changed), password)).toBe('mismatch')
  })
})

test('bcrypt looks at the first 72 bytes of a password only', async () => {
  // The hash is that of 80 times `a` by libxcrypt.
  const hash = hashCredential('$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe')
  expect(await verifier.verify(hash, 'a'.repeat(72))).toBe('match')
  expect(await verifier.verify(hash, 'a'.repeat(71))).toBe('mismatch')
})

test('A text that is no hash matches nothing', async () => {
  expect(await verifier.verify(hashCredential('secret'), 'secret')).toBe('mismatch')
  expect(await verifier.verify(hashCredential(''), '')).toBe('mismatch')
})

test('A password from a file matches itself alone', async () => {
  const credential: Credential = { kind: 'password', password }
  expect(await verifier.verify(credential, password)).toBe('match')
  expect(await verifier.verify(credential, password.toUpperCase())).toBe('mismatch')
  expect(await verifier.verify(credential, '')).toBe('mismatch')
})

test('Any password matches an anonymous credential, none one of a certificate', async () => {
  expect(await verifier.verify({ kind: 'any-password' }, 'me@example.org')).toBe('match')
  const certificate: Credential = { kind: 'certificate', field: 'commonName', value: 'alice' }
  expect(await verifier.verify(certificate, 'alice')).toBe('mismatch')
})

test('A dummy check never matches, not even with the right password', async () => {
  expect(await verifier.verifyDummy(password, hashCredential(native))).toBe('mismatch')
  expect(await verifier.verifyDummy(password, hashCredential(threaded))).toBe('mismatch')
  expect(await verifier.verifyDummy(password, { kind: 'password', password })).toBe('mismatch')
  expect(await verifier.verifyDummy(password)).toBe('mismatch')
})

test('A password of more than 1024 bytes mismatches, even if the hash is its own', async () => {
  const longest = 'ä'.repeat(maxPasswordBytes / 2)
  expect(await verifier.verify(hashCredential(await hashPassword(longest)), longest)).toBe('match')
  const longer = `${longest}b`
  expect(await verifier.verify(hashCredential(await hashPassword(longer)), longer)).toBe('mismatch')
  expect(await verifier.verify({ kind: 'password', password: longest }, longest)).toBe('match')
  expect(await verifier.verify({ kind: 'password', password: longer }, longer)).toBe('mismatch')
})

describe('A new hash', () => {
  test.each(['argon2id', 'scrypt'] as const)(
    'by %s matches its password and has a salt of its own',
    async algorithm => {
      const [first, second] = await Promise.all([hashPassword(password, algorithm), hashPassword(password, algorithm)])
      expect(first.startsWith(`$${algorithm}$`)).toBe(true)
      expect(first).not.toBe(second)
      expect(isPasswordHash(first)).toBe(true)
      expect(await verifier.verify(hashCredential(first), password)).toBe('match')
      expect(await verifier.verify(hashCredential(first), `${password}!`)).toBe('mismatch')
    },
  )

  test('is an argon2id hash with the parameters of OWASP by default', async () => {
    expect(parsePasswordHash(await hashPassword(password))).toMatchObject({
      kind: 'argon2',
      variant: 'argon2id',
      memoryKibibytes: 19_456,
      passes: 2,
      parallelism: 1,
    })
  })
})

describe('Under load', () => {
  test.each([
    ['native', native],
    ['threaded', threaded],
  ])('Checks beyond the bound are refused at once, the others are done: %s', async (_, hash) => {
    await using bounded = closing({ concurrency: 2, maxWaiting: 3 })
    const verdicts = Array.from({ length: 8 }, async () => bounded.verify(hashCredential(hash), password))
    expect(await Promise.all(verdicts)).toEqual([...Array(5).fill('match'), ...Array(3).fill('overloaded')])
    expect(await bounded.verify(hashCredential(hash), password)).toBe('match')
  })

  test('A check that does not end before its deadline is given up, and the next one is done', async () => {
    // Cost 16 takes seconds; the deadline is far below that and far above what cost 4 takes.
    await using hasty = closing({ concurrency: 1, deadlineMilliseconds: 1500 })
    const slow = hashCredential(threaded.replace('$04$', '$16$'))
    expect(await Promise.all([hasty.verify(slow, password), hasty.verifyDummy(password, slow)])).toEqual([
      'overloaded',
      'overloaded',
    ])
    expect(await hasty.verify(hashCredential(threaded), password)).toBe('match')
  })

  test('Closing answers whatever runs or waits, and everything after it', async () => {
    const closed = createPasswordVerifier({ concurrency: 1 })
    const slow = hashCredential(threaded.replace('$04$', '$16$'))
    const verdicts = Array.from({ length: 2 }, async () => closed.verify(slow, password))
    await closed.close()
    expect(await Promise.all(verdicts)).toEqual(['overloaded', 'overloaded'])
    expect(await closed.verify(hashCredential(native), password)).toBe('overloaded')
    await closed.close()
  })
})

describe('When the worker thread', () => {
  let directory = ''
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'password-worker-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  async function workerOf(name: string, source: string): Promise<URL> {
    const file = join(directory, name)
    await writeFile(file, `import { parentPort } from 'node:worker_threads'\n${source}`)
    return pathToFileURL(file)
  }

  test.each([
    ['throws', 'throw new Error("bad luck")'],
    ['exits', 'process.exit(3)'],
  ])('%s, the check fails, the fault is told and the next check gets a new thread', async (name, deed) => {
    const workerUrl = await workerOf(
      `${name}.mjs`,
      `parentPort.on('message', ({ password }) => { if (password === 'die') { ${deed} } parentPort.postMessage(true) })`,
    )
    const faults: unknown[] = []
    await using fragile = closing({ concurrency: 1, workerUrl, onFault: error => faults.push(error) })
    const verdicts = ['good', 'die', 'good', 'die', 'good'].map(async text =>
      fragile.verify(hashCredential(threaded), text),
    )
    expect(await Promise.all(verdicts)).toEqual(['match', 'overloaded', 'match', 'overloaded', 'match'])
    expect(faults).toHaveLength(2)
  })

  test('dies while it has nothing to do, nobody notices', async () => {
    const [order, gone] = [join(directory, 'order'), join(directory, 'gone')]
    const workerUrl = await workerOf(
      'idle.mjs',
      `import { existsSync, writeFileSync } from 'node:fs'
      const [order, gone] = ${JSON.stringify([order, gone])}
      process.on('exit', () => writeFileSync(gone, ''))
      parentPort.on('message', () => parentPort.postMessage(true))
      if (!existsSync(order)) setInterval(() => { if (existsSync(order)) throw new Error('later') }, 5)`,
    )
    await using fragile = closing({ concurrency: 1, workerUrl })
    expect(await fragile.verify(hashCredential(threaded), password)).toBe('match')
    await writeFile(order, '')
    await expect.poll(() => existsSync(gone), { timeout: 5000 }).toBe(true)
    // The second check may still meet the dying thread; those after it get a new one.
    await expect.poll(() => fragile.verify(hashCredential(threaded), password), { timeout: 5000 }).toBe('match')
  })

  test('is missing, checks that need it fail and the others do not', async () => {
    const faults: unknown[] = []
    const workerUrl = pathToFileURL(join(directory, 'missing.mjs'))
    await using lame = closing({ workerUrl, onFault: error => faults.push(error) })
    expect(await lame.verify(hashCredential(threaded), password)).toBe('overloaded')
    expect(faults).toHaveLength(1)
    expect(await lame.verify(hashCredential(native), password)).toBe('match')
  })
})

function closing(options: PasswordVerifierOptions) {
  const inner = createPasswordVerifier(options)
  return { ...inner, [Symbol.asyncDispose]: () => inner.close() }
}

test.skipIf(!existsSync('/proc/self/task'))(
  'A thread ends when there was nothing to check for a while, and the next check has one again',
  async () => {
    const resting = createPasswordVerifier({ concurrency: 1, restMilliseconds: 50 })
    const threads = () => readdirSync('/proc/self/task').length
    try {
      expect(await resting.verify(hashCredential(threaded), password)).toBe('match')
      const during = threads()
      await expect.poll(threads, { timeout: 5000 }).toBeLessThan(during)
      expect(await resting.verify(hashCredential(threaded), password)).toBe('match')
    } finally {
      await resting.close()
    }
  },
)
