import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Permission, roles } from '../config/schema/permissions.ts'
import { decodeName } from '../storage/name.ts'
import type { Entry } from '../storage/storage.ts'
import { type FactName, FactsFormat, factNames, formatTime, parseOptsMlst, parseTime } from './facts.ts'
import { Lines } from './lines.ts'

const file: Entry = {
  name: 'a b.txt',
  type: 'file',
  size: 1234,
  modified: Date.UTC(2024, 1, 29, 13, 4, 5, 678),
  unique: '803-1a',
  mode: 0o640,
  links: 1,
  owner: 1000,
  group: 100,
}
const directory: Entry = { ...file, name: 'd', type: 'directory', mode: 0o2755 }
function formatFacts(
  entry: Entry,
  facts: readonly FactName[],
  permissions: ReadonlySet<Permission>,
  name?: string,
): string {
  const lines = new Lines()
  new FactsFormat(facts).add(lines, entry, permissions, name)
  return decodeName(lines.take())
}

const all = new Set<Permission>(roles['read-write'])
const few = new Set<Permission>(['download'])

describe('facts', () => {
  it('of a file', () => {
    expect(formatFacts(file, factNames, all)).toBe(
      'type=file;size=1234;modify=20240229130405;perm=adfrw;unique=803-1a;UNIX.mode=0640;UNIX.owner=1000;UNIX.group=100; a b.txt',
    )
  })

  it('of a directory, which has no size', () => {
    expect(formatFacts(directory, factNames, all)).toBe(
      'type=dir;modify=20240229130405;perm=cdeflmp;unique=803-1a;UNIX.mode=2755;UNIX.owner=1000;UNIX.group=100; d',
    )
  })

  it('of a path that is told in place of the name', () => {
    expect(formatFacts(file, ['type'], all, '/x/a b.txt')).toBe('type=file; /x/a b.txt')
  })

  it('are the same after any other entries', () => {
    const change: fc.Arbitrary<Partial<Entry>> = fc.record(
      {
        type: fc.constantFrom('file', 'directory', 'other'),
        size: fc.nat(20),
        modified: fc.constantFrom(0, 999, 1000, file.modified),
        unique: fc.constantFrom('1-1', '1-2'),
        mode: fc.constantFrom(0o600, 0o4755),
        owner: fc.nat(2),
        group: fc.nat(2),
        fixed: fc.constant(true),
      },
      { requiredKeys: [] },
    )
    const entries = fc.array(fc.tuple(change, fc.boolean()), { maxLength: 8 })
    fc.assert(
      fc.property(entries, fc.subarray([...factNames]), (changes, facts) => {
        const format = new FactsFormat(facts)
        for (const [changed, isFull] of changes) {
          const entry = { ...file, ...changed }
          const permissions = isFull ? all : few
          const lines = new Lines()
          format.add(lines, entry, permissions)
          expect(decodeName(lines.take())).toBe(formatFacts(entry, facts, permissions))
        }
      }),
    )
  })

  it('may be none: the line begins with a space', () => {
    expect(formatFacts(file, [], all)).toBe(' a b.txt')
  })

  it('cannot end the line early', () => {
    expect(formatFacts({ ...file, name: 'a\r\ntype=dir; b\0' }, ['type'], all)).toBe('type=file; a%0D%0Atype=dir; b%00')
  })

  it.each<[Permission[], string, string]>([
    [[], '', ''],
    [['list', 'download'], 'r', 'el'],
    [['upload', 'mkdir'], '', 'cem'],
    [['upload', 'overwrite'], 'w', 'ce'],
    [['overwrite'], '', 'e'],
    [['append'], 'a', 'e'],
    [['rename'], 'f', 'ef'],
    [['delete'], 'd', 'ep'],
    [['rmdir'], '', 'de'],
    [['chmod', 'mtime'], '', 'e'],
  ])('tell what %j permits', (permissions, ofFile, ofDirectory) => {
    const has = new Set(permissions)
    expect(formatFacts(file, ['perm'], has)).toBe(`perm=${ofFile}; a b.txt`)
    expect(formatFacts(directory, ['perm'], has)).toBe(`perm=${ofDirectory}; d`)
  })
})

describe('OPTS MLST', () => {
  it.each([
    ['', []],
    ['size;', ['size']],
    ['modify;TYPE;', ['type', 'modify']],
    ['unix.MODE;x.unknown;perm;', ['perm', 'UNIX.mode']],
    ['unknown;', []],
    ['size;size;', ['size']],
  ])('takes %j', (options, facts) => expect(parseOptsMlst(options)).toEqual(facts))

  it.each(['size', 'size;type', 'size; type;', ' ', ';', 'size;;'])('refuses %j', options =>
    expect(parseOptsMlst(options)).toBeUndefined(),
  )
})

describe('times', () => {
  it.each([
    ['20240229130405', Date.UTC(2024, 1, 29, 13, 4, 5)],
    ['19700101000000', 0],
    ['19691231235959', -1000],
    ['20000229000000', Date.UTC(2000, 1, 29)],
    ['20240229130405.6', Date.UTC(2024, 1, 29, 13, 4, 5, 600)],
    ['20240229130405.678', Date.UTC(2024, 1, 29, 13, 4, 5, 678)],
    ['20240229130405.678901', Date.UTC(2024, 1, 29, 13, 4, 5, 678)],
  ])('reads %s', (text, time) => expect(parseTime(text)).toBe(time))

  it.each([
    '',
    '2024022913040',
    '202402291304055',
    '20230229000000',
    '19000229000000',
    '20240230000000',
    '20241301000000',
    '20240001000000',
    '20240100000000',
    '20240101240000',
    '20240101006000',
    '20240101000060',
    '20240101000000.',
    '2024-01-01T00:00',
    '20240101000000Z',
  ])('refuses %j', text => expect(parseTime(text)).toBeUndefined())

  it('agree with the calendar of the engine, in all years with four digits', () => {
    const time = fc.integer({ min: Date.UTC(1, 0, 1) - 60_000_000_000_000, max: Date.UTC(9999, 11, 31, 23, 59, 59) })
    fc.assert(
      fc.property(time, milliseconds => {
        const date = new Date(milliseconds)
        if (date.getUTCFullYear() < 0) return
        const iso = date.toISOString().slice(0, 19).replace(/[-T:]/g, '')
        expect(formatTime(milliseconds)).toBe(iso)
        expect(parseTime(iso)).toBe(Math.floor(milliseconds / 1000) * 1000)
      }),
      { numRuns: 2000 },
    )
  })
})
