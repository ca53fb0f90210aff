import { expect, test } from 'vitest'
import { createLog } from './logger.ts'

function memory(isTTY = false) {
  const written: string[] = []
  return { written, isTTY, write: (text: string) => written.push(text) }
}

test('a JSON line has the time as RFC 3339, the level as a word, and nothing of process and host', () => {
  const out = memory()
  createLog({ level: 'info', format: 'json' }, out).logger.info({ bytes: 3 }, 'transfer ended')
  expect(JSON.parse(out.written.join(''))).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    bytes: 3,
    msg: 'transfer ended',
  })
})

test('the automatic format is text on a terminal and JSON elsewhere', () => {
  const [terminal, pipe] = [memory(true), memory(false)]
  for (const out of [terminal, pipe]) createLog({ level: 'info', format: 'auto' }, out).logger.info('ready')
  expect(terminal.written.join('')).toMatch(/INFO.*ready/)
  expect(JSON.parse(pipe.written.join(''))).toMatchObject({ msg: 'ready' })
})

test('level and format change while the server runs', () => {
  const out = memory()
  const log = createLog({ level: 'warn', format: 'json' }, out)
  log.logger.info('before')
  log.configure({ level: 'debug', format: 'text' })
  log.logger.debug('after')
  expect(out.written).toHaveLength(1)
  expect(out.written[0]).toMatch(/^\[[\d:.]+\] DEBUG: after\n$/)
})

test.for(['json', 'text'] as const)('what a client sends can neither fake a line nor drive a terminal (%s)', format => {
  const out = memory()
  const path = '/a\r\n\u001b[2J\u009b2J\u007f\u2028\u202e'
  createLog({ level: 'info', format }, out).logger.info({ path }, `said ${path}`)
  const text = out.written.join('')
  expect(text.match(/\n/g)).toHaveLength(1)
  expect(text).not.toMatch(format === 'text' ? /[\0-\t\v-\x1f\x7f-\x9f\u2028\u202e]/ : /[\0-\t\v-\x1f]/)
})

test('an error is logged with its stack and its cause', () => {
  const out = memory()
  const err = new Error('outer', { cause: new Error('inner') })
  createLog({ level: 'info', format: 'json' }, out).logger.error({ err }, 'fault')
  const { err: logged } = JSON.parse(out.written.join(''))
  expect(logged.stack).toContain('logger.test.ts')
  expect(logged.stack).toContain('inner')
})
