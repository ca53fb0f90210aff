import type { Context, OpenCommand } from '../control/command.ts'
import { notLoggedIn, type Reply, reply } from '../control/reply.ts'
import type { LoggedIn } from '../control/session/session.ts'
import { parseFlags } from '../listing/flags.ts'
import { listDirectory } from '../listing/list.ts'
import { decodeName } from '../storage/name.ts'
import { resolvePath } from '../storage/path.ts'

/** Bytes of a listing that go over the control connection; longer ones are for LIST. */
const maxListingBytes = 1_048_576

/** RFC 959 STAT: the session's parameters, also during a transfer (RFC 1123 section 4.1.3.3); with a path, a listing over the control connection. */
export const stat: OpenCommand = {
  verbs: ['STAT'],
  syntax: 'STAT [<SP> <pathname>]',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Tells the state of the session, or lists a path over the control connection.',
  argument: 'optional',
  needs: 'nothing',
  keepsRestart: true,
  duringTransfer: argument => argument === '',
  async run(context, argument) {
    if (argument === '') return { kind: 'reply', reply: sessionStatus(context) }
    const { login } = context.session
    if (login.state !== 'logged-in') return { kind: 'reply', reply: notLoggedIn }
    return { kind: 'reply', reply: await listing(context, login.storage, argument) }
  },
}

function sessionStatus({ session, data, transfer, activity, now }: Context): Reply {
  const seconds = Math.floor((now - session.started) / 1000)
  const running = transfer === undefined ? 'none' : `${transfer.verb}, ${transfer.progress.bytes} bytes so far`
  return reply(
    211,
    'Status of the session:',
    ` Connected from ${session.peer.address} for ${seconds} s`,
    session.login.state === 'logged-in'
      ? ` Logged in as ${session.login.user.name}; ${activity.sessions} sessions in all`
      : ' Not logged in',
    ` TYPE: ${session.type}; STRU: ${session.structure}; MODE: ${session.mode}`,
    ` Control connection: ${session.protection === 'tls' ? 'TLS' : 'clear'}; data connections: ${session.dataProtection}`,
    ` Data connection: ${data.state}`,
    ` Transfer: ${running}`,
    'End of status.',
  )
}

async function listing(
  { session, configuration, now }: Context,
  storage: LoggedIn['storage'],
  argument: string,
): Promise<Reply> {
  const { flags, path: name } = parseFlags(argument)
  const path = resolvePath(session.cwd, name)
  const { timeZone } = configuration.server.listing
  let code: 212 | 213 = 212
  if (!flags.has('d')) code = await codeFor()
  const lines: string[] = []
  let bytes = 0
  for await (const chunk of await listDirectory(storage, path, { flags, timeZone, now })) {
    bytes += chunk.length
    if (bytes > maxListingBytes) return reply(450, 'The listing is too long for STAT: use LIST.')
    lines.push(...decodeName(chunk).split('\r\n').slice(0, -1))
  }
  return reply(code, 'Status of the path:', ...lines, 'End of status.')

  // RFC 959 section 5.4: 212 for a directory, 213 for a file.
  async function codeFor(): Promise<212 | 213> {
    if (/[*?[]/.test(name)) return 212
    return (await storage.stat(path)).type === 'directory' ? 212 : 213
  }
}
