/** Files that uploads write to, as all processes of a server know of them: each is a lock on one byte of a file in memory that they share. The kernel gives back what a process had when that is gone. */
import { hash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { loadLibrary, type NativeCall } from '../../../data/kernel/native.ts'
import { descriptorDirectory } from '../tree/pin.ts'

/** What one process has locked. Two of these never have the same. */
export class UploadLocks {
  readonly #files: readonly number[]
  readonly #call: NativeCall
  readonly #lock = Buffer.alloc(lockBytes)

  /** By the descriptors of `createLockFiles`, which stay the caller's. Throws where the system has no such locks, as gVisor has not. */
  constructor(descriptors: readonly number[]) {
    this.#call = loadLibrary().func('int fcntl(int descriptor, int command, _Inout_ uint8_t *lock)')
    this.#files = openedAnew(descriptors)
    if (this.#ask(getLock, writeLock, '') === 0) return
    this.close()
    throw new Error('files can’t be locked')
  }

  /** Takes the file; false if another process has it, or the kernel has no memory for more locks. */
  lock(identity: string): boolean {
    return this.#ask(setLock, writeLock, identity) === 0
  }

  /** Whether another process has the file. */
  isLocked(identity: string): boolean {
    return this.#ask(getLock, writeLock, identity) !== 0 || this.#lock.readInt16LE(at.type) !== unlock
  }

  unlock(identity: string): void {
    this.#ask(setLock, unlock, identity)
  }

  close(): void {
    for (const file of this.#files) closeSync(file)
  }

  #ask(command: number, type: number, identity: string): number {
    // A name comes from a client: one that had the place of another by intention would keep it busy.
    const digest = hash('sha256', identity, 'buffer')
    const lock = this.#lock.fill(0)
    lock.writeInt16LE(type, at.type)
    // Offsets have a sign, and the end must not be beyond the last.
    lock.writeUInt32LE(digest.readUInt32LE(0), at.start)
    lock.writeUInt32LE(digest.readUInt32LE(4) & 0x3fff_ffff, at.start + 4)
    lock.writeUInt32LE(1, at.length)
    return this.#call(this.#files[digest.readUInt32LE(8) % this.#files.length], command, lock)
  }
}

/** Who shares a description with somebody shares the locks as well. */
function openedAnew(descriptors: readonly number[]): readonly number[] {
  const opened: number[] = []
  try {
    for (const descriptor of descriptors) opened.push(openSync(`${descriptorDirectory}/${descriptor}`, 'r+'))
    return opened
  } catch (error) {
    for (const descriptor of opened) closeSync(descriptor)
    throw error
  }
}

/** Descriptors to be handed to other processes. Throws where there can't be such files. */
export function createLockFiles(): readonly number[] {
  const create = loadLibrary().func('int memfd_create(const char *name, unsigned int flags)')
  const created: number[] = []
  while (created.length < lockFiles) {
    let descriptor = create(fileName, closeOnExec | neverExecuted)
    // Before Linux 6.3 nobody understands the other flag, which some systems want since.
    if (descriptor < 0) descriptor = create(fileName, closeOnExec)
    if (descriptor < 0) {
      closeLockFiles(created)
      throw new Error('memfd_create failed')
    }
    created.push(descriptor)
  }
  return created
}

/** Other processes keep theirs. */
export function closeLockFiles(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) closeSync(descriptor)
}

// Linux looks at all locks of a file, one after the other: with 32 files, a thousand uploads at once cost a microsecond or two.
const lockFiles = 32

// <linux/memfd.h>
const fileName = 'ftp-uploads'
const [closeOnExec, neverExecuted] = [1, 8]

// <fcntl.h> of Linux: locks of an open file description, and struct flock with 64 bits.
const [getLock, setLock] = [36, 37]
const [writeLock, unlock] = [1, 2]
const lockBytes = 32
const at = { type: 0, start: 8, length: 16 } as const
