import { describe, expect, it } from 'vitest'
import { ChunkQueue } from './chunk-queue.ts'

function gate() {
  const waiting: (() => void)[] = []
  return {
    pass: () => new Promise<void>(resolve => waiting.push(resolve)),
    open: () => waiting.shift()?.(),
    waiting,
  }
}

async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

describe('ChunkQueue', () => {
  it('gives the first chunk at once and what comes meanwhile as one', async () => {
    const { pass, open } = gate()
    const given: string[] = []
    const queue = new ChunkQueue(
      async bytes => {
        given.push(Buffer.from(bytes).toString())
        await pass()
      },
      () => {},
    )
    for (const text of ['one', 'two', 'three']) queue.add(Buffer.from(text))
    expect(given).toEqual(['one'])
    open()
    await turn()
    expect(given).toEqual(['one', 'twothree'])
    open()
    await queue.idle()
  })

  it('says when it is full, and calls back when there is room', async () => {
    const { pass, open } = gate()
    let room = 0
    const queue = new ChunkQueue(pass, () => room++)
    const chunk = Buffer.alloc(65_536)
    expect([1, 2, 3, 4, 5].map(() => queue.add(chunk))).toEqual(['room', 'room', 'room', 'room', 'full'])
    expect(room).toBe(0)
    open()
    await turn()
    expect(room).toBe(1)
    open()
    await queue.idle()
  })

  it('reports the failure of its consumer once and takes nothing after it', async () => {
    let calls = 0
    const failures: Error[] = []
    const queue = new ChunkQueue(
      async () => {
        calls++
        throw new Error('disk full')
      },
      () => {},
    )
    queue.onFailure = error => failures.push(error)
    queue.add(Buffer.from('a'))
    queue.add(Buffer.from('b'))
    await queue.idle()
    expect(queue.add(Buffer.from('c'))).toBe('full')
    expect([calls, failures.length]).toEqual([1, 1])
    expect(() => queue.throwIfFailed()).toThrow('disk full')
  })
})
