import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { parseTime } from '../../listing/facts.ts'
import { resolvePath } from '../../storage/path.ts'

/** SITE UTIME, in both ways that clients have: with one time before the path, and with three and UTC behind it (access, modification, change). Only the time of modification is set. */
export const siteUtime: LoginCommand = {
  verbs: ['UTIME'],
  syntax: 'SITE UTIME <SP> <time> <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Sets the time a file was modified, in UTC.',
  argument: 'required',
  needs: 'mtime',
  features: () => ['SITE UTIME'],
  async run({ session, storage }, argument) {
    const { name, time } = timeBehind(argument) ?? timeBefore(argument) ?? {}
    // Seconds may be missing.
    const modified = time === undefined ? undefined : parseTime(time.padEnd(14, '0'))
    if (modified === undefined || name === undefined) {
      return { kind: 'reply', reply: reply(501, 'The time must be YYYYMMDDHHMMSS, followed by a path.') }
    }
    await storage.setModified(resolvePath(session.cwd, name), modified)
    return { kind: 'reply', reply: reply(200, 'The time is set.') }
  },
}

type NamedTime = { readonly name: string; readonly time: string }

function timeBehind(argument: string): NamedTime | undefined {
  const match = / (?:\d{12}|\d{14}) (\d{12}|\d{14}) (?:\d{12}|\d{14}) UTC$/i.exec(argument)
  const [, time] = match ?? []
  const name = argument.slice(0, match?.index)
  return time === undefined || name === '' ? undefined : { name, time }
}

function timeBefore(argument: string): NamedTime | undefined {
  const [, time, name] = /^(\d{12}|\d{14}) (.+)$/s.exec(argument) ?? []
  return time === undefined || name === undefined ? undefined : { name, time }
}
