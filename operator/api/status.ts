/** What the operator has seen and done: status. Numbers that never rest, such as sessions, are metrics and not here. */
import { type Static, Type } from 'typebox'
import { serverSchema } from '../../server/config/schema.ts'
import { list, listByKey, oneOf, port, record, text, textLike, whole } from './fields.ts'
import { kubernetesStyle } from './kubernetes-style.ts'

export const conditionTypes = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Available',
  'ConfigApplied',
  'UsersAccepted',
  'CertificateReady',
  'AddressReady',
  'StorageReady',
  'SnapshotsReady',
  'SourceIPPreserved',
  'PortsWithinLimits',
  'PassiveVerified',
] as const
export type ConditionType = (typeof conditionTypes)[number]

const time = (description: string) => Type.String({ format: 'date-time', maxLength: 64, description })
const count = (description: string) => whole({ minimum: 0, maximum: 2_147_483_647, description })
const name = (description: string) => text({ maxLength: 253, description })

/** As `metav1.Condition` of Kubernetes. */
export const condition = record(
  {
    type: textLike(/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, {
      maxLength: 316,
      description: 'Type of the condition.',
    }),
    status: oneOf(['True', 'False', 'Unknown'], { description: 'Whether it holds.' }),
    observedGeneration: Type.Optional(
      Type.Integer({ format: 'int64', minimum: 0, description: 'Generation of the resource that it was found for.' }),
    ),
    lastTransitionTime: time('When `status` changed last.'),
    reason: textLike(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/, {
      maxLength: 1024,
      description: 'Why, as one word in CamelCase.',
    }),
    message: text({ maxLength: 32_768, description: 'Why, for people.' }),
  },
  { description: 'One aspect of the state.' },
)
export type Condition = Static<typeof condition>

const server = serverSchema.properties

export const statusSchema = record(
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
        maxItems: 32,
        description: `The state: ${conditionTypes.map(type => `\`${type}\``).join(', ')}.`,
      }),
    ),
    address: Type.Optional(name('Address at which clients find the server: an IP address or a host name.')),
    endpoints: Type.Optional(
      listByKey(
        'name',
        record(
          {
            name: text({ maxLength: 15, description: 'Name of the listener.' }),
            url: text({ maxLength: 512, description: 'URL, such as `ftp://203.0.113.7:21`.' }),
            tls: kubernetesStyle(
              oneOf(server.listeners.items.properties.tls.enum, { description: 'TLS mode of the listener.' }),
            ),
          },
          { description: 'A listener as clients reach it.' },
        ),
        { maxItems: 16, description: 'The listeners as clients reach them.' },
      ),
    ),
    passive: Type.Optional(
      record(
        {
          advertisedAddress: Type.Optional(name('Address told to clients by PASV.')),
          ports: Type.Optional(
            text({ maxLength: 32, description: 'All passive ports in use, such as `20000-20059`.' }),
          ),
          slices: Type.Optional(
            listByKey(
              'replica',
              record(
                {
                  replica: count('Number of the replica, counted from 0.'),
                  firstPort: port({ description: 'Its first passive port.' }),
                  lastPort: port({ description: 'Its last passive port.' }),
                },
                { description: 'The passive ports of one replica.' },
              ),
              { maxItems: 50, description: 'The passive ports of each replica.' },
            ),
          ),
          advertisedPorts: Type.Optional(
            list(
              record(
                {
                  port: port({ description: 'Port that the server listens on.' }),
                  advertised: port({ description: 'Port that clients are told to connect to.' }),
                },
                { description: 'One port that is reached under another number.' },
              ),
              {
                maxItems: 4096,
                description: 'Passive ports that are reached under other numbers, such as node ports.',
              },
            ),
          ),
          verification: Type.Optional(
            record(
              {
                time: time('When the passive ports were found as `PassiveVerified` has it.'),
                digest: text({
                  maxLength: 64,
                  description: 'Of what was tried: where it is another, it is tried anew.',
                }),
              },
              { description: 'The last try of the passive ports.' },
            ),
          ),
        },
        { description: 'Passive data connections.' },
      ),
    ),
    users: Type.Optional(
      record(
        {
          total: Type.Optional(count('Users that were found.')),
          accepted: count('Users that can log in.'),
          rejected: count('Entries that were refused; the condition `UsersAccepted` says why.'),
        },
        { description: 'How many users there are.' },
      ),
    ),
    tls: Type.Optional(
      record(
        {
          secretName: Type.Optional(name('Secret with the certificate.')),
          notAfter: Type.Optional(time('When the certificate expires.')),
          fingerprint: Type.Optional(
            text({ maxLength: 95, description: 'SHA-256 fingerprint of the certificate, as `AB:CD:…`.' }),
          ),
        },
        { description: 'The certificate.' },
      ),
    ),
    replicas: Type.Optional(count('Replicas there are.')),
    readyReplicas: Type.Optional(count('Replicas that are ready.')),
    selector: Type.Optional(text({ maxLength: 1024, description: 'Selector of the pods, for the scale subresource.' })),
    storage: Type.Optional(
      record(
        {
          claimName: Type.Optional(name('The claim.')),
          capacity: Type.Optional(text({ maxLength: 32, description: 'Size of the volume.' })),
          snapshots: Type.Optional(
            record(
              {
                schedule: Type.Optional(
                  text({ maxLength: 321, description: 'Schedule and time zone that the times are of.' }),
                ),
                lastScheduleTime: Type.Optional(
                  time('Time of the schedule up to which all is made; first, when the schedule was seen.'),
                ),
                nextScheduleTime: Type.Optional(time('Next time of the schedule.')),
                lastSuccessfulTime: Type.Optional(time('State of the volume that the newest ready snapshot has.')),
                lastSuccessfulName: Type.Optional(name('The newest snapshot that is ready to use.')),
                lastRequest: Type.Optional(
                  text({
                    maxLength: 63,
                    description: 'Value of the annotation `ftp-operator.io/snapshot` that one was made for.',
                  }),
                ),
              },
              { description: 'Snapshots of the volume.' },
            ),
          ),
        },
        { description: 'The volume.' },
      ),
    ),
    config: Type.Optional(
      record(
        {
          hash: text({ maxLength: 64, description: 'Hash of the configuration that is to be in force.' }),
          appliedReplicas: count('Replicas in which it is.'),
        },
        { description: 'The configuration in force.' },
      ),
    ),
    image: Type.Optional(text({ maxLength: 512, description: 'Image of the server.' })),
  },
  { description: 'What the operator has seen and done.' },
)
