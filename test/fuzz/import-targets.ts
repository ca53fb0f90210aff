/** What is fuzzed of users of other servers: what is printed is a list that this server takes, and nobody may do more by it. */
import assert from 'node:assert/strict'
import { readUserList } from '../../server/config/users/users.ts'
import type { Drafts } from '../../server/import/draft.ts'
import { finishDrafts } from '../../server/import/finish.ts'
import { type SourceFile, UnreadableFile } from '../../server/import/lines.ts'
import { listText } from '../../server/import/list-text.ts'
import { readProftpd } from '../../server/import/proftpd.ts'
import { readPureFtpd } from '../../server/import/pure-ftpd.ts'
import { readVsftpd } from '../../server/import/vsftpd.ts'

export const importTargets = {
  'pure-ftpd': importedFromPureFtpd,
  proftpd: importedFromProftpd,
  vsftpd: importedFromVsftpd,
}

async function importedFromPureFtpd(bytes: Uint8Array): Promise<void> {
  await expectList(() => readPureFtpd(fileOf('users', bytes), 'Europe/Berlin'))
}

/** Users, NUL, groups. */
async function importedFromProftpd(bytes: Uint8Array): Promise<void> {
  const [users, groups] = filesOf(bytes)
  await expectList(() => readProftpd({ users, groups, roles: new Map([['staff', 'read-only']]) }))
}

/** The configuration, NUL, lists of each kind in the same way; the last one has the options of each user. */
async function importedFromVsftpd(bytes: Uint8Array): Promise<void> {
  const [configuration, pairs, pwdfile, passwd, shadow, userlist, options] = filesOf(bytes)
  const others = { configuration, pairs, pwdfile, passwd, shadow, userlist }
  const optionsOf = async (): Promise<SourceFile | undefined> => options
  await expectList(() => readVsftpd({ ...others, pairPasswords: 'clear', optionsOf }))
}

function fileOf(name: string, content: Uint8Array): SourceFile {
  return { name, content }
}

function filesOf(bytes: Uint8Array): readonly [SourceFile, ...SourceFile[]] {
  const end = bytes.indexOf(0)
  if (end === -1) return [fileOf('a', bytes)]
  return [fileOf('a', bytes.subarray(0, end)), ...filesOf(bytes.subarray(end + 1))]
}

const someHash = '$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MjZP1+1U9JUbDWvDvtLyEsZiNXOKEUxfi6O2oe46uxA'

async function expectList(readDrafts: () => Drafts | Promise<Drafts>): Promise<void> {
  let drafts: Drafts
  try {
    drafts = await readDrafts()
  } catch (error) {
    return assert(error instanceof UnreadableFile && error.message.length > 0)
  }
  for (const onLoss of ['disable', 'refuse'] as const) {
    const hash = async (): Promise<string> => someHash
    const { users, mistakes } = await finishDrafts(drafts.drafts, { root: '/', onLoss, hash, unusableHash: hash })
    assert.equal(users.length + mistakes.length, drafts.drafts.length)
    for (const { message, place } of [...drafts.mistakes, ...mistakes]) assert(message.length > 0 && place.line > 0)
    for (const { entry, losses } of users)
      if (losses.some(({ kind }) => kind === 'wider')) assert(onLoss === 'disable' && entry.disabled === true)
    const list = await readUserList('users.yaml', Buffer.from(listText(users)))
    assert(list.accepted)
    const taken = list.entries.map(({ outcome }) => {
      assert(outcome.kind === 'user')
      const { name, home, disabled } = outcome.user
      return { name, home, disabled }
    })
    assert.deepEqual(
      taken,
      users.map(({ entry }) => ({ name: entry.name, home: entry.home, disabled: entry.disabled ?? false })),
    )
  }
}
