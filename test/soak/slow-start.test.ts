/** Where processors are scarce a worker takes long to load, and says nothing meanwhile: it is waited for, not killed and begun again. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { launchServerProcess } from '../support/server-process.ts'

test('Workers that need 60 seconds to start are ready then, and none has died', async () => {
  const server = await launchServerProcess({
    preload: pathToFileURL(join(import.meta.dirname, '../support/slow-worker.js')).href,
    environment: { WORKER_DELAY_SECONDS: '60' },
    server: { workers: 2 },
  })
  onTestFinished(() => server.dispose())
  await eventually(async () => (await server.probe('/readyz')).ok, 'the server is ready', 180_000, 100)
  expect(await (await server.probe('/metrics')).text()).toMatch(/^ftp_worker_deaths_total 0$/m)
  const client = await FtpClient.connect(server.port)
  await client.login()
  client.close()
})
