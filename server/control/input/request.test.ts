import { describe, expect, it } from 'vitest'
import { encodeName } from '../../storage/name.ts'
import { parseRequest } from './request.ts'

describe('parseRequest', () => {
  it.each([
    ['NOOP', 'NOOP', ''],
    ['noop', 'NOOP', ''],
    ['', '', ''],
    ['Retr file', 'RETR', 'file'],
    ['RETR ', 'RETR', ''],
    ['RETR  two  spaces ', 'RETR', ' two  spaces '],
    [' NOOP', '', 'NOOP'],
    ['MKD größe', 'MKD', 'größe'],
    ['ıstanbul x', 'ıSTANBUL', 'x'],
  ])('%j is %j with %j', (line, verb, argument) => {
    expect(parseRequest(Buffer.from(line))).toEqual({ verb, argument })
  })

  it('keeps the bytes of an argument that is not UTF-8', () => {
    const bytes = Buffer.from([0x61, 0xff, 0xe9, 0x0d, 0x62])
    const { argument } = parseRequest(Buffer.concat([Buffer.from('MKD '), bytes]))
    expect(encodeName(argument)).toEqual(bytes)
  })
})
