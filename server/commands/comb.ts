import type { LoggedInContext, LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { bitsOf } from '../control/session/session.ts'
import { parentOf, resolvePath } from '../storage/path.ts'
import { type Entry, isStorageError, StorageError } from '../storage/storage.ts'
import { takeNames } from './quoted-name.ts'

/** COMB, as GlobalSCAPE's and Serv-U's clients send it after they have uploaded a file in parts: puts the parts together and deletes them. */
export const comb: LoginCommand = {
  verbs: ['COMB'],
  syntax: 'COMB <SP> <pathname> <SP> <part> [<SP> <part>]',
  rfc: 'No RFC; customary',
  summary: 'Appends files to a file, which is made if it is missing, and deletes them.',
  argument: 'required',
  needs: ['append', 'upload'],
  needsAlso: ['download', 'delete'],
  features: () => ['COMB'],
  async run(context, argument) {
    const { session, storage } = context
    const [target, ...parts] = (takeNames(argument) ?? []).map(name => resolvePath(session.cwd, name))
    if (target === undefined || parts.length === 0) {
      return { kind: 'reply', reply: reply(501, 'A file and its parts are needed, each in quotes.') }
    }
    if (new Set([target, ...parts]).size <= parts.length) {
      return { kind: 'reply', reply: reply(501, 'No file can be there twice.') }
    }
    await demandAll(context, target, parts)
    return {
      kind: 'task',
      task: {
        path: target,
        async run(signal, progress) {
          await storage.appendFiles(target, parts, { signal, progress, permissions: bitsOf(session, 0o666) })
          for (const part of parts) await storage.removeFile(part)
          return reply(250, `${parts.length} parts were combined.`)
        },
      },
    }
  },
}

/** So that nothing is begun that can't be finished. */
async function demandAll(
  { storage }: Pick<LoggedInContext, 'storage'>,
  target: string,
  parts: readonly string[],
): Promise<void> {
  for (const path of parts) {
    storage.demand([
      { permission: 'download', path },
      { permission: 'delete', path },
    ])
  }
  const existing = await fileIfThere(storage, target)
  let bytes = 0
  for (const path of parts) {
    const { type, size, unique } = await storage.stat(path)
    if (type !== 'file') throw new StorageError('not-a-file')
    // It may have several names: what is appended to itself has no end.
    if (unique === existing?.unique) throw new StorageError('exists')
    bytes += size
  }
  storage.demand([{ permission: existing === undefined ? 'upload' : 'append', path: target }])
  await storage.checkRoom(parentOf(target), bytes)
}

async function fileIfThere(storage: LoggedInContext['storage'], path: string): Promise<Entry | undefined> {
  try {
    const entry = await storage.stat(path)
    if (entry.type !== 'file') throw new StorageError('not-a-file')
    return entry
  } catch (error) {
    if (isStorageError(error, 'not-found')) return undefined
    throw error
  }
}
