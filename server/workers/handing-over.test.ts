import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import { HandingOver } from './handing-over.ts'

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** A process that keeps whatever it gets. */
async function worker(): Promise<ChildProcess> {
  const program =
    'const kept = []; process.on("message", (message, socket) => kept.push(socket)); process.send("ready")'
  const child = spawn(process.execPath, ['--eval', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  children.push(child)
  await once(child, 'message')
  return child
}

/** Gives a process connections whose other ends are here. */
async function handOver(child: ChildProcess, count: number) {
  const handingOver = new HandingOver({ child, descriptors: undefined, onFailed: () => undefined })
  const closed = { count: 0 }
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  for (let index = 0; index < count; index += 1) {
    const client = connect(port, '127.0.0.1')
    client.on('error', () => undefined)
    client.on('close', () => (closed.count += 1)).resume()
    const [socket] = (await once(listener, 'connection')) as [Socket]
    handingOver.giveRelayed(20_000, new FirstBytes(socket).hold(), '127.0.0.1')
  }
  listener.close()
  return { handingOver, closed }
}

const descriptors = () => readdirSync('/proc/self/fd').length

test('Relayed connections end with the worker that has not taken them', async () => {
  const child = await worker()
  child.kill('SIGSTOP')
  const before = descriptors()
  const { handingOver, closed } = await handOver(child, 4)
  child.kill('SIGKILL')
  await once(child, 'exit')
  handingOver.close()
  await eventually(() => closed.count === 4, 'all have ended')
  await eventually(() => descriptors() <= before, 'nothing of them is left')
})

test('Relayed connections that a worker has taken are its own', async () => {
  const child = await worker()
  const before = descriptors()
  const { handingOver, closed } = await handOver(child, 4)
  // The other ends are here.
  await eventually(() => descriptors() === before + 4, 'all were taken')
  handingOver.close()
  child.kill('SIGKILL')
  await eventually(() => closed.count === 4, 'all have ended')
})
