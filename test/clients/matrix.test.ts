/** Real clients over every kind of connection. What a client cannot do is in the list of tests, with the reason. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { announceMissing, describeClient, hasIpv6, leaveOut } from '../support/clients/availability.ts'
import { basicFtp } from '../support/clients/basic-ftp.ts'
import { type Connection, protections, type RealClient } from '../support/clients/client.ts'
import { connections, describeConnection, passiveConnection } from '../support/clients/connections.ts'
import { findCurl } from '../support/clients/curl.ts'
import { findFtplib } from '../support/clients/ftplib.ts'
import { findLftp } from '../support/clients/lftp.ts'
import { expectBytes, expectEveryOperation, expectTransfers } from '../support/clients/scenario.ts'
import { type ClientServer, startClientServer } from '../support/clients/server.ts'

const clients = [
  ...(await Promise.all([findCurl(), findLftp(), findFtplib()])),
  { name: basicFtp.name, client: basicFtp },
]
const ipv6 = await hasIpv6()
announceMissing(clients)
const cellTimeoutMilliseconds = 60_000
/** More than all buffers on the way hold, and no multiple of anything. */
const large = randomBytes(3_000_003)

let server: ClientServer

beforeAll(async () => {
  const users = clients.flatMap(({ name }) => [
    ...connections.map((_, index) => userOf(name, index)),
    ...protections.map((_, index) => largeUserOf(name, index)),
  ])
  server = await startClientServer({ users, ipv6 })
})
afterAll(() => server?.stop())

if (!ipv6) {
  const sentence = 'LEFT OUT: all tests over IPv6, because the loopback interface has no IPv6'
  console.warn(sentence)
  leaveOut(sentence)
}

for (const found of clients) {
  const { name } = found
  describeClient(found, client => {
    describe.concurrent('lists, uploads, downloads, resumes both ways, renames, deletes, makes and removes', () => {
      for (const [index, connection] of connections.entries()) {
        const title = describeConnection(connection)
        const reason = client.limitation(connection) ?? missingNetwork(connection)
        if (reason !== undefined) it.skip(`${title}: not possible, ${reason}`)
        else
          it(title, { timeout: cellTimeoutMilliseconds }, () =>
            expectEveryOperation(client, connection, userOf(name, index), server),
          )
      }
    })

    if (client.noEmptyUploadOverTls !== undefined)
      it.skip(`uploads a file of no bytes over TLS: not possible, ${client.noEmptyUploadOverTls}`)

    describe.concurrent('carries 3,000,003 bytes both ways', () => {
      for (const [index, protection] of protections.entries()) {
        it(protection, { timeout: cellTimeoutMilliseconds }, () =>
          expectLargeFile(client, passiveConnection(client, protection), largeUserOf(name, index)),
        )
      }
    })
  })
}

async function expectLargeFile(client: RealClient, connection: Connection, user: string): Promise<void> {
  const { local, home } = await server.directories(user)
  await writeFile(join(local, 'there.bin'), large)
  await client.run(server.target(connection, user), [
    { do: 'upload', local: join(local, 'there.bin'), remote: 'large.bin' },
    { do: 'download', remote: 'large.bin', local: join(local, 'back.bin') },
  ])
  await expectBytes(join(home, 'large.bin'), large)
  await expectBytes(join(local, 'back.bin'), large)
  expectTransfers(server.log(user), connection)
}

function missingNetwork({ family }: Connection): string | undefined {
  return family === 'IPv6' && !ipv6 ? 'this machine has no IPv6' : undefined
}

function userOf(name: string, index: number): string {
  return `${name}-${index}`
}

function largeUserOf(name: string, index: number): string {
  return `${name}-large-${index}`
}
