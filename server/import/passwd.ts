/** Lines of fields with `:` between them, as passwd(5), shadow(5) and group(5) have them. */
import type { DraftPassword, Mistake, Place } from './draft.ts'
import { meaningfulLines, type SourceFile } from './lines.ts'

export type PasswdLine = {
  readonly place: Place
  readonly name: string
  readonly password: string
  readonly groupId: string
  readonly home: string
}

/** The lines of a file in the format of passwd(5). */
export function readPasswd(file: SourceFile): {
  readonly users: readonly PasswdLine[]
  readonly mistakes: readonly Mistake[]
} {
  const users: PasswdLine[] = []
  const mistakes: Mistake[] = []
  for (const { place, text } of meaningfulLines(file)) {
    const fields = text.split(':')
    const [name = '', password = '', , groupId = '', , home = ''] = fields
    if (fields.length !== 7) {
      mistakes.push({ place, message: 'must have 7 fields: `name:password:uid:gid:gecos:home:shell`' })
    } else users.push({ place, name, password, groupId, home })
  }
  return { users, mistakes }
}

/** Passwords of users in the format of shadow(5). */
export function readShadow(file: SourceFile): {
  readonly passwords: ReadonlyMap<string, string>
  readonly mistakes: readonly Mistake[]
} {
  const passwords = new Map<string, string>()
  const mistakes: Mistake[] = []
  for (const { place, text } of meaningfulLines(file)) {
    const [name = '', password, ...rest] = text.split(':')
    if (password === undefined || rest.length > 7) {
      mistakes.push({ place, message: 'must be a line of shadow(5): `name:password:…`, of 9 fields' })
    } else passwords.set(name, password)
  }
  return { passwords, mistakes }
}

/** Names of the groups that each user is in, by the name of the user; and names of groups by their number. */
export type Groups = {
  readonly ofUser: ReadonlyMap<string, readonly string[]>
  readonly byId: ReadonlyMap<string, string>
  readonly mistakes: readonly Mistake[]
}

export function readGroups(file: SourceFile): Groups {
  const ofUser = new Map<string, string[]>()
  const byId = new Map<string, string>()
  const mistakes: Mistake[] = []
  for (const { place, text } of meaningfulLines(file)) {
    const fields = text.split(':')
    const [group = '', , id = '', members = ''] = fields
    if (fields.length !== 4 || group === '' || !/^\d+$/.test(id)) {
      mistakes.push({ place, message: 'must have 4 fields: `name:password:gid:members`' })
      continue
    }
    byId.set(id, group)
    for (const member of members.split(',').map(name => name.trim())) {
      if (member === '') continue
      const groups = ofUser.get(member) ?? []
      groups.push(group)
      ofUser.set(member, groups)
    }
  }
  return { ofUser, byId, mistakes }
}

/** A field of a password: what it says beside a hash is that nobody can log in by it. */
export function passwordOf(field: string): DraftPassword {
  if (field === '') return { kind: 'none', reason: 'it has no password' }
  if (field === 'x') return { kind: 'none', reason: 'its password is in a shadow file, which was not given' }
  if (field.startsWith('!') || field.startsWith('*')) return { kind: 'none', reason: 'its password is locked' }
  return { kind: 'hash', text: field }
}
