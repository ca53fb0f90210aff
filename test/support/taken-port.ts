/** A port at 127.0.0.1 that another program has. */
import { type AddressInfo, createServer, type Server } from 'node:net'
import { onTestFinished } from 'vitest'

/** The test may close its server before the test ends. */
export async function takePort(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  // A server that listens on TCP has an address of this kind.
  return { server, port: (server.address() as AddressInfo).port }
}
