/** Control connections for tests, closed when the test that opened them ends. */
import { onTestFinished } from 'vitest'
import { FtpClient } from './ftp-client.ts'
import { freePort, startServer, type TestServer, type TestServerOptions } from './server.ts'

type Where = Pick<TestServer, 'port'>

/** Greeted, and nothing more. */
export async function connected({ port }: Where, host = '127.0.0.1'): Promise<FtpClient> {
  const client = await FtpClient.connect(port, host)
  onTestFinished(() => client.close())
  return client
}

/** Logged in, in clear text. */
export async function loggedIn(server: Where, user = 'alice', host = '127.0.0.1'): Promise<FtpClient> {
  const client = await connected(server, host)
  await client.login(user)
  return client
}

/** Logged in under TLS; data connections are private. */
export async function secured(server: Where, user = 'alice'): Promise<FtpClient> {
  const client = await connected(server)
  await client.loginSecurely({}, user)
  return client
}

/** A server of one test. */
export async function temporaryServer(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startServer(options)
  onTestFinished(() => server.stop())
  return server
}

/** For `server.listeners`: one listener of another TLS mode. */
export async function listenerWith(
  tls: 'disabled' | 'required' | 'implicit',
): Promise<readonly Record<string, unknown>[]> {
  const address = '127.0.0.1'
  return [{ name: 'ftp', port: await freePort(address), addresses: [address], tls }]
}
