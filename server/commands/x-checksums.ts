import type { Algorithm } from '../checksums/algorithm.ts'
import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { checksumRange } from './checksum-range.ts'
import { checksumTask } from './checksum-task.ts'

/**
 * XCRC and those that came after it, as GlobalSCAPE's and other clients send them: older than HASH, and in no RFC. Nothing is said while they are
 * computed: clients such as Beyond Compare fail at answers of several lines, for which ProFTPD has given them up.
 */
export const xChecksums: readonly LoginCommand[] = [
  checksumCommand('XCRC', 'CRC32'),
  checksumCommand('XMD5', 'MD5'),
  checksumCommand('XSHA', 'SHA-1'),
  checksumCommand('XSHA1', 'SHA-1'),
  checksumCommand('XSHA256', 'SHA-256'),
  checksumCommand('XSHA512', 'SHA-512'),
]

function checksumCommand(verb: string, algorithm: Algorithm): LoginCommand {
  return {
    verbs: [verb],
    syntax: `${verb} <SP> <pathname> [<SP> [<start-point> <SP>] <end-point>]`,
    rfc: 'No RFC; customary',
    summary: `Tells the ${algorithm} checksum of a file or of a part of it.`,
    argument: 'required',
    needs: 'download',
    features: () => [verb],
    async run(context, argument) {
      const range = await checksumRange(context, argument)
      if (range === undefined || range.start > (range.end ?? range.start)) {
        return { kind: 'reply', reply: reply(501, 'The range must be an end, or a start and an end.') }
      }
      return await checksumTask(context, {
        ...range,
        algorithm,
        beyond: 'refuse',
        answer: hex => reply(250, hex.toUpperCase()),
      })
    },
  }
}
