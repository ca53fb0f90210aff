/** What the operator has seen and done for a user: status. */
import { Type } from 'typebox'
import { list, listByKey, record, text } from './fields.ts'
import { condition } from './status.ts'

const name = (description: string) => text({ maxLength: 253, description })

const binding = (description: string) => Type.Optional(record({ name: name('Name of the Secret.') }, { description }))

const server = record(
  {
    name: name('Name of the server.'),
    namespace: name('Namespace of the server.'),
    binding: binding(
      'The Secret with a generated password and all that a client of this server needs, where the user has several servers.',
    ),
    conditions: listByKey('type', condition, {
      maxItems: 8,
      description:
        '`Accepted`: whether the server takes the user. `Synced`: whether all its pods have the user as it is now in force. Of a user who is being deleted in place of both `HomeRemoved`: whether its home is gone.',
    }),
  },
  { description: 'The user at one server.' },
)

export const ftpUserStatusSchema = record(
  {
    observedGeneration: Type.Optional(
      Type.Integer({
        format: 'int64',
        minimum: 0,
        description: 'Generation of the resource that this status is about.',
      }),
    ),
    conditions: Type.Optional(
      listByKey('type', condition, {
        maxItems: 8,
        description: '`Ready`: whether the user is in force at all its servers.',
      }),
    ),
    username: Type.Optional(text({ maxLength: 64, description: 'The name to log in with.' })),
    servers: Type.Optional(
      list(server, { maxItems: 16, description: 'The user at each server of `spec.serverRefs`, in that order.' }),
    ),
    binding: binding(
      'The Secret with a generated password and all that a client needs, as servicebinding.io has it: a Provisioned Service. Its address is that of the first server that lets the user in.',
    ),
    rotatesAt: Type.Optional(
      text({ maxLength: 64, description: 'When a generated password is renewed next, in RFC 3339.' }),
    ),
  },
  { description: 'What the operator has seen and done.' },
)
