import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, readdirSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { closeLockFiles, createLockFiles, UploadLocks } from './upload-locks.ts'

const files = createLockFiles()
const opened: UploadLocks[] = []

function open(): UploadLocks {
  const locks = new UploadLocks(files)
  opened.push(locks)
  return locks
}

afterEach(() => {
  for (const locks of opened.splice(0)) locks.close()
})

describe('A file that is locked', () => {
  test('is so for all others, and free once it is unlocked', () => {
    const [one, other] = [open(), open()]
    expect(one.lock('2049:17')).toBe(true)
    expect(other.lock('2049:17')).toBe(false)
    expect(other.isLocked('2049:17')).toBe(true)
    expect(other.lock('2049:18')).toBe(true)
    expect(one.isLocked('2049:17')).toBe(false)
    one.unlock('2049:17')
    expect(other.isLocked('2049:17')).toBe(false)
    expect(other.lock('2049:17')).toBe(true)
    expect(one.isLocked('2049:17')).toBe(true)
  })

  test('is one among many', () => {
    const [one, other] = [open(), open()]
    const names = Array.from({ length: 2000 }, (_, index) => `2049:${index}`)
    for (const name of names) expect(one.lock(name)).toBe(true)
    for (const name of names) expect(other.lock(name)).toBe(false)
    for (const name of names) one.unlock(name)
    for (const name of names) expect(other.isLocked(name)).toBe(false)
  })

  test('is free when the process that has locked it was killed', async () => {
    const program = `
      import { UploadLocks } from ${JSON.stringify(`${import.meta.dirname}/upload-locks.ts`)}
      const locks = new UploadLocks([3])
      process.send(locks.lock('2049:17'))
      setInterval(() => locks, 1000)`
    const [first = -1] = files
    const locks = new UploadLocks([first])
    opened.push(locks)
    const stdio = ['ignore', 'inherit', 'inherit', first, 'ipc'] as const
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: [...stdio] })
    expect((await once(child, 'message'))[0]).toBe(true)
    expect(locks.lock('2049:17')).toBe(false)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(locks.lock('2049:17')).toBe(true)
  })
})

test('Lock files can be closed once they were opened', () => {
  const own = createLockFiles()
  const [one, other] = [new UploadLocks(own), new UploadLocks(own)]
  opened.push(one, other)
  for (const file of own) closeSync(file)
  expect([one.lock('2049:17'), other.lock('2049:17')]).toEqual([true, false])
})

test('What was opened is closed where not all lock files can be', () => {
  const own = createLockFiles()
  const before = readdirSync('/proc/self/fd').length
  expect(() => new UploadLocks([...own, -1])).toThrow('ENOENT')
  expect(readdirSync('/proc/self/fd').length).toBe(before)
  closeLockFiles(own)
})
