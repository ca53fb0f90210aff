import { readdirSync, readlinkSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createLockFiles, UploadLocks } from '../storage/local/uploads/upload-locks.ts'
import { LockedUploads } from './locked-uploads.ts'
import { SharedLedger, type SharedState } from './shared-state.ts'
import { UploadSharing } from './upload-sharing.ts'

const file = '2049:17'

/** As a worker has it. */
function process(lockFiles: readonly number[], rest: SharedState = new SharedLedger().holder()): SharedState {
  const locks = new UploadLocks(lockFiles)
  return new LockedUploads({ rest, own: new SharedLedger().holder(), locks: () => locks })
}

test('A file is taken once, in a process and in all', () => {
  const lockFiles = createLockFiles()
  const [one, other] = [process(lockFiles), process(lockFiles)]
  expect([one, one, other].map(each => each.claim('upload', file, 1))).toEqual([true, false, false])
  expect([one, other].map(each => each.isClaimed('upload', file))).toEqual([true, true])
  one.release('upload', file)
  expect([one, other].map(each => each.isClaimed('upload', file))).toEqual([false, false])
  // Who was refused has nothing.
  expect(other.claim('upload', file, 1)).toBe(true)
  expect(one.claim('upload', file, 1)).toBe(false)
})

test('All but uploads is for others to decide', () => {
  const ledger = new SharedLedger()
  const lockFiles = createLockFiles()
  const [one, other] = [process(lockFiles, ledger.holder()), process(lockFiles, ledger.holder())]
  expect([one, other].map(each => each.claim('transfer', 'all', 1))).toEqual([true, false])
  expect(other.isClaimed('transfer', 'all')).toBe(true)
  one.release('transfer', 'all')
  expect(other.claim('transfer', 'all', 1)).toBe(true)
})

test('What the first process writes to already is locked when another one comes', () => {
  const sharing = new UploadSharing(new SharedLedger())
  const [first, beside] = [sharing.holder(), sharing.holder()]
  expect(first.claim('upload', file, 1)).toBe(true)
  const worker = process(sharing.lockFiles)
  expect(worker.claim('upload', file, 1)).toBe(false)
  first.release('upload', file)
  expect(worker.claim('upload', file, 1)).toBe(true)
  expect([first, beside].map(each => each.isClaimed('upload', file))).toEqual([true, true])
  expect(beside.claim('upload', file, 1)).toBe(false)
})

test('What is shared is closed in the end', () => {
  const before = openLockFiles()
  const sharing = new UploadSharing(new SharedLedger())
  const holder = sharing.holder()
  expect(holder.claim('upload', file, 1)).toBe(true)
  expect(openLockFiles()).toBe(before)
  expect(sharing.lockFiles).not.toEqual([])
  expect(openLockFiles()).toBeGreaterThan(before)
  sharing.close()
  expect(openLockFiles()).toBe(before)
  holder.release('upload', file)
  expect(holder.isClaimed('upload', file)).toBe(false)
})

function openLockFiles(): number {
  return readdirSync('/proc/self/fd').filter(isLockFile).length
}

function isLockFile(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).includes('ftp-uploads')
  } catch {
    // That of the directory itself.
    return false
  }
}
