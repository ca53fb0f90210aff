import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pictureOf } from '../support/outside-canaries.ts'
import { pathCommands, tell } from '../support/path-commands.ts'
import { simpleUser, type TestServer } from '../support/server.ts'
import { loggedIn, temporaryServer } from '../support/sessions.ts'

async function serverWith(names: Record<string, unknown>, user: Record<string, unknown> = {}): Promise<TestServer> {
  const server = await temporaryServer({ server: { names }, users: [simpleUser('alice', user), simpleUser('bob')] })
  await mkdir(join(server.root, 'dir/inner.key'), { recursive: true })
  for (const name of ['mine', 'secret.KEY', '.profile', 'dir/deep.key', 'dir/plain', 'dir/inner.key/below']) {
    await writeFile(join(server.root, name), `content of ${name}`)
  }
  return server
}

/** Commands that make something at the path: it is refused, not missing. */
const making = new Set([
  ...['MKD', 'XMKD', 'SITE MKDIR', 'RNTO', 'SITE CPTO', 'SITE SYMLINK', 'COMB'],
  ...['STOR', 'STOR from an offset', 'APPE', 'STOU'],
])

describe('denied names', () => {
  it('are as if they were not there, and can’t be made, for every command that takes a path', async () => {
    const server = await serverWith({ deny: ['*.key'] })
    const client = await loggedIn(server)
    await client.send('TYPE I')
    const before = pictureOf(server.root)
    for (const [verb, command] of Object.entries(pathCommands)) {
      for (const path of ['/secret.KEY', '/dir/deep.key', '/dir/inner.key', '/dir/inner.key/below', '/new.Key']) {
        const told = await tell(client, command, path)
        const missing = making.has(verb) ? undefined : await tell(client, command, '/nothing/here')
        const expected = making.has(verb) ? 550 : missing?.last.code
        expect({ verb, path, code: told.last.code }).toEqual({ verb, path, code: expected })
        expect(told.all).not.toContain('content of')
        await client.send('ABOR')
      }
      expect({ verb, picture: pictureOf(server.root) }).toEqual({ verb, picture: before })
    }
  })

  it('are in no listing, whatever kind of it', async () => {
    const server = await serverWith({ deny: ['*.key'] })
    const client = await loggedIn(server)
    for (const command of ['LIST -a', 'LIST -aR', 'NLST', 'NLST -a', 'MLSD', 'MLSD dir', 'LIST *', 'LIST dir/*']) {
      const { bytes } = await client.download(command)
      expect({ command, text: bytes.toString() }).toEqual({ command, text: expect.not.stringMatching(/key/i) })
    }
    expect((await client.send('STAT -a /')).lines.join('\n')).not.toMatch(/key/i)
  })

  it('keep the directory that they are in, and go along with it', async () => {
    const server = await serverWith({ deny: ['*.key'] })
    const client = await loggedIn(server)
    expect((await client.send('RMDA /dir')).code).toBe(550)
    expect((await client.send('DELE /dir/plain')).code).toBe(250)
    expect((await client.send('RMD /dir')).code).toBe(550)
    expect((await client.send('RNFR /dir')).code).toBe(350)
    expect((await client.send('RNTO /moved')).code).toBe(250)
    expect((await client.send('SIZE /moved/deep.key')).code).toBe(550)
  })

  it('are not reached by links either', async () => {
    const server = await serverWith({ deny: ['*.key'] })
    await symlink('secret.KEY', join(server.root, 'link'))
    await symlink('dir/inner.key', join(server.root, 'into'))
    const client = await loggedIn(server)
    expect((await client.download('RETR link')).end.code).toBe(550)
    expect((await client.download('RETR into/below')).end.code).toBe(550)
    expect((await client.download('NLST')).bytes.toString()).toMatch(/mine/)
  })

  it('of a user are that user’s alone, and hold in virtual folders too', async () => {
    const server = await serverWith({}, { names: { deny: ['*.key'] }, folders: [{ path: '/again', target: '/dir' }] })
    const [alice, bob] = [await loggedIn(server), await loggedIn(server, 'bob')]
    expect((await alice.send('SIZE /dir/deep.key')).code).toBe(550)
    expect((await alice.send('SIZE /again/deep.key')).code).toBe(550)
    expect((await alice.send('SIZE /again/plain')).code).toBe(550)
    await alice.send('TYPE I')
    await bob.send('TYPE I')
    expect((await alice.send('SIZE /again/plain')).code).toBe(213)
    expect((await alice.send('SIZE /again/deep.key')).code).toBe(550)
    expect((await bob.send('SIZE /dir/deep.key')).code).toBe(213)
  })
})

describe('hidden names', () => {
  it('are in no listing, but there for whoever knows them', async () => {
    const server = await serverWith({ hide: ['.*', '*.key'] })
    const client = await loggedIn(server)
    for (const command of ['LIST -a', 'LIST -aR', 'NLST -a', 'MLSD', 'LIST *.KEY']) {
      const { bytes } = await client.download(command)
      expect({ command, text: bytes.toString() }).toEqual({ command, text: expect.not.stringMatching(/key|profile/i) })
    }
    expect((await client.download('RETR .profile')).bytes.toString()).toBe('content of .profile')
    expect((await client.download('RETR dir/inner.key/below')).bytes.toString()).toContain('below')
    expect((await client.upload('STOR .new', 'x')).end.code).toBe(226)
    expect((await client.send('DELE secret.KEY')).code).toBe(250)
  })

  it('come and go with a reload', async () => {
    const server = await serverWith({})
    const client = await loggedIn(server)
    expect((await client.download('NLST -a')).bytes.toString()).toContain('.profile')
    await server.reconfigure('users/users.yaml', { users: [simpleUser('alice', { names: { hide: ['.*'] } })] })
    expect((await client.download('NLST -a')).bytes.toString()).not.toContain('.profile')
  })
})
