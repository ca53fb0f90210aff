/** RFC 2577 section 6: how long a refusal takes does not tell whether there is such a user. */
import { expect, onTestFinished, test } from 'vitest'
import { hashPassword } from '../../server/auth/password.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser } from '../support/server.ts'
import { temporaryServer } from '../support/sessions.ts'

const tries = 200
const triesOfSession = 40
const password = 'a password of common length'

const bcrypt = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'

test.each([
  ['argon2id', await hashPassword(password, 'argon2id')],
  ['bcrypt', bcrypt],
])(
  'with %s, known and unknown users are refused after the same time, within one in fifty',
  async (algorithm, passwordHash) => {
    const server = await temporaryServer({
      server: { limits: { failedLoginDelayMilliseconds: 0, maxFailedLogins: 100 } },
      users: ['alice', 'bob', 'carol'].map(name => simpleUser(name, { passwordHash })),
    })
    const durations = { alice: [] as number[], nobody: [] as number[] }
    const names = ['alice', 'nobody'] as const
    for (let done = 0; done < tries; done += triesOfSession) {
      const client = await FtpClient.connect(server.port)
      onTestFinished(() => client.close())
      // The first one warms up what is compiled and cached.
      await refuse(client, 'alice')
      for (let each = 0; each < triesOfSession; each += 1) {
        // Alternately, and each first as often as second: what disturbs the machine disturbs both alike.
        for (const name of each % 2 === 0 ? names : names.toReversed()) {
          durations[name].push(await refuse(client, name))
        }
      }
      client.close()
    }
    const [known, unknown] = [trimmedMean(durations.alice), trimmedMean(durations.nobody)]
    const difference = Math.abs(known - unknown) / known
    console.log({
      algorithm,
      tries,
      trimmedMilliseconds: { known, unknown },
      allMilliseconds: { known: mean(durations.alice), unknown: mean(durations.nobody) },
      difference,
    })
    expect(difference).toBeLessThan(0.02)
  },
)

async function refuse(client: FtpClient, name: string): Promise<number> {
  expect((await client.send(`USER ${name}`)).code).toBe(331)
  const begun = performance.now()
  expect((await client.send('PASS a wrong password')).code).toBe(530)
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
