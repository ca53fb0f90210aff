import { describe, expect, it } from 'vitest'
import { derive, deriveQuickly, isQuick } from './derive.ts'
import { type ParsedHash, parsePasswordHash } from './password-hash.ts'

function parsed(text: string): ParsedHash {
  const hash = parsePasswordHash(text)
  if (hash === undefined) throw new Error('no hash')
  return hash
}

const salt = Buffer.alloc(16, 1).toString('base64').replace(/=+$/, '')
const pbkdf2 = (iterations: number, bytes = 32, digest = 'sha256'): ParsedHash =>
  parsed(`$pbkdf2-${digest}$i=${iterations}$${salt}$${Buffer.alloc(bytes, 2).toString('base64').replace(/=+$/, '')}`)

describe('A hash is quick', () => {
  it('only where it takes a few iterations, all blocks of its output together', () => {
    expect([1, 32, 33, 1000, 600_000].map(iterations => isQuick(pbkdf2(iterations)))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
    expect([isQuick(pbkdf2(16, 64)), isQuick(pbkdf2(17, 64)), isQuick(pbkdf2(32, 64, 'sha512'))]).toEqual([
      true,
      false,
      true,
    ])
  })

  it('not where it needs memory, or a thread of ours', () => {
    const hash = Buffer.alloc(32, 2).toString('base64').replace(/=+$/, '')
    for (const text of [
      `$argon2id$v=19$m=8,t=1,p=1$${salt}$${hash}`,
      `$scrypt$ln=1,r=1,p=1$${salt}$${hash}`,
      '$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe',
    ])
      expect(isQuick(parsed(text)), text).toBe(false)
  })

  it('and computed at once is the same as computed in a thread', async () => {
    const hash = pbkdf2(3)
    if (!isQuick(hash)) throw new Error('not quick')
    expect(deriveQuickly(hash, 'pässword')).toEqual(await derive(hash, 'pässword'))
  })
})
