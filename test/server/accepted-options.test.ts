import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { platform } from 'node:os'
import { expect, test } from 'vitest'
import { acceptedOptions } from '../../server/listening/accepted-options.ts'

/** Column `tr` of /proc/net/tcp for the server's end: `02` while a keepalive timer runs. */
async function timerOf(accepted: Socket): Promise<string | undefined> {
  const port = (number: number | undefined) => (number ?? 0).toString(16).toUpperCase().padStart(4, '0')
  const ends = new RegExp(`:${port(accepted.localPort)} \\S+:${port(accepted.remotePort)} \\S+ \\S+ (\\S\\S):`)
  return ends.exec(await readFile('/proc/net/tcp', 'utf8'))?.[1]
}

test.runIf(platform() === 'linux').each([
  ['comes early', 60_000],
  ['has them from the listening socket', 0],
])('a connection that %s is kept alive', async (_how, earlyFor) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const options = acceptedOptions(server, earlyFor)
  const address = server.address()
  const client = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  const accepted: Socket = (await once(server, 'connection'))[0]
  expect(options.areInherited()).toBe(earlyFor === 0)
  if (!options.areInherited()) options.set(accepted)
  expect(await timerOf(accepted)).toBe('02')
  client.destroy()
  accepted.destroy()
  server.close()
})
