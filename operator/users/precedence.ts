/** Which of several FtpUsers comes first at a server: of those with one name the first has it. Pure. */
import type { FtpServer } from '../api/ftp-server.ts'
import { keyOf } from '../kubernetes/object.ts'
import type { ObservedUser } from '../observation/observed-user.ts'

/**
 * The older first. Times have whole seconds: of one second whoever has been let in comes first, so that nobody loses a name in use, and
 * whoever was told that another has it last.
 */
export function inPrecedence(server: FtpServer, users: readonly ObservedUser[]): readonly ObservedUser[] {
  return users
    .map(each => ({
      each,
      created: Date.parse(each.user.metadata.creationTimestamp ?? ''),
      rank: rankAt(server, each),
    }))
    .toSorted((one, other) => {
      if (one.created !== other.created && !Number.isNaN(one.created - other.created)) {
        return one.created - other.created
      }
      if (one.rank !== other.rank) return one.rank - other.rank
      return keyOf(one.each.user.metadata) < keyOf(other.each.user.metadata) ? -1 : 1
    })
    .map(({ each }) => each)
}

/** Told to users before it is asked who has the name. All other reasons but NameConflict are of somebody who has it. */
const undecided: ReadonlySet<string> = new Set(['Pending', 'NotAllowed', 'ServerNotFound'])

function rankAt(server: FtpServer, observed: ObservedUser): number {
  const last = lastWord(server, observed)
  if (last === undefined || undecided.has(last.reason)) return 2
  if (last.reason === 'NameConflict') return 3
  // Of two that have been let in one has left meanwhile and come back, as a later generation.
  return last.generation === observed.user.metadata.generation ? 0 : 1
}

/** What the server has said of the user last. Status may be behind that, but outlives the operator. */
function lastWord(
  { metadata: { name, namespace } }: FtpServer,
  { user, known }: ObservedUser,
): { readonly reason: string; readonly generation: number | undefined } | undefined {
  if (known !== undefined && known.uid === user.metadata.uid) {
    return { reason: known.verdict.accepted ? 'Accepted' : known.verdict.reason, generation: known.generation }
  }
  const told = user.status?.servers?.find(each => each.name === name && each.namespace === namespace)
  const accepted = told?.conditions.find(({ type }) => type === 'Accepted')
  return accepted && { reason: accepted.reason, generation: accepted.observedGeneration }
}
