/** What real clients do with TLS beyond the plain case: resumption that is demanded, CCC, certificates of their own. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announceMissing, describeClient } from '../support/clients/availability.ts'
import { basicFtp } from '../support/clients/basic-ftp.ts'
import type { Connection, FoundClient, Operation, Protection, Target } from '../support/clients/client.ts'
import { type ClientCertificate, createClientCertificate } from '../support/clients/client-certificate.ts'
import { passiveConnection } from '../support/clients/connections.ts'
import { findCurl, runCurl } from '../support/clients/curl.ts'
import { findFtplib } from '../support/clients/ftplib.ts'
import { findLftp } from '../support/clients/lftp.ts'
import { expectBytes, expectTransfers } from '../support/clients/scenario.ts'
import { type ClientServer, startClientServer } from '../support/clients/server.ts'
import { eventually } from '../support/eventually.ts'
import type { LogLine } from '../support/server.ts'

const [curl, lftp, ftplib] = await Promise.all([findCurl(), findLftp(), findFtplib()])
announceMissing([curl, lftp, ftplib])
const inProcess: FoundClient = { name: basicFtp.name, client: basicFtp }
const tlsProtections: readonly Protection[] = ['explicit TLS 1.2', 'explicit TLS 1.3']
/** The user who logs in by certificate, by the certificate's common name. */
const certified = 'certified'

const users = ['reuse', 'ccc', 'no-reuse', ...[curl, lftp, ftplib, inProcess].map(({ name }) => name)].flatMap(name =>
  ['explicit-tls-1.2', 'explicit-tls-1.3'].map(version => `${name}-${version}`),
)

let server: ClientServer
let strict: ClientServer
let identity: ClientCertificate
let certificate: Target['certificate']

beforeAll(async () => {
  identity = await createClientCertificate(certified)
  const certifiedUser = { name: certified, home: '/certified', clientCertificate: { commonName: certified } }
  server = await startClientServer({
    users,
    ipv6: false,
    tls: { clientCertificates: 'optional' },
    otherUsers: [certifiedUser],
    clientAuthority: identity.authority,
  })
  strict = await startClientServer({ users, ipv6: false, tls: { sessionReuse: 'required' } })
  certificate = { certificate: join(server.local, 'client.crt'), key: join(server.local, 'client.key') }
  await writeFile(certificate.certificate, identity.certificate)
  await writeFile(certificate.key, identity.key)
})
afterAll(async () => {
  await server?.stop()
  await strict?.stop()
})

describeClient(curl, () => {
  describe.for(tlsProtections)('over %s', protection => {
    const connection: Connection = { protection, data: 'EPSV', family: 'IPv4' }

    it('transfers twice each way in one session of a listener that demands TLS', async () => {
      const user = userOf('reuse', protection)
      const { operations, expectFiles } = await transfers(server, user, ['upload', 'download', 'upload', 'download'])
      await runCurl(server.target(connection, user, 'required'), operations, [])
      await expectFiles()
      expectOneSession(expectTransfers(server.log(user), connection))
    })

    it.for(['active', 'passive'])('goes on in clear text after CCC (%s), with private data', async mode => {
      const user = userOf('ccc', protection)
      const before = server.log(user).length
      const { operations, expectFiles } = await transfers(server, user, ['download', 'upload', 'download'])
      await runCurl(server.target(connection, user), operations, ['--ftp-ssl-ccc', '--ftp-ssl-ccc-mode', mode])
      await expectFiles()
      const log = server.log(user).slice(before)
      expect(log).toContainEqual(expect.objectContaining({ verb: 'CCC', code: 200 }))
      expectOneSession(expectTransfers(log, connection))
    })

    it('is refused data without resumption where that is demanded', async () => {
      const user = userOf('no-reuse', protection)
      const { operations } = await transfers(strict, user, ['download'])
      // Whether curl still reads the reply after its data connection was closed is a matter of time.
      await expect(runCurl(strict.target(connection, user), operations, ['--no-sessionid'])).rejects.toThrow()
      // The server gives another connection a second to come.
      await eventually(
        () => strict.log(user).some(({ msg, code, bytes }) => msg === 'transfer ended' && code === 522 && bytes === 0),
        'the transfer is refused',
      )
    })
  })
})

describe('where resumption is demanded', () => {
  // curl takes a ticket of TLS 1.3 once, and gets no other from an upload, after which it closes without reading.
  describeResumption(curl, { 'explicit TLS 1.3': ['download', 'download', 'download', 'upload'] })
  describeResumption(lftp)
  describeResumption(inProcess)
})

describe('a user with a certificate', () => {
  for (const found of [curl, lftp, ftplib, inProcess]) {
    describeClient(found, client => {
      it.for(tlsProtections)('logs in without a password over %s', async protection => {
        const connection = passiveConnection(client, protection)
        const directory = `${client.name}-${protection}`
        const local = join((await server.directories(certified)).local, directory)
        await writeFile(local, directory)
        const before = server.log(certified).length
        await client.run({ ...server.target(connection, certified), password: 'wrong', certificate }, [
          { do: 'upload', local, remote: directory },
        ])
        const log = server.log(certified).slice(before)
        expect(log).toContainEqual(expect.objectContaining({ msg: 'logged in', method: 'certificate' }))
        expect(log).toContainEqual(expect.objectContaining({ verb: 'USER', code: 232 }))
        expectTransfers(log, connection)
      })
    })
  }

  describeClient(curl, client => {
    it('is refused without the certificate', async () => {
      const target = server.target({ protection: 'explicit TLS 1.3', data: 'EPSV', family: 'IPv4' }, certified)
      const into = join(server.local, 'refused.txt')
      await expect(client.run(target, [{ do: 'list', style: 'names', into }])).rejects.toThrow(/^< 530 /m)
    })
  })
})

type Direction = 'upload' | 'download'

/** The client resumes on each data connection, of any order of transfers unless some can't be done. */
function describeResumption(found: FoundClient, orders: Partial<Record<Protection, readonly Direction[]>> = {}): void {
  describeClient(found, client => {
    it.for(tlsProtections)('resumes for every transfer over %s', async protection => {
      const connection = passiveConnection(client, protection)
      const user = userOf(client.name, protection)
      const order = orders[protection] ?? ['upload', 'upload', 'download', 'download', 'upload']
      const { operations, expectFiles } = await transfers(strict, user, order)
      await client.run(strict.target(connection, user), operations)
      await expectFiles()
      const ended = expectTransfers(strict.log(user), connection)
      expect(ended).toHaveLength(order.length)
      expectOneSession(ended)
    })
  })
}

/** Small transfers, each of its own bytes. */
async function transfers(on: ClientServer, user: string, order: readonly Direction[]) {
  const { local, home } = await on.directories(user)
  const operations: Operation[] = []
  const expected: { readonly path: string; readonly bytes: Buffer }[] = []
  for (const [index, direction] of order.entries()) {
    const name = `${direction}-${index}.txt`
    const bytes = Buffer.from(`${direction} ${index} of ${user}\n`.repeat(100))
    await writeFile(join(direction === 'upload' ? local : home, name), bytes)
    operations.push({ do: direction, local: join(local, name), remote: name })
    expected.push({ path: join(direction === 'upload' ? home : local, name), bytes })
  }
  const expectFiles = async () => {
    for (const { path, bytes } of expected) await expectBytes(path, bytes)
  }
  return { operations, expectFiles }
}

function expectOneSession(log: readonly LogLine[]): void {
  expect(new Set(log.map(({ session }) => session)).size).toBe(1)
}

function userOf(name: string, protection: Protection): string {
  return `${name}-${protection.toLowerCase().replaceAll(' ', '-')}`
}
