/** The order to remove homes that nobody needs any more: a file of its own beside the lists of users. */
import { type Static, Type } from 'typebox'
import { record, virtualPath } from './parts.ts'

const removedHome = record(
  {
    id: Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: '^[A-Za-z0-9._-]+$',
      description: 'Names the order in `/status`; another order has another one.',
    }),
    user: Type.String({ format: 'user-name', description: 'Whose home it was.' }),
    home: virtualPath('The directory, as the user had it.'),
    hosts: Type.Optional(
      Type.Array(Type.String({ maxLength: 253 }), {
        maxItems: 64,
        description: 'The only virtual hosts that the user could log in at.',
      }),
    ),
  },
  { description: 'A home to remove, with all that is in it.' },
)

/** Relative to the configuration directory. No list of users can have the name. */
export const removedHomesFile = 'users/removed-homes.order'
/** In one order. */
export const mostRemovedHomes = 1000

export const removedHomesSchema = record(
  {
    homes: Type.Array(removedHome, {
      maxItems: mostRemovedHomes,
      description: 'Homes to remove, one after the other.',
    }),
  },
  { description: 'Homes that nobody needs any more.' },
)

export type RemovedHome = Static<typeof removedHome>
export type RemovedHomes = Static<typeof removedHomesSchema>
