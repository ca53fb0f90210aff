/** A program: serves small files and listings to itself, until V8 has compiled what serves them, and then collects as at rest, with blank objects or `without`. */
import { makeBlanks } from '../../server/kinds.ts'
import { eventually } from './eventually.ts'
import { FtpClient } from './ftp-client.ts'
import { startServer } from './server.ts'

const times = 300

const [mode] = process.argv.slice(2)
if (mode !== 'without') makeBlanks()
const server = await startServer({ volume: 'memory' })
const client = await FtpClient.connect(server.port)
await client.login()
await client.send('TYPE I')
for (let done = 0; done < times; done++) {
  await client.upload('STOR file', 'hello')
  await client.download('RETR file')
  await client.download('LIST')
  await client.download('MLSD')
}
client.close()
await eventually(() => server.application.server.sessionCount === 0, 'the session has ended')
if (mode !== 'without') makeBlanks()
globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
await server.stop()
