/** Lists of names and passwords that go with vsftpd: of pam_userdb, of pam_pwdfile, and its userlist. */
import type { DraftPassword, Mistake, Place } from './draft.ts'
import { type Line, linesOf, meaningfulLines, type SourceFile } from './lines.ts'
import { passwordOf } from './passwd.ts'

export type NamedPassword = { readonly place: Place; readonly name: string; readonly password: DraftPassword }
export type NamedPasswords = { readonly users: readonly NamedPassword[]; readonly mistakes: readonly Mistake[] }

/** A line with a name, a line with its password, and so on: what the database of pam_userdb is made of, or `db_dump -p` of it. */
export function readPairs(file: SourceFile, passwords: 'clear' | 'crypt'): NamedPasswords {
  const lines = undumped(linesOf(file))
  const users: NamedPassword[] = []
  const mistakes: Mistake[] = []
  for (let index = 0; index < lines.length; index += 2) {
    const [name, password] = [lines[index], lines[index + 1]]
    if (name === undefined) break
    if (password === undefined) {
      mistakes.push({ place: name.place, user: name.text, message: 'must be followed by a line with the password' })
    } else {
      // Taken for a password, a hash would be one that whoever has read it somewhere can log in with.
      const isHash = passwords === 'crypt' || /^\$[\w-]+\$/.test(password.text)
      users.push({
        place: name.place,
        name: name.text,
        password: isHash || password.text === '' ? passwordOf(password.text) : { kind: 'clear', text: password.text },
      })
    }
  }
  return { users, mistakes }
}

/** Lines `name:hash`, of which pam_pwdfile reads the first two fields. */
export function readPwdfile(file: SourceFile): NamedPasswords {
  const users: NamedPassword[] = []
  const mistakes: Mistake[] = []
  for (const { place, text } of meaningfulLines(file)) {
    const [name = '', hash] = text.split(':')
    if (hash === undefined) mistakes.push({ place, message: 'must be `name:hash`' })
    else users.push({ place, name, password: passwordOf(hash) })
  }
  return { users, mistakes }
}

/** The names of a userlist, a line each. */
export function readUserlist(file: SourceFile): ReadonlySet<string> {
  return new Set(meaningfulLines(file).map(({ text }) => text.trim()))
}

/** What stands between `HEADER=END` and `DATA=END`, if it is a dump: lines that begin with a space, with `\xx` for bytes. */
function undumped(lines: readonly Line[]): readonly Line[] {
  const start = lines.findIndex(({ text }) => text === 'HEADER=END')
  if (start === -1 || !lines[0]?.text.startsWith('VERSION=')) return lines
  const end = lines.findIndex(({ text }) => text === 'DATA=END')
  return lines.slice(start + 1, end === -1 ? undefined : end).map(({ place, text }) => ({
    place,
    // db_load keeps the null byte of C's strings where the database was made so.
    text: text
      .slice(1)
      .replace(/\\(\\|[0-9a-f]{2})/g, (_, code: string) =>
        code === '\\' ? '\\' : String.fromCharCode(Number.parseInt(code, 16)),
      )
      .replace(/\0$/, ''),
  }))
}
