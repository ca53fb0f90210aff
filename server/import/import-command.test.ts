import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { isPasswordHash } from '../auth/password-hash.ts'
import { parseUserList } from '../config/users/users.ts'
import { importCommand } from './import-command.ts'

const bcrypt = '$2y$05$UoLJEAUqVXZeIqVaMMxHPuqmzl5VGfiw1XNSdqV7wfFDZOHsjUMNi'
const shaCrypt = `$6$saltsalt$${'x'.repeat(86)}`
const argon2 = '$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MjZP1+1U9JUbDWvDvtLyEsZiNXOKEUxfi6O2oe46uxA'

type Files = Readonly<Record<string, string | Buffer>>

async function run(files: Files, ...argv: readonly string[]) {
  const written = { output: '', error: '' }
  const to = (name: 'output' | 'error') =>
    new Writable({
      write(chunk, _, done) {
        written[name] += String(chunk)
        done()
      },
    })
  const code = await importCommand({
    argv,
    output: to('output'),
    error: to('error'),
    read: async path => (files[path] === undefined ? undefined : Buffer.from(files[path])),
  })
  const list: unknown = written.output.startsWith('users:') ? parse(written.output) : undefined
  const users = (list as { users: Record<string, unknown>[] } | undefined)?.users ?? []
  return { code, ...written, users, lines: written.error.trimEnd().split('\n').slice(0, -1) }
}

const pure = (line: string, ...options: readonly string[]) =>
  run({ p: line }, 'pure-ftpd', '--users', 'p', '--root', '/home', ...options)

describe('users of Pure-FTPd', () => {
  it('keep their hash, home, quotas, sessions and networks', async () => {
    const { users, lines, code } = await pure(
      `joe:${bcrypt}:500:101::/home/joe/./:::::4:1000:1048576:::192.0.2.0/24,198.51.100.7::\n`,
    )
    expect(users).toEqual([
      {
        name: 'joe',
        passwordHash: bcrypt,
        home: '/joe',
        limits: { maxSessions: 4 },
        quota: { maxBytes: 1_048_576, maxFiles: 1000 },
        allowedNetworks: ['192.0.2.0/24', '198.51.100.7'],
      },
    ])
    expect({ lines, code }).toEqual({ lines: [], code: 0 })
  })

  it.each([
    ['0900-1800', '09:00', '18:00'],
    ['2200-630', '22:00', '06:30'],
    ['0-1', '00:00', '00:01'],
  ])('keep bandwidths, and the hours %s in the time zone that is given', async (hours, from, to) => {
    const line = `joe:${bcrypt}:500:101::/home/joe/./:10240:20480::::::::::${hours}`
    const { users, lines } = await pure(line, '--time-zone', 'Europe/Berlin')
    expect(users).toMatchObject([
      {
        bandwidth: { perSession: { uploadBytesPerSecond: 10_240, downloadBytesPerSecond: 20_480 } },
        schedule: { timeZone: 'Europe/Berlin', windows: [{ from, to }] },
      },
    ])
    expect({ disabled: users[0]?.['disabled'], lines }).toEqual({ disabled: undefined, lines: [] })
  })

  it.each([
    ['a bandwidth', '100', 'had a bandwidth of 100 bytes a second, which is less than there is here'],
    ['a ratio', '::1:3', 'had a ratio of 1:3'],
    [
      'hosts by name beside networks',
      ':::::::::192.0.2.1,host.example',
      'could log in from host.example, which must be given by address',
    ],
  ])('lose %s and are told of it by file and line', async (_, more, message) => {
    const { users, lines, code } = await pure(`joe:${bcrypt}:500:101::/home/joe/./:${more}`)
    expect(lines).toEqual([`p:1: joe: ${message}`])
    expect({ code, disabled: users[0]?.['disabled'] }).toEqual({ code: 0, disabled: undefined })
  })

  it.each([
    ['networks that are kept out', '::::::::::192.0.2.0/24', 'could not log in from 192.0.2.0/24'],
    ['addresses of the server', ':::::::192.0.2.9', 'could log in at some addresses of the server only'],
    ['a quota of nothing', '::::::0', 'had a quota of nothing, which there is not here'],
  ])('are disabled where %s would be lost', async (_, more, message) => {
    const { users, lines, code, output } = await pure(`joe:${bcrypt}:500:101::/home/joe/./:${more}`)
    expect(lines).toEqual([`p:1: joe: ${message}`])
    expect({ code, disabled: users[0]?.['disabled'] }).toEqual({ code: 0, disabled: true })
    expect(output).toContain(`  # disabled: ${message}\n`)
  })

  it('are left out instead if that is asked for', async () => {
    const { users, lines, code } = await pure(
      `joe:${bcrypt}:500:101::/home/joe/./:::::::::::192.0.2.0/24`,
      '--on-loss',
      'refuse',
    )
    expect({ users, code }).toEqual({ users: [], code: 1 })
    expect(lines).toEqual(['p:1: joe: error: could not log in from 192.0.2.0/24'])
  })

  it('are disabled if they could log in from hosts by name only, for an empty list would let everybody in', async () => {
    const { users } = await pure(`joe:${bcrypt}:500:101::/home/joe/./::::::::::host.example`)
    expect(users).toEqual([{ name: 'joe', passwordHash: bcrypt, home: '/joe', disabled: true }])
  })

  it.each([
    ['/home/joe/./', '/joe', undefined],
    ['/home/joe/./incoming', '/joe', 'began in incoming: here it begins in `/`'],
    ['/home/joe', '/joe', 'was not confined to its home: here it sees its home as `/`'],
    ['/home/./', '/', undefined],
    ['/home/a//b/../joe/./', '/a/joe', undefined],
  ])('with the directory %s see %s', async (directory, home, message) => {
    const { users, lines } = await pure(`joe:${bcrypt}:500:101::${directory}`)
    expect(users[0]?.['home']).toBe(home)
    expect(lines).toEqual(message === undefined ? [] : [`p:1: joe: ${message}`])
  })

  it.each([
    ['joe:x:1', 'must have from 6 to 18 fields'],
    [`joe:${bcrypt}:500:101::/srv/joe`, 'the home /srv/joe must be a directory below /home (--root)'],
    [`joe:${bcrypt}:500:101::`, 'the home (none) must be a directory below /home (--root)'],
    [`joe:${bcrypt}:500:101::/home/../etc/./`, 'the home /home/../etc must be a directory below /home (--root)'],
    [`joe:${bcrypt}:500:101::/home/joe/./:fast`, 'the upload bandwidth must be a whole number'],
    [`joe:${bcrypt}:500:101::/home/joe/./:::::-1`, 'the number of sessions must be a whole number'],
    [`joe:${bcrypt}:500:101::/home/joe/./:::::::::::::`, 'must have from 6 to 18 fields'],
    [`joe:${bcrypt}:500:101::/home/joe/./::::::::::::900-2500`, 'the hours must be `HHMM-HHMM`'],
    [`joe:${bcrypt}:500:101::/home/joe/./::::::::::::all`, 'the hours must be `HHMM-HHMM`'],
    [`j e:${bcrypt}:500:101::/home/joe/./`, 'the name must be 1 to 64 letters'],
    [`joe:${bcrypt}:500:101::/home/joe/./:::::9000000`, 'limits.maxSessions'],
  ])('are told what a line must be: %s', async (line, message) => {
    const { users, lines, code } = await pure(`# a comment\n\n${line}\n`)
    expect({ users, code }).toEqual({ users: [], code: 1 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^p:3: /)
    expect(lines[0]).toContain(message)
  })

  it('are in the list once', async () => {
    const line = `joe:${bcrypt}:500:101::/home/joe/./\n`
    const { users, lines } = await pure(line + line)
    expect(users).toHaveLength(1)
    expect(lines).toEqual(['p:2: joe: error: is there already: p, line 1; the name must be given once'])
  })

  it('do not command the terminal', async () => {
    const { error, output } = await pure(`joe:${bcrypt}:500:101::/home/joe/./:::::::::::\u001b[2J`)
    expect(error + output).not.toContain('\u001b')
  })
})

describe('hashes of passwords', () => {
  it.each([bcrypt, shaCrypt, argon2])('are kept if they are verified here: %s', async hash => {
    const { users } = await pure(`joe:${hash}:500:101::/home/joe/./`)
    expect(users[0]).toEqual({ name: 'joe', passwordHash: hash, home: '/joe' })
  })

  it.each([
    ['$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', 'md5-crypt ($1$)'],
    ['$apr1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', 'Apache’s MD5'],
    ['$y$j9T$abc$def', 'yescrypt'],
    ['ab01FAX.bQRSU', 'a DES hash'],
    ['_J9..rasmBYk8r9AiWNc', 'an extended DES hash'],
    ['$6$short', 'a hash of the kind $6$, or out of bounds'],
    ['secret', 'in a format that is not known here'],
  ])('that are not, such as %s, disable their user or leave it out, and are not repeated', async (hash, kind) => {
    const line = `joe:${hash}:500:101::/home/joe/./`
    const disabled = await pure(line)
    expect(disabled.code).toBe(0)
    expect(disabled.users).toEqual([{ name: 'joe', passwordHash: expect.any(String), home: '/joe', disabled: true }])
    expect(isPasswordHash(String(disabled.users[0]?.['passwordHash']))).toBe(true)
    expect(disabled.output + disabled.error).not.toContain(hash)
    expect(disabled.lines).toEqual([expect.stringContaining(`p:1: joe: its password is ${kind}`)])
    const refused = await pure(line, '--on-loss', 'refuse')
    expect(refused).toMatchObject({
      code: 1,
      users: [],
      lines: [expect.stringContaining(`joe: error: its password is ${kind}`)],
    })
  })

  it.each([
    ['*', 'its password is locked'],
    [`!${bcrypt}`, 'its password is locked'],
    ['', 'it has no password'],
    ['x', 'its password is in a shadow file, which was not given'],
  ])('that lock a user (%s) leave it disabled', async (field, reason) => {
    const { users, output } = await run({ p: `joe:${field}:1:1::/joe:` }, 'proftpd', '--users', 'p')
    expect(users).toMatchObject([{ name: 'joe', disabled: true }])
    expect(output).toContain(`# disabled: ${reason}`)
  })
})

describe('users of ProFTPD', () => {
  const passwd = `ann:${shaCrypt}:1001:100::/srv/ftp/ann:/bin/false\nbob:${bcrypt}:1002:200::/srv/ftp/bob:/bin/false\n`
  const group = 'staff:x:100:bob\nguests:x:200:\n'

  it('get the role of the first group that has one', async () => {
    const argv = ['proftpd', '--users', 'p', '--groups', 'g', '--root', '/srv/ftp']
    const { users, lines } = await run({ p: passwd, g: group }, ...argv, '--group-role', 'guests=read-only')
    expect(users).toEqual([
      { name: 'ann', passwordHash: shaCrypt, home: '/ann' },
      { name: 'bob', passwordHash: bcrypt, home: '/bob', role: 'read-only' },
    ])
    expect(lines).toEqual([
      'p:1: ann: is in staff: there are no groups here',
      'p:2: bob: is in staff: there are no groups here',
    ])
  })

  it.each([
    [{ p: 'ann:hash' }, [], 'p:1: error: must have 7 fields'],
    [{ p: passwd, g: 'staff:100' }, ['--groups', 'g'], 'g:1: error: must have 4 fields'],
    [{ p: passwd, g: 'staff:x:many:' }, ['--groups', 'g'], 'g:1: error: must have 4 fields'],
  ])('%#: bad lines are told by file and line', async (files, more, message) => {
    const { lines, code } = await run(files, 'proftpd', '--users', 'p', ...more)
    expect(lines[0]).toContain(message)
    expect(code).toBe(1)
  })
})

describe('users of vsftpd', () => {
  const config = 'guest_enable=YES\nuser_config_dir=/etc/users\nuser_sub_token=$USER\nlocal_root=/srv/$USER\n'
  const vsftpd = (options: string, own: string | undefined, ...more: readonly string[]) =>
    run(
      { c: config + options, v: 'ann\nsecret word\n', ...(own !== undefined && { '/etc/users/ann': own }) },
      ...['vsftpd', '--config', 'c', '--virtual-users', 'v', '--root', '/srv', ...more],
    )

  it.each([
    ['', undefined, ['list', 'download']],
    ['write_enable=YES\n', undefined, ['list', 'download']],
    ['write_enable=YES\nanon_upload_enable=YES\n', undefined, ['list', 'download', 'upload']],
    ['', 'write_enable=YES\nanon_mkdir_write_enable=YES\n', ['list', 'download', 'mkdir']],
    [
      'write_enable=YES\nanon_upload_enable=YES\nanon_other_write_enable=YES\n',
      'download_enable=NO',
      ['list', 'upload', 'append', 'overwrite', 'rename', 'delete', 'rmdir', 'mtime'],
    ],
    [
      'virtual_use_local_privs=YES\nwrite_enable=YES\n',
      'chmod_enable=NO\ndirlist_enable=NO',
      ['download', 'upload', 'append', 'overwrite', 'rename', 'delete', 'mkdir', 'rmdir', 'mtime'],
    ],
    ['write_enable=YES\nanon_upload_enable=YES\n', 'write_enable=NO', ['list', 'download']],
  ])('may do what the options say, their own first (%j, %j)', async (options, own, permissions) => {
    const { users, lines } = await vsftpd(options, own)
    expect(users).toMatchObject([{ name: 'ann', home: '/ann', permissions }])
    expect(lines).toEqual([])
  })

  it('have clear passwords hashed, never printed', async () => {
    const { users, output, error } = await vsftpd('', undefined)
    expect(users[0]?.['passwordHash']).toMatch(/^\$argon2id\$/)
    expect(output + error).not.toContain('secret word')
  })

  it('carry idle times, demanded TLS and a home of their own', async () => {
    const { users } = await vsftpd('ssl_enable=YES\n', 'idle_session_timeout=90\nlocal_root=/srv/shared/./in\n')
    expect(users).toMatchObject([{ home: '/shared', limits: { idleTimeoutSeconds: 90 }, tls: 'required' }])
  })

  it.each(['cmds_allowed=RETR', 'cmds_denied=STOR', 'deny_file={a,{b,c}}', 'deny_file=/etc', 'deny_file={[ab]}'])(
    'are disabled where %s would be lost',
    async option => {
      const { users, lines } = await vsftpd('', option)
      expect(users).toMatchObject([{ disabled: true }])
      expect(lines).toEqual([`v:1: ann: was held by ${option}`])
    },
  )

  it.each([
    ['ann', '', true],
    ['bob', '', undefined],
    ['ann', 'userlist_deny=NO\n', undefined],
    ['bob', 'userlist_deny=NO\n', true],
  ])('%s in the userlist, %j: kept out as there', async (listed, options, disabled) => {
    const { users } = await run(
      { c: `userlist_enable=YES\n${options}`, l: `${listed}\n`, v: 'ann\nsecret\n' },
      ...['vsftpd', '--config', 'c', '--virtual-users', 'v', '--userlist', 'l'],
    )
    expect(users[0]?.['disabled']).toBe(disabled)
  })

  it.each([
    ['deny_file={*.key,.private}', { hide: [], deny: ['*.key', '.private'] }],
    ['hide_file=*.tmp', { hide: ['*.tmp'], deny: [] }],
    ['deny_file=secret', { hide: [], deny: ['*secret*'] }],
  ])('keep %s as patterns', async (option, names) => {
    const { users, lines } = await vsftpd('', option)
    expect({ names: users[0]?.['names'], lines }).toEqual({ names, lines: [] })
  })

  it('keep the bandwidth of those whose rights they have', async () => {
    const rates = 'local_max_rate=1000000\nanon_max_rate=20000\n'
    const guests = await vsftpd(rates, undefined)
    expect(guests.users[0]?.['bandwidth']).toEqual({
      perSession: { uploadBytesPerSecond: 20_000, downloadBytesPerSecond: 20_000 },
    })
    const locals = await vsftpd(`${rates}virtual_use_local_privs=YES\n`, undefined)
    expect(locals.users[0]?.['bandwidth']).toMatchObject({ perSession: { uploadBytesPerSecond: 1_000_000 } })
  })

  it('of the system come from passwd and shadow', async () => {
    const { users } = await run(
      { p: 'ann:x:1001:100::/home/ann:/bin/sh\n', s: `ann:${shaCrypt}:19000:0:99999:7:::\n`, c: 'write_enable=YES\n' },
      ...['vsftpd', '--config', 'c', '--passwd', 'p', '--shadow', 's'],
    )
    expect(users).toMatchObject([{ name: 'ann', passwordHash: shaCrypt, home: '/home/ann' }])
    expect(users[0]?.['permissions']).toContain('chmod')
  })

  it('are read from a dump of their database', async () => {
    const dump = `VERSION=3\nformat=print\ntype=hash\nHEADER=END\n ann\n ${bcrypt}\n bob\\00\n se\\5cret\\00\nDATA=END\n`
    const { users } = await run({ v: dump }, 'vsftpd', '--virtual-users', 'v')
    expect(users.map(({ name }) => name)).toEqual(['ann', 'bob'])
    expect(users[0]?.['passwordHash']).toBe(bcrypt)
  })

  it.each([
    [{ v: 'ann' }, 'v:1: ann: error: must be followed by a line with the password'],
    [{ v: 'ann\npw\n\nother\n' }, 'v:3: error: the name must be'],
    [{ v: `ann\n${'x'.repeat(1025)}\n` }, 'v:1: ann: error: the password must have at most 1024 bytes'],
    [{ v: 'ann\npw\n', c: 'write_enable=MAYBE\n' }, 'c:1: error: write_enable must be YES or NO'],
    [{ v: 'ann\npw\n', c: 'write_enable = YES\n' }, 'c:1: error: must be `option=value`'],
    [
      { v: 'ann\npw\n', c: 'user_config_dir=/u\n', '/u/ann': 'idle_session_timeout=soon' },
      '/u/ann:1: ann: error: idle_session_timeout must be a whole number',
    ],
  ])('%#: bad input is told by file, line and what it must be', async (files, message) => {
    const { lines, code } = await run(
      files,
      'vsftpd',
      '--virtual-users',
      'v',
      ...('c' in files ? ['--config', 'c'] : []),
    )
    expect(lines[0]).toContain(message)
    expect(code).toBe(1)
  })
})

describe('files that are no text', () => {
  const words = (at: number, word: number) => {
    const bytes = Buffer.alloc(64)
    bytes.writeUInt32LE(word, at)
    return bytes
  }
  it.each([
    ['Berkeley DB of hashes', words(12, 0x00061561), '`db_dump -p FILE`'],
    ['Berkeley DB of trees', words(12, 0x00053162), '`db_dump -p FILE`'],
    ['GDBM', words(0, 0x13579ace), '`gdbm_dump`'],
    ['PureDB', Buffer.from('PDB2 and 16 bytes more'), 'give the file it was made of'],
    ['bytes', Buffer.from([0xff, 0xfe, 0x41]), 'must be text in UTF-8'],
  ])('are refused with how to have them as text: %s', async (_, content, message) => {
    const { code, error, output } = await run({ p: content }, 'pure-ftpd', '--users', 'p')
    expect(error).toMatch(/^p: /)
    expect(error).toContain(message)
    expect({ code, output }).toEqual({ code: 1, output: '' })
  })
})

describe('arguments', () => {
  it.each([
    [[], 'must be named'],
    [['wu-ftpd'], 'must be pure-ftpd, proftpd or vsftpd'],
    [['constructor'], 'must be pure-ftpd, proftpd or vsftpd'],
    [['pure-ftpd'], '--users must name a file'],
    [['vsftpd'], 'One of --virtual-users, --pwdfile and --passwd'],
    [['pure-ftpd', '--users', 'p', '--root', 'home'], '--root must be an absolute path'],
    [['pure-ftpd', '--users', 'p', '--on-loss', 'maybe'], '--on-loss must be disable or refuse'],
    [['proftpd', '--users', 'p', '--group-role', 'a=b'], '--group-role must be GROUP=ROLE'],
    [['proftpd', '--users', 'p', '--group-role', 'a=toString'], '--group-role must be GROUP=ROLE'],
    [['vsftpd', '--pwdfile', 'p', '--passwords', 'x'], '--passwords must be clear or crypt'],
    [['pure-ftpd', '--groups', 'p'], '--groups'],
    [['pure-ftpd', '--users', 'p', '--time-zone', '+01:00'], '--time-zone must be'],
  ])('%j are wrong', async (argv, message) => {
    const { code, error, output } = await run({}, ...argv)
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(error.split('\n')[0]).toContain(message)
  })

  it('may ask for help', async () => {
    expect(await run({}, '--help')).toMatchObject({ code: 0, output: expect.stringContaining('Usage'), error: '' })
  })

  it('that name no file are told so', async () => {
    const { code, error } = await run({}, 'pure-ftpd', '--users', 'nowhere')
    expect({ code, error }).toEqual({ code: 1, error: 'nowhere: there is no such file\n' })
  })
})

it('prints lists that the server takes whole, whatever their texts look like', async () => {
  const names = ['no', '1e3', 'null', '0x10', 'joe.smith+x@example.com']
  const { output } = await run(
    { p: names.map(name => `${name}:${bcrypt}:1:1::/${name}: #'"\\{}ü/./\n`.replace(/(\/[^/]*): #/, '$1 #')).join('') },
    ...['pure-ftpd', '--users', 'p'],
  )
  const list = await parseUserList('users.yaml', output)
  expect(list).toMatchObject({ accepted: true })
  if (!list.accepted) return
  expect(list.entries.map(({ name, outcome }) => [name, outcome.kind])).toEqual(names.map(name => [name, 'user']))
})
