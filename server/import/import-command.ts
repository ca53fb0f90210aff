/** The subcommand `import`: users of another server to a list of ours on stdout, and what could not be carried over to stderr. */
import { randomBytes } from 'node:crypto'
import type { Writable } from 'node:stream'
import { hashPassword } from '../auth/password.ts'
import { messageOf } from '../error-message.ts'
import { type ImportRequest, importUsage, readImportArguments } from './arguments.ts'
import type { Drafts, Place } from './draft.ts'
import { type Finished, finishDrafts } from './finish.ts'
import { type SourceFile, UnreadableFile } from './lines.ts'
import { listText } from './list-text.ts'
import { readProftpd } from './proftpd.ts'
import { readPureFtpd } from './pure-ftpd.ts'
import { readVsftpd } from './vsftpd.ts'
import { isOn, readOptions } from './vsftpd-options.ts'

export type ImportStreams = {
  /** Gets the list and nothing else. */
  readonly output: Writable
  /** Gets what is wrong or not carried over, a line each. */
  readonly error: Writable
  /** What stands after `import`. */
  readonly argv: readonly string[]
  /** The content of a file; undefined if there is none. Rejects if it can't be read. */
  readonly read: (path: string) => Promise<Uint8Array | undefined>
}

/** The exit code: 0, 1 if somebody or something is left out, 2 if the arguments are wrong. */
export async function importCommand({ output, error, argv, read }: ImportStreams): Promise<number> {
  const request = readImportArguments(argv)
  if (request.kind === 'help') {
    output.write(importUsage)
    return 0
  }
  if (request.kind === 'wrong') {
    error.write(`${request.message}\n\n${importUsage}`)
    return 2
  }
  try {
    const { drafts, mistakes } = await readDrafts(request, requiredFrom(read))
    const { users, mistakes: refused } = await finishDrafts(drafts, {
      root: request.root,
      onLoss: request.onLoss,
      hash: password => hashPassword(password, 'argon2id'),
      unusableHash: once(() => hashPassword(randomBytes(32).toString('base64'), 'argon2id')),
    })
    const tell = ({ file, line }: Place, user: string | undefined, message: string): void => {
      error.write(`${file}:${line}: ${user === undefined ? '' : `${printable(user)}: `}${printable(message)}\n`)
    }
    const failures = [...mistakes, ...refused]
    for (const { place, user, message } of failures) tell(place, user, `error: ${message}`)
    for (const { place, entry, losses } of users) for (const { message } of losses) tell(place, entry.name, message)
    error.write(summary(users, failures.length))
    output.write(listText(users))
    return failures.length > 0 ? 1 : 0
  } catch (failure) {
    if (!(failure instanceof UnreadableFile)) throw failure
    error.write(`${failure.message}\n`)
    return 1
  }
}

async function readDrafts(
  { from, files, passwords, timeZone, roles: groupRoles }: ImportRequest,
  read: Reader,
): Promise<Drafts> {
  const { users = '', groups, config, pwdfile, passwd, shadow } = files
  if (from === 'pure-ftpd') return readPureFtpd(await read.required(users), timeZone)
  if (from === 'proftpd') {
    return readProftpd({ users: await read.required(users), groups: await read.given(groups), roles: groupRoles })
  }
  const configuration = await read.given(config)
  const options = configuration && readOptions(configuration).options
  const directory = files['user-config-dir'] ?? options?.get('user_config_dir')?.value
  const inForce = options === undefined || isOn(options, 'userlist_enable')
  const named = files['userlist'] ?? options?.get('userlist_file')?.value ?? (options && '/etc/vsftpd.user_list')
  return readVsftpd({
    configuration,
    optionsOf: async name => (directory ? read.optional(`${directory.replace(/\/$/, '')}/${name}`) : undefined),
    userlist: await read.given(inForce ? named : undefined),
    pairs: await read.given(files['virtual-users']),
    pairPasswords: passwords,
    pwdfile: await read.given(pwdfile),
    passwd: await read.given(passwd),
    shadow: await read.given(shadow),
  })
}

type Reader = {
  readonly required: (name: string) => Promise<SourceFile>
  readonly given: (name: string | undefined) => Promise<SourceFile | undefined>
  readonly optional: (name: string) => Promise<SourceFile | undefined>
}

function requiredFrom(read: ImportStreams['read']): Reader {
  const optional = async (name: string): Promise<SourceFile | undefined> => {
    const content = await read(name).catch((error: unknown) => {
      throw new UnreadableFile(`${name}: ${messageOf(error)}`)
    })
    return content && { name, content }
  }
  const required = async (name: string): Promise<SourceFile> => {
    const file = await optional(name)
    if (file === undefined) throw new UnreadableFile(`${name}: there is no such file`)
    return file
  }
  return { optional, required, given: async name => (name === undefined ? undefined : required(name)) }
}

function summary(users: readonly Finished[], failures: number): string {
  const disabled = users.filter(({ entry }) => entry.disabled === true).length
  return `${users.length} users, ${disabled} of them disabled; ${failures} errors.\n`
}

// What a file of another system holds must not command the terminal.
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => (made ??= make())
}
