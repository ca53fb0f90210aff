/** Arguments of the subcommand `import`. */
import { parseArgs } from 'node:util'
import { isTimeZone } from '../config/formats.ts'
import { type Role, roles } from '../config/schema/permissions.ts'
import { messageOf } from '../error-message.ts'

export const importUsage = `Usage: ftp-server import pure-ftpd --users FILE [--time-zone NAME] [options]
       ftp-server import proftpd --users FILE [--groups FILE] [--group-role GROUP=ROLE]... [options]
       ftp-server import vsftpd [--config FILE] [--user-config-dir DIR] [--userlist FILE]
                  [--virtual-users FILE [--passwords clear|crypt]] [--pwdfile FILE]
                  [--passwd FILE [--shadow FILE]] [options]

Prints a list of users for this server. What can't be read or carried over is told on stderr.

--users          pureftpd.passwd of Pure-FTPd, or the AuthUserFile of ProFTPD.
--time-zone      That of the machine, for hours of logins. By default UTC.
--groups         The AuthGroupFile of ProFTPD, for --group-role: what members of a group may do.
--config         vsftpd.conf. The files it names are read, unless they are given.
--virtual-users  Lines with a name and a password in turn, as the database of pam_userdb is made of.
--pwdfile        Lines \`name:hash\`, as pam_pwdfile reads them.
--passwd         Local users, as in passwd(5).
--root DIR       The directory there that becomes \`root\` here: homes are below it. By default /.
--on-loss        disable (default): who could not log in, or could do more than there, is disabled
                 and says why. refuse: such a user is left out.

Exit code: 0 if every user is in the list, 1 if not, 2 if the arguments are wrong.
`

export type ImportRequest = {
  readonly kind: 'import'
  readonly from: 'pure-ftpd' | 'proftpd' | 'vsftpd'
  readonly root: string
  readonly onLoss: 'disable' | 'refuse'
  readonly passwords: 'clear' | 'crypt'
  readonly timeZone: string
  readonly roles: ReadonlyMap<string, Role>
  /** Paths by the name of the option. */
  readonly files: Readonly<Record<string, string | undefined>>
}

type Answer =
  | ImportRequest
  | { readonly kind: 'help' }
  /** A sentence. */
  | { readonly kind: 'wrong'; readonly message: string }

export function readImportArguments(argv: readonly string[]): Answer {
  const [from = '', ...rest] = argv
  if (['--help', '-h', 'help', ''].includes(from)) {
    return from === '' ? wrong('The server it comes from must be named.') : { kind: 'help' }
  }
  if (!isSource(from)) return wrong(`${from} must be pure-ftpd, proftpd or vsftpd.`)
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: rest,
      options: {
        root: { ...text, default: '/' },
        'on-loss': { ...text, default: 'disable' },
        help: { type: 'boolean', short: 'h' },
        ...Object.fromEntries(takes[from].map(name => [name, { ...text, multiple: name === 'group-role' }])),
      },
    })
    const files = Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    )
    const { root, passwords = 'clear', 'on-loss': onLoss, 'time-zone': timeZone = 'UTC' } = files
    if (values.help === true) return { kind: 'help' }
    if (root === undefined || !root.startsWith('/')) return wrong('--root must be an absolute path.')
    if (onLoss !== 'disable' && onLoss !== 'refuse') return wrong('--on-loss must be disable or refuse.')
    if (passwords !== 'clear' && passwords !== 'crypt') return wrong('--passwords must be clear or crypt.')
    if (!isTimeZone(timeZone)) return wrong('--time-zone must be the IANA name of a time zone.')
    if (from !== 'vsftpd' && files['users'] === undefined) return wrong('--users must name a file.')
    if (from === 'vsftpd' && !['virtual-users', 'pwdfile', 'passwd'].some(name => name in files)) {
      return wrong('One of --virtual-users, --pwdfile and --passwd must name a file.')
    }
    const given = new Map<string, Role>()
    const groupRoles: unknown = Reflect.get(values, 'group-role')
    for (const pair of Array.isArray(groupRoles) ? groupRoles : []) {
      const [group = '', role = ''] = String(pair).split('=', 2)
      if (group === '' || !isRole(role)) {
        return wrong(`--group-role must be GROUP=ROLE, with one of the roles ${Object.keys(roles).join(', ')}.`)
      }
      given.set(group, role)
    }
    return { kind: 'import', from, root, onLoss, passwords, timeZone, roles: given, files }
  } catch (error) {
    return wrong(messageOf(error))
  }
}

function wrong(message: string): Answer {
  return { kind: 'wrong', message }
}

const takes = {
  'pure-ftpd': ['users', 'time-zone'],
  proftpd: ['users', 'groups', 'group-role'],
  vsftpd: ['config', 'user-config-dir', 'userlist', 'virtual-users', 'passwords', 'pwdfile', 'passwd', 'shadow'],
} as const

function isSource(text: string): text is keyof typeof takes {
  return Object.hasOwn(takes, text)
}

function isRole(text: string): text is Role {
  return Object.hasOwn(roles, text)
}
