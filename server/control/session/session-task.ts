/** A command that takes its time: it runs while the control connection waits, and the client is told that it goes on. */
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../../storage/storage.ts'
import { type Reply, reply, storageReply } from '../reply.ts'

export type Task = {
  readonly path: string
  /** Counts in `progress` whatever it does, and ends soon once the signal is aborted. May reject with a StorageError. */
  readonly run: (signal: AbortSignal, progress: { bytes: number }) => Promise<Reply>
  /** Begins a reply of several lines where the client has to wait; the task's own reply is its last line then. */
  readonly waiting?: Reply
  /** The reply where the task ends early, with what it has done until then. */
  readonly cutShort?: (answer: Reply) => Reply
}

export type TaskOptions = {
  readonly signal: AbortSignal
  readonly progress: { bytes: number }
  /** Ends the task when nothing was done for so long. */
  readonly stallTimeoutSeconds: number
  /** Sends a line that others of the same reply follow. */
  readonly sendLine: (line: Reply) => Promise<void> | undefined
  readonly waitingMilliseconds?: number
}

const interrupted = reply(426, 'The command was aborted.')

/** FileZilla gives up after 20 seconds, others after 10. */
const waitingMilliseconds = 5000

/** Runs a task to its end; what hangs is left behind. Rejects for defects only. */
export async function runTask(task: Task, options: TaskOptions): Promise<Reply> {
  const cutShort = (answer: Reply): Reply => task.cutShort?.(answer) ?? answer
  const stop = new AbortController()
  const ended = new AbortController()
  const work = task.run(AbortSignal.any([options.signal, stop.signal]), options.progress)
  const answered = work
    .catch(error => cutShort(answerTo(error)))
    .then(answer => (options.signal.aborted ? cutShort(interrupted) : answer))
  try {
    const begun = { lines: 0 }
    const answer = await Promise.race([
      answered,
      aborted(options.signal, work, ended.signal).then(cutShort),
      stalled(options, ended.signal).then(cutShort),
      sayWaiting(task.waiting, options, begun, ended.signal),
    ])
    // RFC 959 section 4.2: the last line has the code of the first.
    return begun.lines === 0 || task.waiting === undefined ? answer : reply(task.waiting.code, answer.lines[0])
  } finally {
    stop.abort()
    ended.abort()
    answered.catch(() => undefined)
  }
}

function answerTo(error: unknown): Reply {
  if (error instanceof StorageError) return storageReply(error.kind)
  throw error
}

/** How long a task that is to end is waited for: what comes next should not meet it. */
const patienceMilliseconds = 2000

async function aborted(signal: AbortSignal, work: Promise<unknown>, over: AbortSignal): Promise<Reply> {
  await new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { signal: over })
  })
  await Promise.race([work.catch(() => undefined), pause(patienceMilliseconds, over)])
  return interrupted
}

async function stalled({ progress, stallTimeoutSeconds }: TaskOptions, over: AbortSignal): Promise<Reply> {
  for (let done = -1; done !== progress.bytes; ) {
    done = progress.bytes
    await pause(stallTimeoutSeconds * 1000, over)
  }
  return storageReply('failed')
}

/** Never resolves. */
async function sayWaiting(
  line: Reply | undefined,
  { sendLine, waitingMilliseconds: milliseconds = waitingMilliseconds }: TaskOptions,
  begun: { lines: number },
  over: AbortSignal,
): Promise<never> {
  if (line === undefined) return await new Promise<never>(() => {})
  for (;;) {
    await pause(milliseconds, over)
    begun.lines += 1
    await sendLine(line)
  }
}

/** Never resolves once it is over. */
async function pause(milliseconds: number, over: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: over }).catch(() => new Promise(() => {}))
}
