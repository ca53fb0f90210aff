import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { bitsOf } from '../../control/session/session.ts'
import { joinPath, namesOf, resolvePath } from '../../storage/path.ts'
import { isStorageError, type Storage, StorageError } from '../../storage/storage.ts'

/** SITE MKDIR, as ProFTPD's mod_site_misc has it: a directory with all that are missing above it. */
export const siteMkdir: LoginCommand = {
  verbs: ['MKDIR'],
  syntax: 'SITE MKDIR <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Makes a directory, and those above it that are missing.',
  argument: 'required',
  needs: 'mkdir',
  features: () => ['SITE MKDIR'],
  async run({ session, storage }, argument) {
    const wanted = resolvePath(session.cwd, argument)
    storage.demand([{ permission: 'mkdir', path: wanted }])
    const missing = await missingOn(storage, wanted)
    storage.demand(missing.map(path => ({ permission: 'mkdir', path })))
    for (const path of missing) await makeUnlessThere(storage, path, bitsOf(session, 0o777))
    return { kind: 'reply', reply: reply(200, 'The directory is there.') }
  },
}

/** From the top. Rejects with `not-a-directory` where something else has one of the names. */
async function missingOn(storage: Pick<Storage, 'stat'>, path: string): Promise<readonly string[]> {
  const missing: string[] = []
  let directory = '/'
  for (const name of namesOf(path)) {
    directory = joinPath(directory, name)
    if (missing.length > 0 || !(await isDirectory(storage, directory))) missing.push(directory)
  }
  return missing
}

async function isDirectory(storage: Pick<Storage, 'stat'>, path: string): Promise<boolean> {
  try {
    if ((await storage.stat(path)).type !== 'directory') throw new StorageError('not-a-directory')
    return true
  } catch (error) {
    if (isStorageError(error, 'not-found')) return false
    throw error
  }
}

/** Somebody else may be quicker. */
async function makeUnlessThere(
  storage: Pick<Storage, 'stat' | 'makeDirectory'>,
  path: string,
  permissions: number | undefined,
): Promise<void> {
  try {
    await storage.makeDirectory(path, permissions)
  } catch (error) {
    if (!isStorageError(error, 'exists') || !(await isDirectory(storage, path))) throw error
  }
}
