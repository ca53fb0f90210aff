/** Real clients, several at once, against a server of two worker processes. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announceMissing, describeClient } from '../support/clients/availability.ts'
import { basicFtp } from '../support/clients/basic-ftp.ts'
import type { Connection, DataCommand, RealClient } from '../support/clients/client.ts'
import { describeConnection } from '../support/clients/connections.ts'
import { findCurl } from '../support/clients/curl.ts'
import { findFtplib } from '../support/clients/ftplib.ts'
import { findLftp } from '../support/clients/lftp.ts'
import { expectBytes } from '../support/clients/scenario.ts'
import { type ClientServer, startClientServer } from '../support/clients/server.ts'

const clients = [
  ...(await Promise.all([findCurl(), findLftp(), findFtplib()])),
  { name: basicFtp.name, client: basicFtp },
]
announceMissing(clients)
const protections = ['plain', 'explicit TLS 1.2', 'explicit TLS 1.3', 'implicit TLS 1.3'] as const
const dataCommands: readonly DataCommand[] = ['EPSV', 'PASV', 'PORT']
const connections: readonly Connection[] = protections.flatMap(protection =>
  dataCommands.map(data => ({ protection, data, family: 'IPv4' }) as const),
)
const cellTimeoutMilliseconds = 60_000
const bytes = randomBytes(3_000_003)

let server: ClientServer

beforeAll(async () => {
  const users = clients.flatMap(({ name }) => connections.map((_, index) => `${name}-${index}`))
  server = await startClientServer({ users, ipv6: false, workers: 2 })
})
afterAll(async () => {
  const { workers } = await server.server.status()
  await server.stop()
  expect(workers).toHaveLength(2)
})

for (const found of clients) {
  describeClient(found, client => {
    describe.concurrent('uploads and downloads while others do', () => {
      for (const [index, connection] of connections.entries()) {
        const title = describeConnection(connection)
        const reason = client.limitation(connection)
        if (reason !== undefined) it.skip(`${title}: not possible, ${reason}`)
        else
          it(title, { timeout: cellTimeoutMilliseconds }, () =>
            expectBothWays(client, connection, `${found.name}-${index}`),
          )
      }
    })
  })
}

async function expectBothWays(client: RealClient, connection: Connection, user: string): Promise<void> {
  const { local, home } = await server.directories(user)
  await writeFile(join(local, 'there.bin'), bytes)
  await client.run(server.target(connection, user), [
    { do: 'upload', local: join(local, 'there.bin'), remote: 'large.bin' },
    { do: 'download', remote: 'large.bin', local: join(local, 'back.bin') },
    { do: 'rename', from: 'large.bin', to: 'renamed.bin' },
  ])
  await expectBytes(join(home, 'renamed.bin'), bytes)
  await expectBytes(join(local, 'back.bin'), bytes)
}
