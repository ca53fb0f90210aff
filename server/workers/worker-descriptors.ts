/** What a worker process is given to begin with, and where it finds it. Pure. */

export type WorkerDescriptors = {
  /** What uploads lock; without any, the supervisor is asked. */
  readonly lockFiles: readonly number[]
  /** What control connections come by; without it, they come by the channel. */
  readonly sockets: number | undefined
}

/** In the order in which the process gets them, behind its standard streams and the channel. */
export function inOrder({ lockFiles, sockets }: WorkerDescriptors): readonly number[] {
  return sockets === undefined ? lockFiles : [...lockFiles, sockets]
}

/** Arguments by which the process finds them. */
export function argumentsFor({ lockFiles, sockets }: WorkerDescriptors): readonly string[] {
  return [String(lockFiles.length), sockets === undefined ? '0' : '1']
}

/** As the process has them; without arguments it has none. */
export function descriptorsGiven([lockFiles = '0', sockets = '0']: readonly string[]): WorkerDescriptors {
  const count = Number(lockFiles)
  return {
    lockFiles: Array.from({ length: count }, (_, index) => behindChannel + index),
    sockets: sockets === '1' ? behindChannel + count : undefined,
  }
}

const behindChannel = 4
