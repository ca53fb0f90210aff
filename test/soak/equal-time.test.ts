/** RFC 2577 section 6: how long a refusal takes does not tell whether there is such a user. */
import { randomInt } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { hashPassword } from '../../server/auth/password.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

const tries = 200
const triesOfSession = 40
const warmUps = 5
const names = ['alice', 'nobody'] as const
const password = 'a password of common length'

const bcrypt = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'

test.each([
  ['argon2id', await hashPassword(password, 'argon2id')],
  ['bcrypt', bcrypt],
])(
  'with %s, known and unknown users are refused after the same time, within one in fifty',
  async (algorithm, passwordHash) => {
    const server = await startServerProcess({
      server: { limits: { failedLoginDelayMilliseconds: 0, maxFailedLogins: 100 } },
      users: ['alice', 'bob', 'carol'].map(name => simpleUser(name, { passwordHash })),
    })
    onTestFinished(() => server.dispose())
    preferred([server.pid, process.pid])
    const durations = { alice: [] as number[], nobody: [] as number[] }
    for (let done = 0; done < tries; done += triesOfSession) {
      const client = await FtpClient.connect(server.port)
      onTestFinished(() => client.close())
      // What is compiled and cached is so then.
      for (let each = 0; each < warmUps; each += 1) for (const name of names) await refuse(client, name)
      for (let each = 0; each < triesOfSession; each += 1) {
        // In pairs, and in random order: what disturbs the machine disturbs both alike.
        for (const name of randomInt(2) === 0 ? names : names.toReversed()) {
          durations[name].push(await refuse(client, name))
        }
      }
      client.close()
    }
    const [known, unknown] = [mean(durations.alice), mean(durations.nobody)]
    const difference = Math.abs(known - unknown) / known
    const trimmed = { known: trimmedMean(durations.alice), unknown: trimmedMean(durations.nobody) }
    const differenceOfTrimmed = Math.abs(trimmed.known - trimmed.unknown) / trimmed.known
    const milliseconds = { known, unknown, trimmed }
    console.log({ algorithm, tries, milliseconds, difference, differenceOfTrimmed, noise: noise(durations) })
    expect(differenceOfTrimmed).toBeLessThan(0.02)
    // All of them tell something as long as the machine does not disturb them by more than that.
    if (noise(durations) < 0.01) expect(difference).toBeLessThan(0.02)
    else console.warn(`the means of all tries are not judged: this machine is too busy (${difference.toFixed(3)})`)
  },
)

test('with a delay, neither the kind of a hash nor the reason of a refusal shows in the time, within one in fifty', async () => {
  const passwordHash = await hashPassword(password, 'argon2id')
  const server = await startServerProcess({
    server: { limits: { failedLoginDelayMilliseconds: 2000, maxFailedLogins: 100 } },
    users: [
      simpleUser('alice', { passwordHash }),
      simpleUser('costly', { passwordHash: await hashPassword(password, 'scrypt') }),
      simpleUser('other', { passwordHash: bcrypt }),
      simpleUser('disabled', { passwordHash, disabled: true }),
      simpleUser('coded', { passwordHash, totp: { secret: 'ABCDEFGHIJKLMNOPQRSTUVWX' } }),
    ],
  })
  onTestFinished(() => server.dispose())
  preferred([server.pid, process.pid])
  const attempts = [
    ...['alice', 'costly', 'other', 'disabled', 'coded', 'nobody'].map(name => [name, 'a wrong password'] as const),
    ['disabled', password] as const,
    ['coded', `${password}000000`] as const,
  ]
  const durations = attempts.map(() => [] as number[])
  for (let round = 0; round < 6; round += 1) {
    const client = await FtpClient.connect(server.port)
    onTestFinished(() => client.close())
    for (const [index, [name, given]] of attempts.entries()) {
      const milliseconds = await refuse(client, name, given)
      if (round > 0) durations[index]?.push(milliseconds)
    }
    client.close()
  }
  const means = durations.map(mean)
  console.log(Object.fromEntries(attempts.map((attempt, index) => [attempt.join(' '), means[index]])))
  expect((Math.max(...means) - Math.min(...means)) / Math.min(...means)).toBeLessThan(0.02)
})

/** Of what runs on the machine, these processes are least disturbed, as far as we may say so. */
function preferred(pids: readonly number[]): void {
  // Linux has a priority for each thread, and new ones get that of who makes them.
  for (const thread of pids.flatMap(pid => readdirSync(`/proc/${pid}/task`))) {
    try {
      const before = getPriority(Number(thread))
      setPriority(Number(thread), constants.priority.PRIORITY_HIGHEST)
      onTestFinished(() => setPriority(Number(thread), before))
    } catch {
      // Only root may, and threads end.
    }
  }
}

/** By how much the difference of the means is off by chance, relative to them: their standard error. */
function noise({ alice, nobody }: Readonly<Record<'alice' | 'nobody', readonly number[]>>): number {
  const differences = alice.map((each, index) => each - (nobody[index] ?? each))
  const average = mean(differences)
  const variance = mean(differences.map(each => (each - average) ** 2))
  return Math.sqrt(variance / differences.length) / mean(alice)
}

async function refuse(client: FtpClient, name: string, given = 'a wrong password'): Promise<number> {
  expect((await client.send(`USER ${name}`)).code).toBe(331)
  const begun = performance.now()
  expect((await client.send(`PASS ${given}`)).code).toBe(530)
  return performance.now() - begun
}

/** Without the quickest and the slowest tenth: those tell of the machine. */
function trimmedMean(values: readonly number[]): number {
  const cut = Math.floor(values.length / 10)
  return mean(values.toSorted((one, other) => one - other).slice(cut, values.length - cut))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
