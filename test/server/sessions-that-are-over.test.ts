/** What V8 keeps of sessions that are over until it collects everything: memory, and the time to move it and to look through it. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const preload = pathToFileURL(join(import.meta.dirname, '../support/young-collections.js')).href
/** One that is kept whole is more than 5 KB. */
const mostBytes = 3500
const sessionsInRound = 20

test('a session that is over leaves nothing of its own to V8’s old generation', async () => {
  const server = await startServerProcess({ preload })
  onTestFinished(() => server.dispose())
  await logInAndQuit(server, 200)
  await oldBytes(server)
  const growths: number[] = []
  for (let round = 0; round < 7; round += 1) {
    const before = await oldBytes(server)
    await logInAndQuit(server, sessionsInRound)
    growths.push(((await oldBytes(server)) - before) / sessionsInRound)
  }
  // Code that is compiled meanwhile, and tables that grow, are in some of them.
  const [, , , median = Number.NaN] = growths.toSorted((a, b) => a - b)
  expect(median).toBeLessThan(mostBytes)
})

async function logInAndQuit(server: ServerProcess, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const client = await FtpClient.connect(server.port)
    await client.login()
    await client.send('QUIT')
    await client.closed()
  }
  await eventually(async () => (await server.status()).sessions.length === 0, 'nobody is there')
}

/** What is in the old generation once nothing is young any more. */
async function oldBytes({ signal, output }: ServerProcess): Promise<number> {
  const told = (): string[] => output().stderr.match(/^old: \d+$/gm) ?? []
  const before = told().length
  signal('SIGUSR2')
  const last = await eventually(() => told().length > before && told().at(-1), 'the collection was told of')
  return Number(last.slice('old: '.length))
}
