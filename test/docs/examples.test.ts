/** Configurations in the guides and the README: each must be one that the server takes. Resources and values of charts have tests of their own. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { parseUserList } from '../../server/config/users/users.ts'
import { validateRemovedHomes, validateServer } from '../../server/config/validate.ts'

const hash = '$argon2id$v=19$m=19456,t=2,p=1$FFnnjEgLoeTMAuBrkkzl1g$cMxIQptV7OderI/Ro6T+R6UJf7DLIGPDHfmSEK4pokI'
const guides = readdirSync('docs/guides').map(name => `docs/guides/${name}`)
const examples = ['README.md', ...guides].flatMap(examplesOf)

type Example = { readonly place: string; readonly text: string; readonly value: Readonly<Record<string, unknown>> }

function examplesOf(page: string): readonly Example[] {
  const text = readFileSync(page, 'utf8')
  return [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(({ 1: yaml = '', index }) => {
    if (/^(apiVersion:|# values of charts)/m.test(yaml)) return []
    const place = `${page}:${text.slice(0, index).split('\n').length}`
    // Of two files in one block each is an example.
    return yaml.split(/^---\n/m).map(file => {
      const whole = file.replaceAll(/\$argon2id\$[^\s#]*…/g, () => hash)
      return { place, text: whole, value: parseDocument(whole).toJSON() }
    })
  })
}

const lists = examples.filter(({ value }) => 'users' in value)
const orders = examples.filter(({ value }) => 'homes' in value)
const configurations = examples.filter(each => !lists.includes(each) && !orders.includes(each))

test('there are examples of all three', () => {
  expect(lists.length).toBeGreaterThan(5)
  expect(configurations.length).toBeGreaterThan(5)
  expect(orders).toHaveLength(1)
})

test.each(lists)('the list of users at $place is one', async ({ text }) => {
  const list = await parseUserList('users/guide.yaml', text)
  if (!list.accepted) throw new Error(JSON.stringify(list.violations))
  expect(list.entries.length).toBeGreaterThan(0)
  const wrong = list.entries.filter(({ outcome }) => outcome.kind === 'refused')
  expect(wrong).toEqual([])
})

test.each(configurations)('the configuration at $place is one', ({ value }) => {
  expect(validateServer(value)).toMatchObject({ valid: true })
})

test.each(orders)('the order at $place is one', ({ value }) => {
  expect(validateRemovedHomes(value)).toMatchObject({ valid: true })
})
