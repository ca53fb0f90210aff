import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Roster, type Seated } from './roster.ts'

it('has whom a set would have', () => {
  const members = Array.from({ length: 8 }, (): Seated => ({ seat: undefined }))
  const change = fc.tuple(fc.boolean(), fc.constantFrom(...members))
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), changes => {
      for (const member of members) member.seat = undefined
      const roster = new Roster<Seated>()
      const set = new Set<Seated>()
      for (const [isAdded, member] of changes) {
        if (isAdded) [roster, set].forEach(each => void each.add(member))
        else [roster, set].forEach(each => void each.delete(member))
        expect(roster.size).toBe(set.size)
      }
      expect(new Set(roster)).toEqual(set)
      expect(members.filter(member => roster.has(member))).toEqual(members.filter(member => set.has(member)))
    }),
  )
})

it('shows all who were there, also while they leave', () => {
  const roster = new Roster<Seated>()
  const members = Array.from({ length: 5 }, (): Seated => ({ seat: undefined }))
  for (const member of members) roster.add(member)
  const seen: Seated[] = []
  for (const member of roster) {
    seen.push(member)
    roster.delete(member)
  }
  expect([seen, roster.size]).toEqual([members, 0])
})

it('takes nobody who sits in another one', () => {
  const [one, other] = [new Roster<Seated>(), new Roster<Seated>()]
  const member: Seated = { seat: undefined }
  one.add(member)
  expect(other.has(member)).toBe(false)
  other.delete(member)
  expect(one.has(member)).toBe(true)
})
