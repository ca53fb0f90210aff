/** A storage that fails: full, read-only, gone, or out of descriptors. Each has a clear reply, and recovers without a restart. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { mayMount } from '../support/mounting.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

const megabyte = 1_048_576
const cleanups: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(options: Parameters<typeof startServer>[0] = {}): Promise<TestServer> {
  const server = await startServer(options)
  cleanups.push(() => server.stop())
  return server
}

async function logIn(port: number, user?: string): Promise<FtpClient> {
  const client = await FtpClient.connect(port)
  cleanups.push(() => client.close())
  await client.login(user)
  await client.send('TYPE I')
  return client
}

/** A directory on a file system of its own, where that may be had. */
async function makeRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'ftp-operator-faults-'))
  cleanups.push(() => rm(root, { recursive: true }))
  if (!mayMount) return root
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', root])
  cleanups.push(() => void execFileSync('umount', ['--lazy', root]))
  return root
}

describe('A full disk', () => {
  if (!mayMount) process.stderr.write('SKIPPED: the test of a full disk needs the right to mount a tmpfs.\n')

  test.runIf(mayMount)('ends an upload with 452, keeps what fitted, and takes it all once there is room', async () => {
    const root = await makeRoot()
    const server = await startServerProcess({ root })
    cleanups.push(() => server.dispose())
    const client = await logIn(server.port)
    const bytes = randomBytes(3 * megabyte)
    expect((await client.upload('STOR ballast', bytes)).end.code).toBe(226)
    expect((await client.upload('STOR file', bytes)).end.code).toBe(452)
    expect((await client.upload('STOR other', bytes)).end.code).toBe(452)
    expect((await client.upload('STOU', bytes)).end.code).toBe(452)
    const { size } = await stat(join(root, 'file'))
    expect(size).toBeGreaterThan(megabyte / 2)
    expect((await client.download('LIST')).end.code).toBe(226)
    expect((await client.send('DELE ballast')).code).toBe(250)
    expect((await client.send(`REST ${size}`)).code).toBe(350)
    expect((await client.upload('STOR file', bytes.subarray(size))).end.code).toBe(226)
    expect((await readFile(join(root, 'file'))).equals(bytes)).toBe(true)
    expect(server.output().stdout).not.toContain('"fault"')
  })
})

describe('A directory that may not be written to', () => {
  test('refuses what writes with 550 and serves what reads', async () => {
    const root = await makeRoot()
    await mkdir(join(root, 'locked'))
    const server = await startServerProcess({ root })
    cleanups.push(() => server.dispose())
    const client = await logIn(server.port)
    expect((await client.upload('STOR locked/file', 'content')).end.code).toBe(226)
    await setWritable(root, false)
    for (const command of ['DELE locked/file', 'MKD locked/new']) {
      expect(await client.send(command)).toMatchObject({ code: 550 })
    }
    await client.send('RNFR locked/file')
    expect((await client.send('RNTO locked/moved')).code).toBe(550)
    for (const command of ['STOR locked/other', 'STOU locked/other', 'APPE locked/other']) {
      expect(await client.upload(command, 'x')).toMatchObject({ opening: { code: 550 } })
    }
    expect((await client.download('RETR locked/file')).bytes.toString()).toBe('content')
    expect((await client.download('MLSD locked')).bytes.toString()).toContain('; file\r\n')
    await setWritable(root, true)
    expect((await client.send('DELE locked/file')).code).toBe(250)
  })
})

describe('A root that is not there', () => {
  test('refuses the login with 530, and lets in once it is there', async () => {
    const server = await start()
    await rename(server.root, `${server.root}-away`)
    const client = await FtpClient.connect(server.port)
    cleanups.push(() => client.close())
    await expect(client.login()).rejects.toThrow('Not logged in: 530')
    await rename(`${server.root}-away`, server.root)
    await client.login()
  })

  test('answers a session that was there with 550 or 451 until it is back', async () => {
    const server = await start({ users: [simpleUser('alice', { home: '/alice' })] })
    const client = await logIn(server.port)
    await client.upload('STOR file', 'content')
    await rm(join(server.root, 'alice'), { recursive: true })
    expect([450, 451, 550]).toContain((await client.download('RETR file')).opening.code)
    expect([450, 451, 550]).toContain((await client.upload('STOR file', 'x')).opening.code)
    expect((await client.send('NOOP')).code).toBe(200)
    const again = await logIn(server.port)
    expect((await again.upload('STOR file', 'new')).end.code).toBe(226)
    expect(server.log().filter(({ msg }) => msg === 'fault')).toEqual([])
  })
})

describe('A process without descriptors left', () => {
  test('answers with 4xx, stays alive, and serves again as soon as there are some', async () => {
    const server = await startServerProcess({ maxDescriptors: 64 })
    cleanups.push(() => server.dispose())
    const client = await logIn(server.port)
    expect((await client.upload('STOR file', 'content')).end.code).toBe(226)
    const crowd: Socket[] = []
    await eventually(async () => {
      for (let count = 0; count < 20; count += 1) {
        const socket = connect({ port: server.port, host: '127.0.0.1' })
        socket.on('error', () => undefined)
        crowd.push(socket)
      }
      if ((await client.send('EPSV')).code === 425) return true
      // Its descriptor is for one of the crowd.
      await client.send('ABOR')
      return false
    }, 'all descriptors are used')
    for (const command of ['SIZE file', 'MLST file', 'STAT file', 'MKD new', 'PASV']) {
      const { code } = await client.send(command)
      // Some need no descriptor.
      expect(code >= 200 && code < 500, `${command}: ${code}`).toBe(true)
    }
    expect((await client.send('NOOP')).code).toBe(200)
    const warnings = () => server.output().stdout.match(/no descriptors left/g) ?? []
    // What a process at rest does meanwhile, once a second, has to do without as well.
    await eventually(() => warnings().length >= 3, 'the log has told of it for some seconds', 20_000)
    for (const socket of crowd) socket.destroy()
    await eventually(async () => (await server.descriptors()).others < 40, 'descriptors are free again')
    expect((await client.download('RETR file')).bytes.toString()).toBe('content')
    expect((await (await logIn(server.port)).upload('STOR other', 'content')).end.code).toBe(226)
    expect(await (await server.probe('/metrics')).text()).toMatch(/^ftp_descriptors_exhausted_seconds_total [1-9]/m)
    expect(server.output().stderr).toBe('')
    expect(server.output().stdout).not.toContain('"fault"')
  })
})

/** Permissions mean nothing to root, but a file system that is mounted read-only does. */
async function setWritable(root: string, writable: boolean): Promise<void> {
  if (mayMount) execFileSync('mount', ['-o', `remount,${writable ? 'rw' : 'ro'}`, root])
  else await chmod(join(root, 'locked'), writable ? 0o755 : 0o555)
}
