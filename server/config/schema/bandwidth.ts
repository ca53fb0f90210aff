/** How fast files may be moved: by session, by user, by listener. */
import { type Static, Type } from 'typebox'
import { record } from './parts.ts'

const rate = (description: string) =>
  Type.Optional(
    Type.Integer({
      minimum: 1024,
      maximum: 1_000_000_000_000,
      description: `${description} No limit if absent. In bytes a second.`,
    }),
  )

const rates = {
  uploadBytesPerSecond: rate('How fast files may come in.'),
  downloadBytesPerSecond: rate('How fast files and listings may go out.'),
}

export const bandwidth = record(
  {
    perSession: record(rates, { default: {}, description: 'For each session.' }),
    perUser: record(rates, {
      default: {},
      description: 'For all sessions of a user together, in all processes of the server; they share it evenly.',
    }),
  },
  {
    default: {},
    description:
      'How fast files may be moved. A session keeps to each limit that it is under; running transfers follow changes. Several servers, such as replicas, each hold them by themselves: what all give together is so many times as much.',
  },
)

export const listenerBandwidth = Type.Optional(
  record(rates, { description: 'For all sessions together that came in by the listener; they share it evenly.' }),
)

export const userBandwidth = Type.Optional(
  record(
    {
      ...rates,
      perSession: Type.Optional(record(rates, { description: 'For each session of the user.' })),
    },
    {
      description:
        'How fast the user may move files: all sessions together, and each. What is given here takes the place of the server’s `bandwidth`.',
    },
  ),
)

const ratesSchema = record(rates, { description: '' })
export type Rates = Static<typeof ratesSchema>
export type UserBandwidth = Rates & { readonly perSession?: Rates }
