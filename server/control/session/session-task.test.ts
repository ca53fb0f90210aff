import { expect, test } from 'vitest'
import { StorageError } from '../../storage/storage.ts'
import { type Reply, reply } from '../reply.ts'
import { runTask, type Task, type TaskOptions } from './session-task.ts'

const done = reply(250, 'Done.')
const waiting = reply(250, 'Wait.')

function started(task: Partial<Task>, options: Partial<TaskOptions> = {}) {
  const lines: Reply[] = []
  const abort = new AbortController()
  const answer = runTask(
    { path: '/file', run: async () => done, ...task },
    {
      signal: abort.signal,
      progress: { bytes: 0 },
      stallTimeoutSeconds: 60,
      sendLine: line => void lines.push(line),
      waitingMilliseconds: 5,
      ...options,
    },
  )
  return { answer, lines, abort }
}

test('A task answers with its own reply, and without a line where it is quick', async () => {
  const { answer, lines } = started({ waiting }, { waitingMilliseconds: 60_000 })
  expect(await answer).toEqual(done)
  expect(lines).toEqual([])
})

test('A task that takes long sends lines, and then ends the reply that they have begun, whatever has become of it', async () => {
  for (const ending of ['done', 'failed'] as const) {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const sent = Promise.withResolvers<void>()
    const { answer, lines } = started(
      { waiting, run: () => promise },
      {
        sendLine: line => {
          if (lines.push(line) === 3) sent.resolve()
          return undefined
        },
      },
    )
    await sent.promise
    if (ending === 'done') resolve(reply(251, 'At last.'))
    else reject(new StorageError('no-space'))
    const text = ending === 'done' ? 'At last.' : 'Insufficient storage space.'
    expect(await answer).toEqual(reply(250, text))
  }
})

test('A task without such a line says nothing, and its failure has a code of its own', async () => {
  const { answer, lines } = started({
    run: async () => {
      throw new StorageError('forbidden')
    },
  })
  expect((await answer).code).toBe(550)
  expect(lines).toEqual([])
})

test('A task that is aborted is told, waited for, and answered with 426 though it comes to an end', async () => {
  const { answer, abort } = started({
    run: async signal => {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      return done
    },
  })
  abort.abort()
  expect((await answer).code).toBe(426)
})

test('A task that does nothing any more is left behind, and told to end', async () => {
  const progress = { bytes: 0 }
  let told: AbortSignal | undefined
  const { answer } = started(
    {
      run: signal => {
        told = signal
        progress.bytes = 7
        return new Promise(() => {})
      },
    },
    { stallTimeoutSeconds: 0.005, progress },
  )
  expect((await answer).code).toBe(451)
  expect(told?.aborted).toBe(true)
})

test('A defect is not taken for a failure of the storage', async () => {
  const { answer } = started({ run: () => Promise.reject(new TypeError('a defect')) })
  await expect(answer).rejects.toThrow('a defect')
})

test.each(['fails', 'is aborted', 'stands still'] as const)(
  'A task that %s tells what it has done until then',
  async how => {
    const { answer, abort } = started(
      {
        run: async () =>
          how === 'fails' ? Promise.reject(new StorageError('no-space')) : new Promise<never>(() => {}),
        cutShort: ({ code, lines: [reason] }) => reply(code, reason, 'Half.'),
      },
      { stallTimeoutSeconds: how === 'stands still' ? 0.01 : 60 },
    )
    if (how === 'is aborted') abort.abort()
    const told = {
      fails: reply(452, 'Insufficient storage space.', 'Half.'),
      'is aborted': reply(426, 'The command was aborted.', 'Half.'),
      'stands still': reply(451, 'Local error in processing.', 'Half.'),
    }
    expect(await answer).toEqual(told[how])
  },
)
