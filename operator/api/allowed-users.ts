/** Which FtpUsers a server takes: its half of the consent, the other being their `serverRefs`. */
import { Type } from 'typebox'
import { oneOf, record } from './fields.ts'
import { labelSelector } from './scheduling.ts'

export const allowedUsers = record(
  {
    namespaces: record(
      {
        from: oneOf(['None', 'Same', 'Selector', 'All'], {
          default: 'Same',
          description:
            'Namespaces whose FtpUsers are taken: none, that of the server, those that `selector` selects, or all.',
        }),
        selector: Type.Optional(
          labelSelector(
            'Labels of the namespaces, with `from: Selector`. An operator that looks after some namespaces only knows of each nothing but `kubernetes.io/metadata.name`.',
          ),
        ),
      },
      { default: {}, description: 'Namespaces whose FtpUsers are taken.' },
    ),
    selector: Type.Optional(labelSelector('Labels of the FtpUsers that are taken; all if absent.')),
  },
  {
    default: {},
    description:
      'FtpUsers that this server takes, out of those that name it in `serverRefs`. Their users come after those of `users` and before those of `usersFrom`.',
  },
)
