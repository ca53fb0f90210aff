/** The subcommand `hash-password`: a password from the terminal or a pipe, its hash to stdout. */
import { addAbortSignal, type Readable, type Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { type HashAlgorithm, hashAlgorithms, hashPassword } from './password.ts'
import { maxPasswordBytes } from './password-hash.ts'

export type HashPasswordStreams = {
  /** As `process.stdin`. A terminal is asked twice, without echo; from anything else the first line is taken. */
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown }
  /** Gets the hash and nothing else. */
  readonly output: Writable
  /** Gets questions and errors. */
  readonly error: Writable
  /** What stands after `hash-password`. */
  readonly argv: readonly string[]
}

const usage = `Usage: ftp-server hash-password [--algorithm ${hashAlgorithms.join('|')}]

Reads a password, from the terminal (asked twice, not shown) or one line from a pipe,
and prints its hash for the field passwordHash of a user. The default is argon2id.
`

const timeoutMilliseconds = 600_000

/** The exit code: 0, 1 if there is no password to hash, 2 if the arguments are wrong, 130 if interrupted. */
export async function hashPasswordCommand({ input, output, error, argv }: HashPasswordStreams): Promise<number> {
  const options = readOptions(argv)
  if (options === 'help') {
    output.write(usage)
    return 0
  }
  if (options === 'wrong') {
    error.write(usage)
    return 2
  }
  const fail = (message: string) => {
    error.write(`${message}\n`)
    return 1
  }
  const answer = await readPassword(input, error)
  if (answer === interrupted) return 130
  if (answer === different) return fail('The two passwords are not the same.')
  if (answer === undefined) return fail('There is no password: the input has ended.')
  if (answer === '') return fail('The password must not be empty.')
  if (Buffer.byteLength(answer) > maxPasswordBytes) {
    return fail(`The password must have at most ${maxPasswordBytes} bytes.`)
  }
  output.write(`${await hashPassword(answer, options.algorithm)}\n`)
  return 0
}

function readOptions(argv: readonly string[]): { readonly algorithm: HashAlgorithm } | 'help' | 'wrong' {
  try {
    const options = {
      algorithm: { type: 'string', default: 'argon2id' },
      help: { type: 'boolean', short: 'h' },
    } as const
    const { values } = parseArgs({ args: [...argv], options })
    const algorithm = hashAlgorithms.find(name => name === values.algorithm)
    if (values.help === true) return 'help'
    return algorithm === undefined ? 'wrong' : { algorithm }
  } catch {
    return 'wrong'
  }
}

const interrupted = Symbol('interrupted')
const different = Symbol('different')

async function readPassword(input: HashPasswordStreams['input'], prompts: Writable) {
  input.setEncoding('utf8')
  addAbortSignal(AbortSignal.timeout(timeoutMilliseconds), input)
  const terminal = input.isTTY === true
  const characters = charactersOf(input)
  try {
    if (terminal) input.setRawMode?.(true)
    if (!terminal) return await readLine(characters)
    const first = await ask('Password: ', characters, prompts)
    if (typeof first !== 'string' || first === '') return first
    const second = await ask('Again: ', characters, prompts)
    return second === first || typeof second === 'symbol' ? second : different
  } finally {
    if (terminal) input.setRawMode?.(false)
    input.pause()
  }
}

async function* charactersOf(input: Readable): AsyncGenerator<string, undefined> {
  try {
    for await (const chunk of input.iterator({ destroyOnReturn: false })) yield* String(chunk)
  } catch {
    // A broken or overdue input is one that has ended.
  }
}

async function ask(question: string, characters: AsyncGenerator<string, undefined>, prompts: Writable) {
  prompts.write(question)
  const answer = await readTerminalLine(characters)
  prompts.write('\n')
  return answer
}

/** A terminal in raw mode leaves editing to the program. Undefined if the input ends. */
async function readTerminalLine(characters: AsyncGenerator<string, undefined>) {
  let line: readonly string[] = []
  for (;;) {
    const { value: character } = await characters.next()
    switch (character) {
      case undefined:
      case '\u0004': // Control-D
        return undefined
      case '\u0003': // Control-C
        return interrupted
      case '\r':
      case '\n':
        return line.join('')
      case '\b':
      case '\u007f':
        line = line.slice(0, -1)
        break
      case '\u0015': // Control-U
        line = []
        break
      default:
        if (line.length <= maxPasswordBytes) line = [...line, character]
    }
  }
}

/** The first line without its end; undefined if there is none. */
async function readLine(characters: AsyncGenerator<string, undefined>): Promise<string | undefined> {
  let line = ''
  for (;;) {
    const { value: character } = await characters.next()
    if (character === undefined) return line === '' ? undefined : line
    if (character === '\n') return line.replace(/\r$/, '')
    if (line.length <= maxPasswordBytes) line += character
  }
}
