/** What the server connects to by itself, the sinks of its events, does not choose for it where to, what to keep or for how long. */
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { TestServer } from '../support/server.ts'
import { loggedIn, temporaryServer } from '../support/sessions.ts'

const canary = 'cAnAry-51d0'

async function listening(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

let states = 0

async function telling(
  ...given: readonly Record<string, unknown>[]
): Promise<{ readonly server: TestServer; readonly state: string }> {
  states += 1
  const state = join('/tmp', `ftp-outgoing-${process.pid}-${states}`)
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  const sinks = given.map(sink => ({ name: 'one', maxRetrySeconds: 1, ...sink }))
  return { server: await temporaryServer({ server: { state: { directory: state }, events: { sinks } } }), state }
}

async function store(server: TestServer, ...names: readonly string[]): Promise<void> {
  const client = await loggedIn(server)
  for (const name of names) expect((await client.upload(`STOR ${name}`, 'abc')).end.code).toBe(226)
}

async function metrics({ probesPort }: TestServer): Promise<string> {
  return (await fetch(`http://127.0.0.1:${probesPort}/metrics`)).text()
}

it('is not sent elsewhere by any answer', async () => {
  let elsewhere = 0
  const other = await listening((_, response) => {
    elsewhere += 1
    response.writeHead(200).end()
  })
  const asked = new Map([301, 302, 303, 307, 308].map(status => [status, 0]))
  const sinks = await Promise.all(
    [...asked.keys()].map(async status => {
      const url = await listening((_, response) => {
        asked.set(status, (asked.get(status) ?? 0) + 1)
        response.writeHead(status, { location: `${other}/stolen` }).end()
      })
      return { name: `s${status}`, url }
    }),
  )
  const { server } = await telling(...sinks)
  await store(server, 'a')
  await eventually(() => [...asked.values()].every(times => times >= 2), 'all were tried again')
  expect(elsewhere).toBe(0)
})

it('takes no answer without end, and goes on', async () => {
  let answered = 0
  let closed = 0
  const url = await listening((_, response) => {
    answered += 1
    response.on('close', () => {
      closed += 1
    })
    response.writeHead(200)
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536))) answered += 0
    }
    response.on('drain', more)
    more()
  })
  const { server } = await telling({ url })
  await store(server, 'a', 'b', 'c')
  await eventually(async () => /^ftp_events_sent_total\{sink="one"\} 3$/m.test(await metrics(server)), 'all are taken')
  await eventually(() => closed === 3, 'no answer is read on')
  expect(answered).toBe(3)
})

it('tells nobody the address of a sink, which may hold a secret, nor what its requests are signed with', async () => {
  const secretFile = join('/tmp', `ftp-outgoing-secret-${process.pid}`)
  await writeFile(secretFile, `${canary}\n`)
  onTestFinished(() => rm(secretFile))
  const { server, state } = await telling({ url: `http://127.0.0.1:1/${canary}?token=${canary}`, secretFile })
  await store(server, 'a')
  await eventually(() => server.log().some(({ msg }) => msg === 'event not taken by its sink'), 'it is logged')
  const wrong = { name: 'one', url: `http://user:${canary}@example.com/` }
  const { server: settings } = server.application.server.configuration
  await server.configure('server.yaml', { ...settings, state: { directory: state }, events: { sinks: [wrong] } })
  await eventually(async () => (await server.status()).problemCount > 0, 'the slip is told')
  const told = JSON.stringify([server.log(), await server.status()]) + (await metrics(server))
  expect(told).toContain('events.sinks')
  expect(told).not.toContain(canary)
})
