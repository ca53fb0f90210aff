import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { hashPasswordCommand } from './hash-password-command.ts'
import { createPasswordVerifier } from './password.ts'

type Run = { readonly argv?: readonly string[]; readonly terminal?: boolean; readonly open?: boolean }

async function run(chunks: readonly (string | Buffer)[], { argv = [], terminal = false, open = false }: Run = {}) {
  const rawModes: boolean[] = []
  const input = Object.assign(new PassThrough(), {
    isTTY: terminal,
    setRawMode: (on: boolean) => rawModes.push(on),
  })
  const output = new PassThrough()
  const error = new PassThrough()
  for (const chunk of chunks) input.write(chunk)
  if (!open) input.end()
  const code = await hashPasswordCommand({ input, output, error, argv })
  output.end()
  error.end()
  return { code, output: await text(output), error: await text(error), rawModes }
}

async function isHashOf(output: string, password: string) {
  const verifier = createPasswordVerifier()
  const verdict = await verifier.verify({ kind: 'password-hash', hash: output.trimEnd() }, password)
  await verifier.close()
  return verdict === 'match'
}

describe('From a pipe', () => {
  test.each([
    ['one line', ['secret word\n'], 'secret word'],
    ['a line without end', ['secret'], 'secret'],
    ['a line that ends as on Windows', ['secret\r\n'], 'secret'],
    ['the first of two lines', ['se', 'cret\nother\n'], 'secret'],
    ['spaces at the ends', [' secret \n'], ' secret '],
    ['a letter cut in two', [Buffer.from([0xc3]), Buffer.from([0xa4, 0x0a])], 'ä'],
  ])('%s is hashed', async (_, chunks, password) => {
    const { code, output, error, rawModes } = await run(chunks)
    expect({ code, error, rawModes }).toEqual({ code: 0, error: '', rawModes: [] })
    expect(output).toMatch(/^\$argon2id\$\S+\n$/)
    expect(await isHashOf(output, password)).toBe(true)
  })
  test('The password is not waited for beyond the end of its line', async () => {
    expect(await run(['secret\n'], { open: true })).toMatchObject({ code: 0 })
  })
  test.each([
    ['nothing', '', /no password/],
    ['an empty line', '\n', /must not be empty/],
    ['a line too long', `${'a'.repeat(1025)}\n`, /at most 1024 bytes/],
    ['a line too long that never ends', 'ä'.repeat(10_000), /at most 1024 bytes/],
  ])('%s is refused', async (_, given, reason) => {
    const { code, output, error } = await run([given])
    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(error).toMatch(reason)
  })
})

describe('From a terminal', () => {
  const terminal = { terminal: true, open: true } as const

  test('the password is asked twice, without echo, and only the hash goes to the output', async () => {
    const { code, output, error, rawModes } = await run(['sec', 'ret\r', 'secret\r'], terminal)
    expect({ code, error, rawModes }).toEqual({ code: 0, error: 'Password: \nAgain: \n', rawModes: [true, false] })
    expect(await isHashOf(output, 'secret')).toBe(true)
  })
  test('Backspace takes back one character, Control-U all', async () => {
    const { output } = await run(['wrong\u0015seä\u007f\bcret\b\bet\r', 'scret\r'], terminal)
    expect(await isHashOf(output, 'scret')).toBe(true)
  })
  test.each([
    ['Two different passwords', 'one\rtwo\r', 1, /not the same/],
    ['An empty password', '\r', 1, /must not be empty/],
    ['Control-D', 'sec\u0004', 1, /no password/],
    ['Control-C', 'sec\u0003', 130, /Password: \n$/],
    ['Control-C at the second question', 'secret\r\u0003', 130, /Again: \n$/],
    ['A password too long', `${'a'.repeat(1025)}\r${'a'.repeat(1025)}\r`, 1, /at most 1024 bytes/],
  ])('%s: no hash, and the terminal is as before', async (_, typed, code, error) => {
    const result = await run([typed], terminal)
    expect(result).toMatchObject({ code, output: '', rawModes: [true, false] })
    expect(result.error).toMatch(error)
    expect(result.error).not.toContain('sec')
  })
})

describe('Arguments', () => {
  test('The algorithm can be chosen', async () => {
    const { output } = await run(['secret\n'], { argv: ['--algorithm', 'scrypt'] })
    expect(output).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$/)
  })
  test('Help goes to the output', async () => {
    const { code, output, error } = await run([], { argv: ['--help'] })
    expect({ code, error }).toEqual({ code: 0, error: '' })
    expect(output).toContain('--algorithm argon2id|scrypt')
  })
  test.each([[['--algorithm', 'md5']], [['--algorithm']], [['--password', 'x']], [['secret']]])(
    '%j is answered with the usage',
    async argv => {
      const { code, output, error } = await run(['secret\n'], { argv })
      expect({ code, output }).toEqual({ code: 2, output: '' })
      expect(error).toContain('Usage:')
    },
  )
})
