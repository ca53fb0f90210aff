/** The users of vsftpd: virtual ones from lists of passwords, local ones from passwd(5), held by vsftpd.conf and each user's own file of options. */
import type { Draft, Drafts, Mistake } from './draft.ts'
import type { SourceFile } from './lines.ts'
import { passwordOf, readPasswd, readShadow } from './passwd.ts'
import { isOn, meaningOf, type Options, readOptions } from './vsftpd-options.ts'
import { readPairs, readPwdfile, readUserlist } from './vsftpd-users.ts'

export type VsftpdFiles = {
  readonly configuration?: SourceFile | undefined
  /** The options of one user, from `user_config_dir`; undefined if the user has none. */
  readonly optionsOf: (name: string) => Promise<SourceFile | undefined>
  /** Where it is in force. */
  readonly userlist?: SourceFile | undefined
  readonly pairs?: SourceFile | undefined
  readonly pairPasswords: 'clear' | 'crypt'
  readonly pwdfile?: SourceFile | undefined
  readonly passwd?: SourceFile | undefined
  readonly shadow?: SourceFile | undefined
}

type Candidate = Pick<Draft, 'place' | 'name' | 'password'> & {
  /** Of local users. */
  readonly home: string | undefined
}

export async function readVsftpd(files: VsftpdFiles): Promise<Drafts> {
  const server = files.configuration && readOptions(files.configuration)
  const candidates = candidatesOf(files)
  const listed = files.userlist && readUserlist(files.userlist)
  const drafts: Draft[] = []
  const mistakes: Mistake[] = [...(server?.mistakes ?? []), ...candidates.mistakes]
  for (const candidate of candidates.users) {
    // The name comes to stand in a path.
    const file = /^[A-Za-z0-9_][\w.@+-]*$/.test(candidate.name) ? await files.optionsOf(candidate.name) : undefined
    const own = file && readOptions(file)
    // A user with options that can't be read is better left out than let in with others.
    const [mistake] = own?.mistakes ?? []
    if (mistake !== undefined) mistakes.push({ ...mistake, user: candidate.name })
    else {
      const options = new Map([...(server?.options ?? []), ...(own?.options ?? [])])
      // The userlist is looked at before a user has options of their own.
      drafts.push(
        draftOf(candidate, options, listed && refusedBy(listed, candidate.name, server?.options ?? new Map())),
      )
    }
  }
  return { drafts, mistakes }
}

/** Whoever stands in a list of passwords is virtual. */
function candidatesOf({ pairs, pairPasswords, pwdfile, passwd, shadow }: VsftpdFiles) {
  const virtual = [pairs && readPairs(pairs, pairPasswords), pwdfile && readPwdfile(pwdfile)].filter(
    list => list !== undefined,
  )
  const local = passwd && readPasswd(passwd)
  const shadows = shadow && readShadow(shadow)
  const users: readonly Candidate[] = [
    ...virtual.flatMap(list => list.users.map(user => ({ ...user, home: undefined }))),
    ...(local?.users ?? []).map(({ place, name, password, home }) => {
      const field = password === 'x' ? (shadows?.passwords.get(name) ?? password) : password
      return { place, name, password: passwordOf(field), home }
    }),
  ]
  const mistakes = [...virtual.flatMap(list => list.mistakes), ...(local?.mistakes ?? []), ...(shadows?.mistakes ?? [])]
  return { users, mistakes }
}

function draftOf(candidate: Candidate, options: Options, disabled: string | undefined): Draft {
  const { place, name, password } = candidate
  const standing = candidate.home === undefined || isOn(options, 'guest_enable') ? 'guest' : 'local'
  return {
    place,
    name,
    password,
    home: homeOf(candidate, options),
    ...meaningOf(options, standing),
    ...(disabled !== undefined && { disabled }),
  }
}

/** `local_root` goes before the home of the account; the token stands for the name in both. */
function homeOf({ name, home }: Candidate, options: Options): string {
  const root = options.get('local_root')?.value || home || `/${name}`
  const token = options.get('user_sub_token')?.value
  // Where the jail is may stand in passwd(5) as `/./`.
  const [jail = ''] = (token ? root.replaceAll(token, name) : root).split('/./', 1)
  return jail === '' ? '/' : jail
}

function refusedBy(listed: ReadonlySet<string>, name: string, options: Options): string | undefined {
  const denies = isOn(options, 'userlist_deny')
  if (listed.has(name) !== denies) return undefined
  return denies ? 'the userlist keeps it out' : 'it is not in the userlist of those who may log in'
}
