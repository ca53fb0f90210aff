/** The pages for people: where their links lead, and whether what they name is there. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' }).trim().split('\n')
const files = tracked.filter(name => existsSync(name))
const folders = new Set(files.flatMap(ancestors))
const pages = files.filter(name => name.endsWith('.md'))

function ancestors(name: string): readonly string[] {
  const parent = dirname(name)
  return parent === '.' ? [] : [parent, ...ancestors(parent)]
}

/** Without what is in code, where brackets mean something else. */
function proseOf(page: string): string {
  return readFileSync(page, 'utf8')
    .replaceAll(/^ *```.*?^ *```$/gms, '')
    .replaceAll(/`[^`\n]*`/g, code => code.replaceAll(/[[\]()]/g, ' '))
}

/** As GitHub makes them of headings, the second of two that are alike with a number. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = readFileSync(page, 'utf8')
    .replaceAll(/^ *```.*?^ *```$/gms, '')
    .matchAll(/^#{1,6} (.+)$/gm)
  const anchors = new Set<string>()
  const counts = new Map<string, number>()
  for (const [, heading = ''] of headings) {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, '')
      .replaceAll(' ', '-')
    const count = counts.get(anchor) ?? 0
    counts.set(anchor, count + 1)
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`)
  }
  return anchors
}

function linksOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter(target => !/^[a-z]+:/.test(target))
}

function problemWith(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : relative('.', join(dirname(page), decodeURIComponent(path)))
  if (!files.includes(target) && !folders.has(target)) return `${link}: there is no ${target}`
  if (anchor === undefined || !target.endsWith('.md') || anchorsOf(target).has(anchor)) return undefined
  return `${link}: ${target} has no such heading`
}

test('there are pages, and links between them', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/architecture.md']))
  expect(pages.flatMap(linksOf).length).toBeGreaterThan(200)
})

test.each(pages)('every link of %s leads somewhere', page => {
  expect(linksOf(page).flatMap(link => problemWith(page, link) ?? [])).toEqual([])
})

test('every guide, and every page of the reference, is linked from the README or from a guide that is', () => {
  const reached = new Set(['README.md'])
  for (const page of reached) {
    for (const link of linksOf(page)) {
      const target = relative('.', join(dirname(page), link.split('#')[0] ?? ''))
      if (target.endsWith('.md') && files.includes(target)) reached.add(target)
    }
  }
  const wanted = pages.filter(name => /^docs\/(guides|reference)\//.test(name))
  expect(wanted.length).toBeGreaterThan(20)
  expect(wanted.filter(name => !reached.has(name))).toEqual([])
})

// Paths are told from the folder that is spoken of: `line.ts`, `data/passive.ts`.
test.each(pages)('%s names files and folders that are there', page => {
  const named = [
    ...readFileSync(page, 'utf8').matchAll(
      /`((?:[\w.-]+\/)*[\w.-]+\.ts|(?:server|operator|test|tools)\/(?:[\w.-]+\/)*)`/g,
    ),
  ]
  const isThere = (name: string) =>
    name.endsWith('/') ? folders.has(name.slice(0, -1)) : files.some(file => `/${file}`.endsWith(`/${name}`))
  const missing = named.map(([, name = '']) => name).filter(name => !name.includes('VERB') && !isThere(name))
  expect(missing).toEqual([])
})

test('docs/architecture.md has a row for every folder of the two programs', () => {
  const rows = readFileSync('docs/architecture.md', 'utf8').match(/^\| `.*$/gm) ?? []
  /** In a row of its own, or in that of the folder it is in. */
  const isThere = (folder: string) =>
    rows.some(
      row =>
        row.split('|')[1]?.includes(`\`${folder}/\``) ||
        (row.startsWith(`| \`${dirname(folder)}/\``) && row.includes(`\`${folder.split('/').at(-1)}/\``)),
    )
  const wanted = [...folders].filter(folder => /^(server|operator)\/[^/]+(\/[^/]+)?$/.test(folder))
  expect(wanted.length).toBeGreaterThan(30)
  expect(wanted.filter(folder => !isThere(folder))).toEqual([])
})

test('and for every file at the top of them', () => {
  const rows = readFileSync('docs/architecture.md', 'utf8').match(/^\| `.*$/gm) ?? []
  const isThere = (file: string) => {
    const [program = '', name = ''] = file.split('/')
    return rows.some(row => row.startsWith(`| \`${program}/`) && row.split('|')[1]?.includes(name))
  }
  const wanted = files.filter(file => /^(server|operator)\/[^/]+\.ts$/.test(file) && !file.endsWith('.test.ts'))
  expect(wanted.length).toBeGreaterThan(10)
  expect(wanted.filter(file => !isThere(file))).toEqual([])
})
