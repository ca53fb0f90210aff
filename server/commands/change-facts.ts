/** What MFMT and MFF share. */
import type { LoggedInContext, Outcome } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { formatTime } from '../listing/facts.ts'
import type { Need } from '../storage/guarded.ts'
import { resolvePath } from '../storage/path.ts'
import type { NewFacts } from './new-facts.ts'

/** Changes all of the facts or, where the user may not change one of them, none; tells which values they have got. */
export async function changeFacts(
  { session, storage }: LoggedInContext,
  { modified, mode }: NewFacts,
  name: string,
): Promise<Outcome> {
  const path = resolvePath(session.cwd, name)
  const needs: Need[] = []
  if (modified !== undefined) needs.push({ permission: 'mtime', path })
  if (mode !== undefined) needs.push({ permission: 'chmod', path })
  storage.demand(needs)
  let facts = ''
  if (mode !== undefined) await storage.setMode(path, mode)
  if (modified !== undefined) facts += `Modify=${formatTime(await storage.setModified(path, modified))};`
  if (mode !== undefined) facts += `UNIX.mode=${mode.toString(8).padStart(4, '0')};`
  return { kind: 'reply', reply: reply(213, `${facts} ${name}`) }
}
