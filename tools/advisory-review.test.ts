import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { advisoryReview } from './advisory-review.ts'

const lock = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'))
const packages: Readonly<Record<string, { readonly version: string; readonly dev?: boolean }>> = lock.packages
const versionOf = (name: string) => packages[`node_modules/${name}`]?.version

function isAtLeast(version: string, least: string): boolean {
  const [one, other] = [version, least].map(each => each.split('.').map(Number))
  for (const [index, number] of (other ?? []).entries()) {
    const own = one?.[index] ?? 0
    if (own !== number) return own > number
  }
  return true
}

test.each(advisoryReview.packages.map(({ name, version }) => [name, version] as const))(
  '%s was looked up in the version that is used: %s',
  (name, version) => {
    expect(versionOf(name)).toBe(version)
  },
)

test.each(
  advisoryReview.packages.flatMap(({ name, advisories }) => advisories.map(each => [name, each.id, each.fixedIn])),
)('of %s a version is used that is not affected by %s: at least %s', (name = '', _id, fixedIn = '') => {
  expect(isAtLeast(versionOf(name) ?? '0', fixedIn)).toBe(true)
})

test('versions are compared by number', () => {
  expect(isAtLeast('10.0.1', '9.9.9')).toBe(true)
  expect(isAtLeast('4.3.1', '4.3.2')).toBe(false)
})

test('whatever is named as needed was looked up, and what was not is in the lock file', () => {
  const { dependencies, optionalDependencies } = lock.packages['']
  const names = advisoryReview.packages.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(Object.keys({ ...dependencies, ...optionalDependencies })))
  for (const name of advisoryReview.others) expect(packages[`node_modules/${name}`], name).toBeDefined()
})
