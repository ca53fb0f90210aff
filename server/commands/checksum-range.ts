/** What the commands named X… take: a name, in quotes or not, and perhaps where to begin and where to end. */
import type { LoggedInContext } from '../control/command.ts'
import { resolvePath } from '../storage/path.ts'
import { isStorageError } from '../storage/storage.ts'
import { takeLastNumber, takeQuoted } from './quoted-name.ts'

export type ChecksumRange = { readonly path: string; readonly start: number; readonly end?: number }

/** Undefined where what follows a name in quotes is not understood. */
export async function checksumRange(context: LoggedInContext, argument: string): Promise<ChecksumRange | undefined> {
  const { cwd } = context.session
  const quoted = takeQuoted(argument)
  if (quoted !== undefined) {
    const { rest, ...range } = takeRange(quoted.rest)
    return rest === '' ? { path: resolvePath(cwd, quoted.name), ...range } : undefined
  }
  const path = resolvePath(cwd, argument)
  const { rest, ...range } = takeRange(argument)
  if (rest === argument || rest === '' || (await isThere(context, path))) return { path, start: 0 }
  return { path: resolvePath(cwd, rest), ...range }
}

/** One number is where to end, two are where to begin and to end: what is at the end does not belong to it. */
function takeRange(text: string): { readonly rest: string; readonly start: number; readonly end?: number } {
  const last = takeLastNumber(text)
  if (last === undefined) return { rest: text, start: 0 }
  const first = takeLastNumber(last.rest)
  if (first === undefined) return { rest: last.rest, start: 0, end: last.number }
  return { rest: first.rest, start: first.number, end: last.number }
}

/** A file may be named like that. */
async function isThere({ storage }: LoggedInContext, path: string): Promise<boolean> {
  try {
    await storage.stat(path)
    return true
  } catch (error) {
    if (isStorageError(error, 'not-found') || isStorageError(error, 'forbidden')) return false
    throw error
  }
}
