import { expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startServerProcess } from '../support/server-process.ts'
import { loggedIn } from '../support/sessions.ts'

it.each([1, 2])(
  'transfers have lines of xferlog on stdout where that is asked for, with %i processes',
  async workers => {
    const server = await startServerProcess({ server: { workers, logging: { level: 'error', transfers: 'xferlog' } } })
    try {
      const client = await loggedIn(server)
      expect((await client.upload('STOR a file', 'hello')).end.code).toBe(226)
      await client.download('NLST')
      await client.download('RETR a file')
      const lines = await eventually(() => {
        const found = server.output().stdout.split('\n').slice(0, -1)
        return found.length >= 2 && found
      }, 'both lines are there')
      const rest = '1 127.0.0.1 5 /a_file a _'
      expect(lines.map(line => line.replace(/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} /, ''))).toEqual(
        [`${rest} i r alice ftp 0 * c`, `${rest} o r alice ftp 0 * c`],
      )
    } finally {
      await server.dispose()
    }
  },
)
