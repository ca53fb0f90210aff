/** Who ends a session and comes back at once finds its place free, whichever process had it. */
import { describe, expect, it } from 'vitest'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, type TestServer } from '../support/server.ts'
import { temporaryServer } from '../support/sessions.ts'

const rounds = 30

async function serverWith(workers: number, limits: Record<string, number>): Promise<TestServer> {
  const quick = { failedLoginDelayMilliseconds: 0, ...limits }
  return await temporaryServer({ server: { workers, limits: quick }, users: [simpleUser('alice')] })
}

async function leave(client: FtpClient): Promise<void> {
  client.write('QUIT\r\n')
  await client.closed()
  client.close()
}

describe.each([1, 2])('With %i process(es), a client that leaves and comes back at once', workers => {
  it.each([{ maxSessionsPerAddress: 1 }, { maxSessionsPerAddress: 4 }, { maxSessions: 4 }])(
    'is let in again where all places were taken: %o',
    async limits => {
      const server = await serverWith(workers, limits)
      const [places = 0] = Object.values(limits)
      const clients: FtpClient[] = []
      for (let place = 0; place < places; place += 1) clients.push(await FtpClient.connect(server.port))
      for (let round = 0; round < rounds; round += 1) {
        const [first, ...others] = clients.splice(0)
        if (first !== undefined) await leave(first)
        const again = await FtpClient.open(server.port)
        expect((await again.reply()).code).toBe(220)
        clients.push(...others, again)
      }
      for (const client of clients) client.close()
    },
  )

  it('is let in again as a user of one session', async () => {
    const server = await serverWith(workers, { maxSessionsPerUser: 1 })
    for (let round = 0; round < rounds; round += 1) {
      const client = await FtpClient.connect(server.port)
      expect((await client.login()).code).toBe(230)
      await leave(client)
    }
  })
})
