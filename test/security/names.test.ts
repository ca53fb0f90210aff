/** Names in paths, in logs and in policies: of users (CVE-2026-30915), and of files that look like others. */
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { FtpClient } from '../support/ftp-client.ts'
import { canaryIn, layCanaries, pictureOf } from '../support/outside-canaries.ts'
import { pathCommands, tell } from '../support/path-commands.ts'
import { password, simpleUser } from '../support/server.ts'
import { connected, temporaryServer } from '../support/sessions.ts'

const escapes = [
  '..',
  '.',
  '/',
  'a/../b',
  '../../etc',
  '%2e%2e',
  '%u',
  '%username%',
  '${USER}',
  '~root',
  'a\\..\\b',
  'a/b',
  '',
]

it('of users that could lead elsewhere are taken neither by a list nor at login, and make no directory', async () => {
  const server = await temporaryServer({
    users: [simpleUser('alice'), ...escapes.map(name => ({ ...simpleUser(name), home: undefined }))],
    server: { anonymous: { enabled: true } },
  })
  const before = readdirSync(server.root)
  const { problems, users } = await server.status()
  expect(problems.length + users.rejectedCount).toBeGreaterThanOrEqual(escapes.length)
  for (const name of escapes) {
    const client = await connected(server)
    client.write(`USER ${name}\r\nPASS ${password}\r\n`)
    expect([331, 501], name).toContain((await client.reply()).code)
    expect([530, 503], name).toContain((await client.reply()).code)
  }
  expect(readdirSync(server.root)).toEqual(before)
})

it('of users are one line of JSON in the log, whatever they hold and however long they are', async () => {
  const server = await temporaryServer()
  const names = ['\x1b[2J\x1b[1;31mroot', 'x"}{"level":"error"', '%s%n%x', 'ä\u202e', 'x'.repeat(3900), 'a\rb', '\0']
  for (const name of names) {
    const client = await connected(server)
    client.write(Buffer.from(`USER ${name}\r\nPASS wrong-and-secret\r\n`))
    await client.reply()
    await client.reply()
    client.close()
  }
  const lines = server.log()
  // Each was one call of the destination and is valid JSON, or it would not be here.
  expect(lines.filter(({ msg }) => msg === 'login failed').length).toBeGreaterThanOrEqual(names.length - 1)
  for (const line of lines) {
    expect(JSON.stringify(line).length).toBeLessThan(4000)
    expect(JSON.stringify(line)).not.toContain('wrong-and-secret')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(JSON.stringify(line)).not.toMatch(/[\x00-\x1f]/)
  }
})

it('of files that look like what is forbidden never mean it', async () => {
  const server = await temporaryServer({
    users: [simpleUser('alice', { home: '/alice', paths: [{ path: '/Schlüssel', permissions: [] }] })],
  })
  const home = join(server.root, 'alice')
  layCanaries(join(home, 'Schlüssel'))
  mkdirSync(join(home, 'open'))
  symlinkSync('../Schlüssel', join(home, 'open/inner'))
  const before = pictureOf(join(home, 'Schlüssel'))
  const alike = [
    ...[
      'Schlüssel',
      'Schlu\u0308ssel',
      'SCHLÜSSEL',
      'schlüssel',
      'Ｓchlüssel',
      'Ѕchlüssel',
      'Schlüssel ',
      'Schlüssel.',
    ],
    ...['Schlüssel\u200b', '\ufeffSchlüssel', 'Schlüſſel', 'Schl%C3%BCssel', 'Schl\\u00fcssel', 'Schl?ssel', 'Sch*'],
    ...['open/inner', 'open/../Schlüssel', '/Schlüssel/.', './/Schlüssel//'],
  ].map(name => Buffer.from(name, 'utf8').toString('latin1'))
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login()
  await client.send('TYPE I')
  for (const [name, command] of Object.entries(pathCommands)) {
    for (const directory of [...alike, Buffer.from('Schl\xfcssel', 'latin1').toString('latin1')]) {
      const { all } = await tell(client, command, `${directory}/canary`)
      expect(canaryIn(all), `${name} ${directory}`).toEqual([])
      if (name.endsWith('CWD')) await client.send('CWD /')
    }
  }
  expect(pictureOf(join(home, 'Schlüssel'))).toEqual(before)
  expect(existsSync(join(home, 'Schlüssel/canary'))).toBe(true)
})
