/** A real proxy in front of control and data connections: HAProxy, with both versions of the PROXY protocol. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { proxyAddress, trusted } from '../support/announced.ts'
import { leaveOut } from '../support/clients/availability.ts'
import { ask, run } from '../support/clients/process.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { freePort, passiveRange, password, type TestServer } from '../support/server.ts'
import { temporaryServer } from '../support/sessions.ts'

const programs = await Promise.all([ask('haproxy', ['-v']), ask('curl', ['--version'])])
const missing = ['haproxy', 'curl'].filter((_, index) => programs[index] === undefined)
/** Where clients find it; the server is at the same ports of 127.0.0.1. */
const front = '127.0.0.2'

type Behind = { readonly server: TestServer; readonly directory: string }

async function behindHaproxy(
  version: 'send-proxy' | 'send-proxy-v2 crc32c',
  tls: 'required' | 'implicit',
): Promise<Behind> {
  const port = await freePort('127.0.0.1')
  const ports = passiveRange(port)
  const server = await temporaryServer({
    server: {
      listeners: [{ name: 'ftp', port, addresses: ['127.0.0.1'], tls, proxyProtocol: trusted }],
      passive: { ports, proxyProtocol: trusted },
      tls: { sessionReuse: 'required' },
    },
  })
  const directory = await mkdtemp(join(tmpdir(), 'haproxy-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const send = version === 'send-proxy' ? 'send-proxy' : 'send-proxy-v2 proxy-v2-options crc32c'
  await writeFile(
    join(directory, 'haproxy.cfg'),
    `
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen ftp
  bind ${front}:${port}
  bind ${front}:${ports.first}-${ports.last}
  # Without a port: the one that the client has connected to.
  server ftp 127.0.0.1 source ${proxyAddress} ${send}
`,
  )
  const child = spawn('haproxy', ['-db', '-f', join(directory, 'haproxy.cfg')], { stdio: 'inherit' })
  onTestFinished(() => ended(child))
  await eventually(async () => {
    const probe = await FtpClient.open(port, front)
    probe.close()
    return true
  }, 'HAProxy listens')
  return { server, directory }
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise(resolve => child.once('exit', resolve))
  if (child.exitCode === null && child.kill('SIGKILL')) await gone
}

if (missing.length > 0) leaveOut(`LEFT OUT: all tests with HAProxy, because ${missing.join(' and ')} can't be found`)
else
  describe('Behind HAProxy', () => {
    it.each([
      ['send-proxy', 'required', ['--disable-epsv', '--no-ftp-skip-pasv-ip']],
      ['send-proxy-v2 crc32c', 'required', []],
      ['send-proxy', 'implicit', []],
      ['send-proxy-v2 crc32c', 'implicit', ['--disable-epsv', '--no-ftp-skip-pasv-ip']],
    ] as const)('curl transfers over TLS, seen with its own address: %s, %s', async (version, tls, options) => {
      const { server, directory } = await behindHaproxy(version, tls)
      const [source, back] = [join(directory, 'source'), join(directory, 'back')]
      await writeFile(source, randomBytes(1_000_003))
      const url = `${tls === 'implicit' ? 'ftps' : 'ftp'}://${front}:${server.port}/file`
      const always = ['--silent', '--show-error', '--fail', '--ssl-reqd', '--insecure', '--tls-max', '1.2']
      const session = [...always, ...options, '--interface', '127.0.0.77', '--user', `alice:${password}`]
      await run('curl', [...session, '--upload-file', source, url])
      await run('curl', [...session, '--output', back, url])
      expect((await readFile(back)).equals(await readFile(source))).toBe(true)
      const logins = server.log().filter(({ msg }) => msg === 'logged in')
      expect(logins.map(({ address }) => address)).toEqual(['127.0.0.77', '127.0.0.77'])
      // The other one has only looked whether HAProxy listens.
      expect(server.log().filter(({ level, address }) => level === 'warn' && address !== '127.0.0.1')).toEqual([])
    })
  })
