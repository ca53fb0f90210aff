/** Texts for people: after login, and in directories. */
import { Type } from 'typebox'
import { record } from './parts.ts'

export const welcome = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: `${description} May have several lines.` }))

export const messages = record(
  {
    welcome: welcome('Text after login, before the last line of the reply.'),
    directoryFile: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$',
        maxLength: 64,
        description:
          'Name of a file, such as `.message`, whose text is told when a directory that has it becomes the working directory: up to 4 KiB and 40 lines, to users who may download it. None is looked for if absent.',
      }),
    ),
  },
  { default: {}, description: 'Texts for the people who use a client.' },
)
