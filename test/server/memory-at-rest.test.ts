/** What a server at rest has in memory of its program, which was most of what a small server took. */
import { readFile } from 'node:fs/promises'
import { platform } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { secured } from '../support/sessions.ts'

/** With all that a start has read of it, it is more than 48 MB. */
const mostBytes = 36_000_000

test.runIf(platform() === 'linux')('a server that has come to rest has let go of what its start needed', async () => {
  const server = await startServerProcess()
  onTestFinished(() => server.dispose())
  await atRest(server)
  // What is needed again is there again, and not for ever.
  const client = await secured(server)
  expect((await client.upload('STOR file', 'hello', {})).end.code).toBe(226)
  expect((await client.download('RETR file', {})).bytes.toString()).toBe('hello')
  await atRest(server)
})

async function atRest(server: ServerProcess): Promise<void> {
  await eventually(async () => (await fileBytes(server)) < mostBytes, 'the process has little of its program')
}

/** Resident pages of files. */
async function fileBytes({ pid }: ServerProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
