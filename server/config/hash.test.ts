import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { configurationHash, fileDigest } from './hash.ts'

const one = { path: 'server.yaml', digest: fileDigest(Buffer.from('{}')) }
const other = { path: 'users/a/users.yaml', digest: fileDigest(Buffer.from('users: []')) }

test('the hash is that of the documented text', () => {
  const text = `server.yaml\0${one.digest}\nusers/a/users.yaml\0${other.digest}\n`
  expect(configurationHash([one, other])).toBe(createHash('sha256').update(text).digest('hex'))
})

test('the order in which files are found does not matter', () => {
  expect(configurationHash([other, one])).toBe(configurationHash([one, other]))
})

test('a name, a content or a file more makes another hash', () => {
  const hashes = [
    configurationHash([one]),
    configurationHash([one, other]),
    configurationHash([{ ...one, path: 'server.yml' }]),
    configurationHash([{ ...one, digest: other.digest }]),
    configurationHash([]),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('paths are sorted by their bytes, not by a language', () => {
  const paths = ['users/ä', 'users/z', 'users/Z', 'users/\u{10000}', 'users/\uffee']
  const files = paths.map(path => ({ path, digest: '' }))
  const sorted = ['users/Z', 'users/z', 'users/ä', 'users/\uffee', 'users/\u{10000}']
  const text = sorted.map(path => `${path}\0\n`).join('')
  expect(configurationHash(files)).toBe(createHash('sha256').update(text).digest('hex'))
})
