import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import bcrypt from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashPassword } from '../../server/auth/password.ts'
import { shaCrypt } from '../../server/auth/sha-crypt.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { startServer, type TestServer } from '../support/server.ts'

const secret = 'an old password'
const program = join(import.meta.dirname, '../../server/main.ts')

/** Runs the real program on files, and starts a server with the list that it prints. */
async function serverOf(directory: string, files: Readonly<Record<string, string>>, argv: readonly string[]) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), content)
  }
  const list = await promisify(execFile)(process.execPath, [program, 'import', ...argv], { cwd: directory })
  return startServer({ files: { 'users/imported.yaml': list.stdout } })
}

describe('imported users', () => {
  let directory = ''
  const servers: TestServer[] = []
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ftp-import-'))
  })
  afterAll(async () => {
    for (const server of servers) await server.stop()
    await rm(directory, { recursive: true, force: true })
  })

  async function loginCode(server: TestServer, user: string, password: string): Promise<number> {
    const client = await FtpClient.connect(server.port)
    await client.send(`USER ${user}`)
    const { code } = await client.send(`PASS ${password}`)
    client.close()
    return code
  }

  it.each(['pure-ftpd', 'proftpd', 'vsftpd'])(
    'of %s log in with the passwords they had, and with no others',
    async from => {
      const sha512 = `$6$saltsalt$${shaCrypt('sha512', secret, 'saltsalt', 5000)}`
      const sha256 = `$5$saltsalt$${shaCrypt('sha256', secret, 'saltsalt', 5000)}`
      const hashes = {
        argon2: await hashPassword(secret, 'argon2id'),
        bcrypt: (await bcrypt.hash(secret, 4)).replace('$2b$', '$2y$'),
        sha512,
        sha256,
      }
      const users = Object.entries(hashes)
      const line = ([name, hash]: readonly [string, string]): string =>
        from === 'pure-ftpd'
          ? `${name}:${hash}:1:1::/home/${name}/./:::::::::::\n`
          : `${name}:${hash}:1:1::/home/${name}:\n`
      const locked = line(['locked', '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/'])
      const server = await serverOf(
        directory,
        {
          passwd: users.map(line).join('') + locked,
          pairs: `pair\n${secret}\n`,
          'vsftpd.conf': 'guest_enable=YES\nlocal_root=/home\n',
          'options/pair': 'write_enable=YES\nanon_upload_enable=YES\n',
        },
        from === 'vsftpd'
          ? [
              from,
              '--config',
              'vsftpd.conf',
              '--user-config-dir',
              'options',
              '--virtual-users',
              'pairs',
              '--pwdfile',
              'passwd',
            ]
          : [from, '--users', 'passwd', '--root', '/home'],
      )
      servers.push(server)
      for (const name of [...Object.keys(hashes), ...(from === 'vsftpd' ? ['pair'] : [])]) {
        expect({ name, code: await loginCode(server, name, secret) }).toEqual({ name, code: 230 })
        expect({ name, code: await loginCode(server, name, 'another') }).toEqual({ name, code: 530 })
      }
      expect(await loginCode(server, 'locked', secret)).toBe(530)
    },
  )
})
