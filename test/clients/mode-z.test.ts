/** MODE Z as lftp uses it: what lies on either side is the same, and what goes between is less. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { announceMissing, describeClient } from '../support/clients/availability.ts'
import type { Connection } from '../support/clients/client.ts'
import { findLftp, quote, runLftp } from '../support/clients/lftp.ts'
import { type ClientServer, startClientServer } from '../support/clients/server.ts'
import { simpleUser } from '../support/server.ts'

const lftp = await findLftp()
announceMissing([lftp])

const text = Buffer.from(Array.from({ length: 60_000 }, (_, index) => `line ${index}, of many\n`).join(''))

let server: ClientServer
beforeAll(async () => {
  const otherUsers = ['plain', 'tls'].map(name => simpleUser(name, { home: `/${name}` }))
  server = await startClientServer({ users: [], otherUsers, ipv6: false })
})
afterAll(() => server?.stop())

describeClient(lftp, () => {
  it.each([
    ['plain', { protection: 'plain', data: 'EPSV', family: 'IPv4' }],
    ['tls', { protection: 'explicit TLS 1.3', data: 'EPSV', family: 'IPv4' }],
  ] satisfies readonly [string, Connection][])(
    'uploads, downloads, goes on and lists, over %s',
    async (user, connection) => {
      const { local, home } = await server.directories(user)
      await writeFile(join(local, 'text'), text)
      await writeFile(join(local, 'nothing'), '')
      await writeFile(join(local, 'half'), text.subarray(0, 500_000))
      await runLftp(server.target(connection, user), [
        'set ftp:use-mode-z yes',
        'set ftp:mode-z-level 9',
        `put ${quote(join(local, 'text'))} -o text`,
        `put ${quote(join(local, 'nothing'))} -o nothing`,
        `get text -o ${quote(join(local, 'back'))}`,
        `get nothing -o ${quote(join(local, 'nothing back'))}`,
        `get -c text -o ${quote(join(local, 'half'))}`,
        `ls > ${quote(join(local, 'listing'))}`,
      ])
      expect((await readFile(join(home, 'text'))).equals(text)).toBe(true)
      expect(await readFile(join(home, 'nothing'))).toHaveLength(0)
      for (const name of ['back', 'half']) expect((await readFile(join(local, name))).equals(text)).toBe(true)
      expect(await readFile(join(local, 'nothing back'))).toHaveLength(0)
      expect(await readFile(join(local, 'listing'), 'utf8')).toMatch(/ text\r?\n/)
      const lines = server.log(user)
      expect(lines).toContainEqual(expect.objectContaining({ verb: 'MODE', code: 200 }))
      const whole = lines.find(({ msg, verb, path }) => msg === 'transfer ended' && verb === 'STOR' && path === '/text')
      expect(Number(whole?.bytes)).toBeLessThan(text.length / 3)
    },
  )
})
