/** Programs that tests run: each with a deadline, after which it is killed, and with everything it said in the error. */
import { spawn } from 'node:child_process'

export type ProcessOptions = {
  /** Given to stdin, which is closed then. */
  readonly input?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly deadlineMilliseconds?: number
}

export type ProcessResult = {
  /** null: killed. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const defaultDeadlineMilliseconds = 25_000

/** Rejects unless the program can be started and ends with 0 before the deadline. */
export async function run(program: string, args: readonly string[], options?: ProcessOptions): Promise<ProcessResult> {
  const result = await execute(program, args, options)
  if (result.code === 0) return result
  const ending = result.code === null ? 'was killed at the deadline' : `ended with ${result.code}`
  throw new Error(`${program} ${ending}:\n${result.stdout}\n${result.stderr}`)
}

/** Resolves however the program ends; rejects only if it cannot be started. */
function execute(program: string, args: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    // The locale decides how clients read and show names; the proxies and files of whoever runs the tests are not for them.
    const environment = { PATH: process.env.PATH, HOME: '/nonexistent', LC_ALL: 'C.UTF-8', ...options.environment }
    const child = spawn(program, args, { env: environment, stdio: 'pipe' })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    // A program that ends without reading its input is judged by its ending.
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input)
    const timer = setTimeout(() => child.kill('SIGKILL'), options.deadlineMilliseconds ?? defaultDeadlineMilliseconds)
    child.once('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', code => {
      clearTimeout(timer)
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() })
    })
  })
}

/** What a program says when asked; undefined where there is no such program, or it fails. */
export async function ask(program: string, args: readonly string[]): Promise<string | undefined> {
  const result = await execute(program, args).catch(() => undefined)
  return result?.code === 0 ? result.stdout : undefined
}
