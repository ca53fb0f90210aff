/** Whether a server that was treated badly is what it was before: it serves, it logged no fault, it holds nothing. */
import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { eventually } from './eventually.ts'
import { FtpClient } from './ftp-client.ts'
import type { ServerProcess } from './server-process.ts'

const megabyte = 1_048_576
/** What V8 and the allocator may keep of memory that is free again. */
const allowedGrowthBytes = 200 * megabyte
/** Passive ports that stay open between transfers: of a wider range no more. */
export const keptPorts = 256

export type Endurance = {
  /** Memory at the beginning. */
  readonly residentBytes: number
  /** Fails unless the server is as it was at the beginning. */
  readonly check: () => Promise<void>
}

/** Takes the measure of a fresh server, after it has served for a moment. */
export async function beginEndurance(server: ServerProcess): Promise<Endurance> {
  // Threads, caches and buffers that stay are there after the first use.
  for (let turn = 0; turn < 5; turn += 1) await expectService(server.port)
  await noSessions(server)
  const { others, listening } = await server.descriptors()
  const residentBytes = await server.residentBytes()
  return {
    residentBytes,
    async check() {
      await expectService(server.port)
      expect(server.output().stdout).not.toContain('"fault"')
      expect(server.output().stderr).toBe('')
      await noSessions(server)
      await eventually(async () => {
        const now = await server.descriptors()
        // One for the probe that asks, and one that it may just have left.
        return now.others <= others + 2 && now.listening <= listening + keptPorts
      }, 'descriptors are closed')
      expect(await server.residentBytes()).toBeLessThan(residentBytes + allowedGrowthBytes)
    },
  }
}

export async function noSessions(server: ServerProcess, deadlineMilliseconds = 30_000): Promise<void> {
  await eventually(
    async () => (await server.status()).sessionCount === 0,
    'the sessions have ended',
    deadlineMilliseconds,
  )
}

/** Whether an orderly client gets what it asks for. */
export async function expectService(port: number): Promise<void> {
  const client = await FtpClient.connect(port)
  try {
    await client.login()
    await client.send('TYPE I')
    const bytes = randomBytes(10_000)
    expect((await client.upload('STOR still-there', bytes)).end.code).toBe(226)
    expect((await client.download('RETR still-there')).bytes.equals(bytes)).toBe(true)
  } finally {
    client.close()
  }
}
