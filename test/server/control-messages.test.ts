/** Texts for people: after login by host and user, and in directories. */
import { execFileSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { simpleUser } from '../support/server.ts'
import { connected, loggedIn, temporaryServer } from '../support/sessions.ts'

describe('The text after login', () => {
  it('is that of the user, of the host or of the server, before the last line of 230', async () => {
    const hosts = [{ name: 'a.example', welcome: 'To a.\nFiles.' }, { name: 'b.example' }]
    const server = await temporaryServer({
      server: { messages: { welcome: 'To the server.' }, hosts },
      users: [simpleUser('alice'), simpleUser('bob', { welcome: '230 Bob.\n550 no end' })],
    })
    const texts: unknown[] = []
    for (const [host, user] of [
      [undefined, 'alice'],
      ['a.example', 'alice'],
      ['b.example', 'alice'],
      ['a.example', 'bob'],
    ] as const) {
      const client = await connected(server)
      if (host !== undefined) await client.send(`HOST ${host}`)
      texts.push((await client.login(user)).lines)
      expect((await client.send('PWD')).code).toBe(257)
    }
    expect(texts).toEqual([
      ['To the server.', 'Logged in.'],
      ['To a.', '230-Files.', 'Logged in.'],
      ['To the server.', 'Logged in.'],
      ['230 Bob.', '230-550 no end', 'Logged in.'],
    ])
  })

  it('is none by default', async () => {
    const client = await connected(await temporaryServer())
    expect((await client.login()).lines).toEqual(['Logged in.'])
  })
})

describe('The text of a directory', () => {
  const messages = { directoryFile: '.message' }

  it('is told by CWD and CDUP, where the user may read it, up to 4 KiB', async () => {
    const paths = [{ path: '/closed', permissions: ['list'] }]
    const server = await temporaryServer({ server: { messages }, users: [simpleUser('alice', { paths })] })
    for (const name of ['told', 'closed', 'long', 'none', 'odd/.message']) {
      await mkdir(join(server.root, name), { recursive: true })
    }
    await writeFile(join(server.root, '.message'), 'At the top.\n250 forged\n')
    await writeFile(join(server.root, 'told/.message'), 'Read \u001b[31mthis.\n')
    await writeFile(join(server.root, 'closed/.message'), 'secret')
    await writeFile(join(server.root, 'long/.message'), 'x'.repeat(10_000))
    const client = await loggedIn(server)
    expect((await client.send('CWD told')).lines).toEqual(['Read  [31mthis.', '"/told" is the working directory.'])
    expect((await client.send('CDUP')).lines).toEqual([
      'At the top.',
      '250-250 forged',
      '"/" is the working directory.',
    ])
    for (const name of ['closed', 'none', 'odd']) {
      expect((await client.send(`CWD /${name}`)).lines).toEqual([`"/${name}" is the working directory.`])
    }
    expect((await client.send('CWD /long')).lines[0]).toHaveLength(4096)
  })

  it('never comes from outside of the home', async () => {
    const server = await temporaryServer({ server: { messages }, users: [simpleUser('alice', { home: '/home' })] })
    await mkdir(join(server.root, 'home'))
    await writeFile(join(server.root, 'outside'), 'secret')
    await symlink('../outside', join(server.root, 'home/.message'))
    const client = await loggedIn(server)
    expect((await client.send('CWD /')).lines).toEqual(['"/" is the working directory.'])
  })

  it('is that of a plain file: a FIFO in its place is waited for by nobody', async () => {
    const server = await temporaryServer({ server: { messages } })
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(server.root, '.message')])
    const client = await loggedIn(server)
    expect((await client.send('CWD /')).lines).toEqual(['"/" is the working directory.'])
  })

  it('is not looked for by default', async () => {
    const server = await temporaryServer()
    await writeFile(join(server.root, '.message'), 'text')
    expect((await (await loggedIn(server)).send('CWD /')).lines).toEqual(['"/" is the working directory.'])
  })
})
