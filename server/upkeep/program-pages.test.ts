import { readFileSync } from 'node:fs'
import { platform } from 'node:os'
import { describe, expect, it } from 'vitest'
import { loadReleaseProgramPages, unwrittenPieces } from './program-pages.ts'

type Mapping = {
  readonly at?: string
  readonly rights?: string
  /** Numbers of the device and the file, and the path. */
  readonly file?: string
  readonly fields?: Readonly<Record<string, number>>
}

const program = 'fe:01 247260                     /usr/local/bin/node'
const fields = { Rss: 2048, Private_Dirty: 0, Anonymous: 0, Swap: 0 }

function smaps(...mappings: readonly Mapping[]): string {
  const text = ({ at = '00400000-00600000', rights = 'r-xp', file = program, ...more }: Mapping): string => {
    const lines = Object.entries(more.fields ?? fields).map(([name, amount]) => `${`${name}:`.padEnd(16)}${amount} kB`)
    return [`${at} ${rights} 00000000 ${file}`, 'Size:     2048 kB', ...lines, 'VmFlags: rd ex mr mw me', ''].join('\n')
  }
  return mappings.map(text).join('')
}

const code = { at: '7f0000000000-7f0000100000' } as const
const piece = { address: 0x4_00_000, length: 0x2_00_000 }
const ofCode = { address: 0x7f00_0000_0000, length: 0x10_00_00 }

describe('unwrittenPieces', () => {
  it('finds the code of programs and libraries, and what they only read', () => {
    expect(unwrittenPieces(smaps(code, { rights: 'r--p' }))).toEqual([ofCode, piece])
  })

  it.each(['/opt/my programs/node', '/usr/local/bin/node (deleted)'])('knows a file by %j', path => {
    expect(unwrittenPieces(smaps({ file: `00:1d 12 ${path}` }))).toEqual([piece])
  })

  it.each([
    ['was written to', { fields: { ...fields, Anonymous: 4 } }],
    ['was written to, and is in swap', { fields: { ...fields, Swap: 4 } }],
    ['nobody tells of what was written to', { fields: { Rss: 2048, Private_Dirty: 0 } }],
    ['can be written to', { rights: 'rw-p' }],
    ['is seen by others when it is written to', { rights: 'r--s' }],
    ['is hardly in memory', { fields: { ...fields, Rss: 200 } }],
    ['is a file of another kind', { file: 'fe:01 9 /usr/lib/locale/locale-archive' }],
    ['is no file', { file: '00:00 0 ' }],
    ['is the kernel’s', { file: '00:00 0                          [vdso]' }],
  ])('leaves alone what %s', (_, mapping) => {
    expect(unwrittenPieces(smaps(code, { rights: 'r--p', ...mapping }))).toEqual([ofCode])
  })
})

describe.runIf(platform() === 'linux')('a process that lets go of pages of its program', () => {
  const resident = (): number => Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])

  it('has less in memory, and goes on as before', () => {
    const before = resident()
    loadReleaseProgramPages(() => readFileSync('/proc/self/smaps', 'latin1'))?.()
    const after = resident()
    expect(before - after).toBeGreaterThan(8000)
    // Code of V8 and of Node that was there, and data: names of a language, and of time zones.
    const date = new Date(Date.UTC(2026, 10, 23))
    expect(date.toLocaleDateString('de', { month: 'long', timeZone: 'Europe/Berlin' })).toBe('November')
    expect(resident()).toBeGreaterThan(after)
  })

  it('keeps all where nobody can tell what there is', () => {
    const before = resident()
    const release = loadReleaseProgramPages(() => {
      throw new Error('too many open files')
    })
    expect(release).not.toThrow()
    expect(before - resident()).toBeLessThan(4000)
  })
})
