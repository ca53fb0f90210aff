/** SIGTERM while many transfers run: every one of them ends well, and only then does the server. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const megabyte = 1_048_576
const pieceBytes = 262_144
const transferCount = 60

const content = randomBytes(4 * megabyte)

/** A transfer that has begun; `finish` moves the rest, and rejects unless all of it came through and was told of. */
async function begin(server: ServerProcess, index: number): Promise<{ readonly finish: () => Promise<void> }> {
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  const isSecure = index % 4 >= 2
  if (isSecure) await client.loginSecurely()
  else await client.login()
  await client.send('TYPE I')
  const raw = await client.passive()
  const isUpload = index % 2 === 0
  const { code } = await client.send(isUpload ? `STOR upload-${index}` : 'RETR download')
  expect(code).toBe(150)
  const data = isSecure ? await client.protect(raw) : raw
  if (isUpload) data.resume().write(content.subarray(0, pieceBytes))
  else data.pause()
  return {
    async finish() {
      if (isUpload) {
        for (let position = pieceBytes; position < content.length; position += pieceBytes) {
          const piece = content.subarray(position, position + pieceBytes)
          await new Promise<void>(resolve => data.write(piece, () => resolve()))
        }
        data.end()
      } else {
        expect((await readAll(data)).equals(content)).toBe(true)
      }
      expect(await client.closed()).toMatch(/^226 .*\r\n421 .*\r\n$/)
      if (isUpload) expect((await readFile(join(server.root, `upload-${index}`))).equals(content)).toBe(true)
    },
  }
}

test('60 transfers, up and down, in clear text and under TLS, are whole', async () => {
  const server = await startServerProcess({
    server: { limits: { maxSessionsPerAddress: 200, drainTimeoutSeconds: 90, failedLoginDelayMilliseconds: 0 } },
  })
  onTestFinished(() => server.dispose())
  await writeFile(join(server.root, 'download'), content)
  const transfers = await Promise.all(Array.from({ length: transferCount }, (_, index) => begin(server, index)))
  await eventually(async () => {
    const { sessions } = await server.status()
    return sessions.filter(({ transfer }) => (transfer?.bytes ?? 0) > 0).length === transferCount
  }, 'all transfers have moved something')
  server.signal('SIGTERM')
  await eventually(async () => (await server.probe('/readyz')).status === 503, 'it drains')
  await Promise.all(transfers.map(({ finish }) => finish()))
  expect(await server.exited).toBe(0)
  expect(server.output().stdout).not.toContain('"fault"')
})
