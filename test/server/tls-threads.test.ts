/** Threads that send under TLS: when they are started. */
import type { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { TlsThreads } from '../../server/tls/openssl/tls-threads.ts'
import { eventually } from '../support/eventually.ts'

it('tries no thread again for ten seconds after one that could not start', async () => {
  let milliseconds = 0
  const broken = new URL('data:text/javascript,throw new Error("no thread")')
  const threads = new TlsThreads({ sender: broken, now: () => milliseconds })
  let started = 0
  let ended = 0
  const onWorker = (worker: Worker): void => {
    started += 1
    worker.once('exit', () => {
      ended += 1
    })
  }
  process.on('worker', onWorker)
  onTestFinished(() => void process.off('worker', onWorker))
  const tried = async (): Promise<number> => {
    expect(threads.take()).toBeUndefined()
    // The event comes in the next tick.
    await new Promise(resolve => setImmediate(resolve))
    await eventually(() => ended === started, 'the end of the thread')
    return started
  }
  expect(await tried()).toBe(1)
  expect(await tried()).toBe(1)
  milliseconds = 9_999
  expect(await tried()).toBe(1)
  milliseconds += 10_000
  expect(await tried()).toBe(2)
})

it('goes without threads where none can be made', () => {
  const threads = new TlsThreads({ sender: new URL('http://localhost/no-file') })
  expect(threads.take()).toBeUndefined()
})
