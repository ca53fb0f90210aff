/** Names of files that are hidden or denied, by pattern. */
import { Type } from 'typebox'
import { record } from './parts.ts'

/** No name has a slash. */
export const namePattern = '^[^/\\x00]+$'

const patterns = (description: string) =>
  Type.Array(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: namePattern,
      description: 'A pattern for one name, without `/`: `*`, `?` and `[…]` as in a shell.',
    }),
    { maxItems: 64, default: [], description },
  )

const properties = () => ({
  hide: patterns('Names that are not listed, but there for whoever knows them.'),
  deny: patterns('Names that are as if they were not there, with all that is below them; none can be made.'),
})

export const names = record(properties(), {
  default: {},
  description:
    'Names of files and directories that are hidden or denied, whatever users may do: patterns over whole names at any depth, for capitals and small letters alike. Names that begin with a dot are names like all others.',
})

export const userNames = record(properties(), {
  description: 'Names that are hidden from this user or denied, beside those of `names` in `server.yaml`.',
})
