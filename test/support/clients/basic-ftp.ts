/** basic-ftp of npm: a library, in this process. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { Client, enterPassiveModeIPv4, enterPassiveModeIPv6 } from 'basic-ftp'
import { hostOf, isActive, isImplicit, type Operation, type RealClient, type Target, tlsVersion } from './client.ts'

export const basicFtp: RealClient = {
  name: 'basic-ftp',
  // With a session to resume, getCipher() of Node's TLSSocket tells basic-ftp too early that the handshake is done.
  noEmptyUploadOverTls: 'basic-ftp closes the connection before the handshake',
  limitation(connection) {
    return isActive(connection) ? 'basic-ftp has no active mode' : undefined
  },
  async run(target, operations, { deadlineMilliseconds = 25_000 } = {}) {
    await withBasicFtp(target, deadlineMilliseconds, async client => {
      for (const operation of operations) await perform(client, operation)
    })
  },
}

/** Logs in, and closes the client after the work or at the deadline. */
export async function withBasicFtp<Result>(
  target: Target,
  deadlineMilliseconds: number,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  // The timeout is for silence on a socket, the timer for all of it; close() rejects whatever is awaited.
  const client = new Client(10_000)
  const timer = setTimeout(() => client.close(), deadlineMilliseconds)
  try {
    await logIn(client, target)
    return await work(client)
  } finally {
    clearTimeout(timer)
    client.close()
  }
}

async function logIn(client: Client, target: Target): Promise<void> {
  const version = tlsVersion(target)
  const range = version === undefined ? {} : ({ minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` } as const)
  client.prepareTransfer = target.data === 'EPSV' ? enterPassiveModeIPv6 : enterPassiveModeIPv4
  await client.access({
    host: hostOf(target),
    port: target.port,
    user: target.user,
    password: target.password,
    secure: isImplicit(target) ? 'implicit' : version !== undefined,
    secureOptions: {
      ...range,
      ca: await readFile(target.authority),
      ...(target.certificate && {
        cert: await readFile(target.certificate.certificate),
        key: await readFile(target.certificate.key),
      }),
    },
  })
}

async function perform(client: Client, operation: Operation): Promise<void> {
  switch (operation.do) {
    case 'list': {
      client.availableListCommands = [operation.style === 'names' ? 'LIST' : 'MLSD']
      const entries = await client.list()
      return writeFile(operation.into, entries.map(({ name }) => `${name}\n`).join(''))
    }
    case 'upload':
      return void (await client.uploadFrom(operation.local, operation.remote))
    case 'download':
      return void (await client.downloadTo(operation.local, operation.remote))
    case 'resume upload':
      return void (await client.appendFrom(operation.local, operation.remote, {
        localStart: await client.size(operation.remote),
      }))
    case 'resume download':
      return void (await client.downloadTo(operation.local, operation.remote, (await stat(operation.local)).size))
    case 'rename':
      return void (await client.rename(operation.from, operation.to))
    case 'delete':
      return void (await client.remove(operation.remote))
    case 'mkdir':
      return void (await client.send(`MKD ${operation.remote}`))
    case 'rmdir':
      return void (await client.removeEmptyDir(operation.remote))
  }
}
