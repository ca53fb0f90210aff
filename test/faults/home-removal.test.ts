/** A server that is killed while it removes a home goes on with it, and with nothing else. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { removedHomesFile } from '../../server/config/schema/removed-homes.ts'
import { eventually } from '../support/eventually.ts'
import { simpleUser } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

const files = 4000

async function filledRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'ftp-operator-home-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  for (const home of ['alice', 'bob']) {
    for (const directory of ['one', 'two/deep']) {
      mkdirSync(join(root, home, directory), { recursive: true })
      for (let index = 0; index < files / 2; index += 1) writeFileSync(join(root, home, directory, `${index}`), '')
    }
  }
  return root
}

const left = (directory: string) => readdirSync(directory, { recursive: true }).length

test.each([1, 2])('after SIGKILL it is removed to the end, with workers: %i', { timeout: 300_000 }, async workers => {
  const root = await filledRoot()
  const [home, other] = [join(root, 'alice'), join(root, 'bob')]
  const options = {
    root,
    server: { workers },
    users: [simpleUser('bob', { home: '/bob' })],
    files: { [removedHomesFile]: JSON.stringify({ homes: [{ id: 'one', user: 'alice', home: '/alice' }] }) },
  }
  const whole = left(other)
  let cut = 0
  for (let round = 0; round < 2; round += 1) {
    const before = left(home)
    const server = await startServerProcess(options)
    await eventually(() => left(home) < before - 100, 'it is being removed')
    server.signal('SIGKILL')
    await server.exited
    await server.dispose()
    // Otherwise nothing was tried.
    if (existsSync(home)) cut += 1
  }
  expect(cut).toBe(2)
  const server = await startServerProcess(options)
  onTestFinished(() => server.dispose())
  const order = async () => (await server.status()).removedHomes[0]
  await eventually(async () => (await order())?.state === 'removed', 'it is gone', 30_000)
  expect(existsSync(home)).toBe(false)
  expect(left(other)).toBe(whole)
})

test('SIGTERM does not wait for it', async () => {
  const root = await filledRoot()
  const server = await startServerProcess({
    root,
    users: [],
    files: { [removedHomesFile]: JSON.stringify({ homes: [{ id: 'one', user: 'alice', home: '/alice' }] }) },
  })
  onTestFinished(() => server.dispose())
  const all = left(join(root, 'bob'))
  await eventually(() => left(join(root, 'alice')) < all - 100, 'it is being removed')
  server.signal('SIGTERM')
  expect(await server.exited).toBe(0)
  expect(existsSync(join(root, 'alice'))).toBe(true)
})
