import { algorithms } from '../checksums/algorithm.ts'
import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'
import { isStorageError } from '../storage/storage.ts'
import { checksumTask } from './checksum-task.ts'
import { takeName } from './quoted-name.ts'

/** HASH of the Internet-Draft draft-bryan-ftpext-hash: a checksum of a file, or of the part of it that RANG or REST has set. */
export const hash: LoginCommand = {
  verbs: ['HASH'],
  syntax: 'HASH <SP> <pathname>',
  rfc: 'draft-bryan-ftpext-hash',
  summary: 'Tells the checksum of a file; OPTS HASH chooses the algorithm.',
  argument: 'required',
  needs: 'download',
  restarts: true,
  features({ session }) {
    const names = algorithms.map(name => (name === session.hashAlgorithm ? `${name}*` : name))
    return [`HASH ${names.join(';')}`]
  },
  async run(context, argument) {
    const { cwd, hashAlgorithm: algorithm, restartOffset: start, rangeEnd } = context.session
    try {
      return await checksumTask(context, {
        // WinSCP puts names with spaces in quotes.
        path: resolvePath(cwd, takeName(argument)),
        algorithm,
        start,
        end: rangeEnd,
        beyond: 'take-less',
        waiting: takesOneLine(context.session.client) ? undefined : computing,
        // Both ends belong to the range, as in RANG.
        answer: (hex, part) =>
          reply(213, `${algorithm} ${part.start}-${Math.max(part.start, part.end - 1)} ${hex} ${argument}`),
      })
    } catch (error) {
      // The draft has a code of its own for directories.
      if (isStorageError(error, 'not-a-file')) return { kind: 'reply', reply: reply(553, 'Not a plain file.') }
      throw error
    }
  },
}

/** draft-bryan-ftpext-hash has such lines, so that neither clients nor firewalls give up on a long file. */
const computing = reply(213, 'The checksum is being computed.')

/** WinSCP takes an answer of several lines for a broken one. */
function takesOneLine(client: string | undefined): boolean {
  return client !== undefined && /\bwinscp\b/i.test(client)
}
