/** The users of ProFTPD: AuthUserFile and AuthGroupFile, in the formats of passwd(5) and group(5). */
import type { Role } from '../config/schema/permissions.ts'
import { type Draft, type Drafts, dropped } from './draft.ts'
import type { SourceFile } from './lines.ts'
import { passwordOf, readGroups, readPasswd } from './passwd.ts'

export type ProftpdFiles = {
  readonly users: SourceFile
  readonly groups?: SourceFile | undefined
  /** Roles of those who are in a group; the first group that has one decides. */
  readonly roles: ReadonlyMap<string, Role>
}

export function readProftpd({ users: file, groups: groupFile, roles }: ProftpdFiles): Drafts {
  const { users, mistakes } = readPasswd(file)
  const groups = groupFile && readGroups(groupFile)
  const drafts = users.map(({ place, name, password, groupId, home }): Draft => {
    const primary = groups?.byId.get(groupId)
    const of = [...(primary === undefined ? [] : [primary]), ...(groups?.ofUser.get(name) ?? [])]
    const role = of.map(group => roles.get(group)).find(found => found !== undefined)
    const without = [...new Set(of)].filter(group => !roles.has(group))
    return {
      place,
      name,
      password: passwordOf(password),
      home,
      ...(role !== undefined && { rights: { kind: 'role', role } }),
      losses: without.length === 0 ? [] : [dropped(`is in ${without.join(', ')}: there are no groups here`)],
    }
  })
  return { drafts, mistakes: [...mistakes, ...(groups?.mistakes ?? [])] }
}
