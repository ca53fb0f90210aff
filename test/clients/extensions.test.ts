/** Commands beyond the RFCs as real clients send them: times and links by lftp, copies and checksums by whoever can send what it is told. */
import { createHash } from 'node:crypto'
import { access, mkdir, readFile, readlink, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { roles } from '../../server/config/schema/permissions.ts'
import { announceMissing, describeClient } from '../support/clients/availability.ts'
import { withBasicFtp } from '../support/clients/basic-ftp.ts'
import type { Connection } from '../support/clients/client.ts'
import { findCurl, runCurl } from '../support/clients/curl.ts'
import { findLftp, quote, runLftp } from '../support/clients/lftp.ts'
import { type ClientServer, startClientServer } from '../support/clients/server.ts'
import { simpleUser } from '../support/server.ts'

const [lftp, curl] = await Promise.all([findLftp(), findCurl()])
announceMissing([lftp, curl])
const connection: Connection = { protection: 'explicit TLS 1.3', data: 'EPSV', family: 'IPv4' }
const content = Buffer.from('what is to be found again')
const sha256 = createHash('sha256').update(content).digest('hex')

let server: ClientServer
beforeAll(async () => {
  const permissions = [...roles['read-write'], 'symlink', 'who']
  const otherUsers = ['lftp', 'curl', 'basic-ftp'].map(name => simpleUser(name, { home: `/${name}`, permissions }))
  server = await startClientServer({ users: [], otherUsers, ipv6: false })
})
afterAll(() => server?.stop())

function commandsOf(user: string): ReadonlySet<unknown> {
  return new Set(
    server.log(user).flatMap(({ msg, verb, code }) => (msg === 'command' && Number(code) < 400 ? [verb] : [])),
  )
}

describeClient(lftp, () => {
  it('sets times and permissions by MFF or MFMT, makes links, and removes trees', async () => {
    const { local, home } = await server.directories('lftp')
    await mkdir(join(local, 'tree'))
    await writeFile(join(local, 'tree/file'), content)
    const modified = new Date('2020-02-29T12:34:56Z')
    await utimes(join(local, 'tree/file'), modified, modified)
    await mkdir(join(home, 'old/deep'), { recursive: true })
    await writeFile(join(home, 'old/deep/file'), content)
    const { stdout } = await runLftp(server.target(connection, 'lftp'), [
      `mirror --reverse ${quote(join(local, 'tree'))} tree`,
      'ln -s tree/file link',
      'chmod 640 tree/file',
      'rm -r old',
      'quote HASH tree/file',
      'quote SITE UTIME tree/file 20200101000000 20210203040506 20200101000000 UTC',
    ])
    expect(await readlink(join(home, 'link'))).toBe('tree/file')
    const { mode, mtime } = await stat(join(home, 'tree/file'))
    expect(mode & 0o777).toBe(0o640)
    expect(mtime).toEqual(new Date('2021-02-03T04:05:06Z'))
    expect(stdout).toContain(sha256)
    await expect(access(join(home, 'old'))).rejects.toThrow()
    const sent = commandsOf('lftp')
    expect(sent.has('MFMT') || sent.has('MFF')).toBe(true)
    expect(sent.has('SITE')).toBe(true)
  })
})

describeClient(curl, () => {
  it('sends a copy and a checksum before a download', async () => {
    const { local, home } = await server.directories('curl')
    await writeFile(join(home, 'file'), content)
    const { stderr } = await runCurl(
      server.target(connection, 'curl'),
      [{ do: 'download', remote: 'the copy', local: join(local, 'copy') }],
      ['--quote', 'SITE CPFR file', '--quote', 'SITE CPTO the copy', '--quote', 'XSHA256 "the copy"', '--verbose'],
    )
    expect(await readFile(join(local, 'copy'))).toEqual(content)
    expect(stderr).toContain(`250 ${sha256.toUpperCase()}`)
  })
})

it('basic-ftp reads the replies of HASH, AVBL, DSIZ, COMB and RMDA', async () => {
  const { home } = await server.directories('basic-ftp')
  await mkdir(join(home, 'parts'))
  await writeFile(join(home, 'parts/1'), content.subarray(0, 10))
  await writeFile(join(home, 'parts/2'), content.subarray(10))
  const replies = await withBasicFtp(server.target(connection, 'basic-ftp'), 20_000, async client => {
    const features = await client.features()
    expect(features.get('HASH')).toBe('SHA-256*;SHA-512;SHA-1;MD5;CRC32')
    const said: string[] = []
    for (const line of ['DSIZ parts', 'COMB whole parts/1 parts/2', 'HASH whole', 'RMDA parts', 'SITE WHO']) {
      said.push((await client.send(line)).message)
    }
    expect((await client.send('AVBL')).message).toMatch(/^213 \d+$/)
    return said
  })
  expect(replies.slice(0, 4)).toEqual([
    `213 ${content.length}`,
    '250 2 parts were combined.',
    `213 SHA-256 0-${content.length - 1} ${sha256} whole`,
    '250 Removed, with all that was in it.',
  ])
  expect(replies[4]).toContain('basic-ftp from 127.0.0.1')
  expect(await readFile(join(home, 'whole'))).toEqual(content)
  await expect(access(join(home, 'parts'))).rejects.toThrow()
})
