/** Events by webhook: the server's own settings, and the Secrets that requests are signed with. */
import { Type } from 'typebox'
import { serverSchema } from '../../server/config/schema.ts'
import { dataKey, listByKey, objectName, record, textLike, wholeRecord } from './fields.ts'
import { kubernetesStyle } from './kubernetes-style.ts'

const { durability, spool, sinks } = serverSchema.properties.events.properties
const { name, url, kinds, mode, secretFile: _, ...waits } = sinks.items.properties

export const events = record(
  {
    source: Type.Optional(
      textLike(/^[!-~]+$/, {
        maxLength: 1024,
        description:
          'The attribute `source` of all events: a URI or a part of one. By default the path of this resource: `/apis/ftp-operator.io/v1alpha1/namespaces/NAMESPACE/ftpservers/NAME`.',
      }),
    ),
    durability: kubernetesStyle(durability),
    spool: kubernetesStyle(
      record(spool.properties, {
        default: {},
        description: 'Where events wait: on the volume with the files, hidden from users; for each replica its own.',
      }),
    ),
    sinks: listByKey(
      'name',
      kubernetesStyle(
        record(
          {
            ...{ name, url, kinds, mode },
            secretRef: Type.Optional(
              wholeRecord(
                {
                  name: objectName('Name of the Secret.'),
                  key: dataKey({ default: 'secret', description: 'Key of the Secret.' }),
                },
                {
                  description:
                    'Secret that requests are signed with, a line each if there are several. Without it they are not signed. Followed as it changes; another Secret means a restart.',
                },
              ),
            ),
            ...waits,
          },
          { description: 'Where events are sent.' },
        ),
      ),
      {
        maxItems: 16,
        default: [],
        description: 'Where events are sent: each sink gets them in their order, at least once.',
      },
    ),
  },
  {
    default: {},
    description: 'Events by webhook (CloudEvents 1.0): files that come, go and are fetched, failed logins, bans.',
  },
)
