/** A reload that asks for an address somebody else has: all else is in force, and the status says what is not. */
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { freePort, startServer, type TestServer } from '../support/server.ts'
import { takePort } from '../support/taken-port.ts'

const cleanups: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(): Promise<TestServer> {
  const server = await startServer()
  cleanups.push(() => server.stop())
  return server
}

function settings(server: TestServer, more: Record<string, unknown>): Record<string, unknown> {
  return {
    listeners: [{ name: 'ftp', port: server.port, addresses: ['127.0.0.1'] }],
    probes: { port: server.probesPort, addresses: ['127.0.0.1'] },
    root: server.root,
    ...more,
  }
}

async function metric(server: TestServer, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await response.text())?.[1])
}

describe('A listener whose port somebody else has', () => {
  test('is a problem in the status, the others are served, and it is opened as soon as it can be', async () => {
    const server = await start()
    const taken = await takePort()
    const listeners = [
      { name: 'ftp', port: server.port, addresses: ['127.0.0.1'] },
      { name: 'second', port: taken.port, addresses: ['127.0.0.1'] },
    ]
    await server.reconfigure('server.yaml', settings(server, { listeners, banner: 'changed' }))
    const { problems } = await eventually(async () => {
      const status = await server.status()
      return status.problemCount === 1 && status
    }, 'the status names it')
    expect(problems[0]).toMatchObject({ file: 'server.yaml', path: 'listeners[1].port' })
    expect(problems[0]?.message).toContain(`127.0.0.1 port ${taken.port}`)
    expect(await metric(server, 'ftp_configuration_problems')).toBe(1)
    const client = await FtpClient.open(server.port)
    expect((await client.reply()).text).toBe('changed')
    client.close()

    await new Promise(resolve => taken.server.close(resolve))
    const second = await eventually(() => FtpClient.connect(taken.port), 'the second listener is there')
    second.close()
    await eventually(async () => (await server.status()).problemCount === 0, 'there is no problem any more')
    expect(await metric(server, 'ftp_configuration_problems')).toBe(0)
    expect(server.log().filter(({ msg }) => msg === 'all ports are open')).toHaveLength(1)
    expect(server.log().filter(({ msg }) => msg === 'fault')).toEqual([])
  })
})

describe('Probes', () => {
  test('stay where they are if the new port is somebody else’s, until it is free', async () => {
    const server = await start()
    const taken = await takePort()
    const probes = { port: taken.port, addresses: ['127.0.0.1'] }
    await server.reconfigure('server.yaml', settings(server, { probes }))
    await eventually(async () => (await server.status()).problems[0]?.path === 'probes.port', 'the status names it')
    expect(server.application.probesPort()).toBe(server.probesPort)
    await new Promise(resolve => taken.server.close(resolve))
    await eventually(() => server.application.probesPort() === taken.port, 'the probes have moved')
    expect((await server.status()).problemCount).toBe(0)
  })

  test('move to another port, and to other addresses of the same port', async () => {
    const server = await start()
    const port = await freePort('127.0.0.1')
    await server.reconfigure('server.yaml', settings(server, { probes: { port, addresses: ['127.0.0.1'] } }))
    await eventually(() => server.application.probesPort() === port, 'the probes have moved')
    await expect(fetch(`http://127.0.0.1:${server.probesPort}/livez`)).rejects.toThrow()
    await server.reconfigure('server.yaml', settings(server, { probes: { port, addresses: ['0.0.0.0'] } }))
    await eventually(async () => (await fetch(`http://127.0.0.9:${port}/livez`)).ok, 'the probes are at all addresses')
    await server.reconfigure('server.yaml', settings(server, { probes: { enabled: false } }))
    await eventually(() => server.application.probesPort() === undefined, 'there are no probes')
  })
})
