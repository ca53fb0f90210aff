/** Where the files of the users are. */
import { Type } from 'typebox'
import { serverSchema } from '../../server/config/schema.ts'
import { annotations, flag, labels, list, objectName, oneOf, record, size, text, textLike, whole } from './fields.ts'
import { kubernetesStyle } from './kubernetes-style.ts'

const claim = record(
  {
    storageClassName: Type.Optional(
      objectName('Storage class; the default one of the cluster if absent. Can’t be changed.'),
    ),
    size: size('Size of the volume, such as `100Gi`. May grow, and can’t shrink.'),
    accessModes: list(
      oneOf(['ReadWriteOnce', 'ReadWriteOncePod', 'ReadWriteMany', 'ReadOnlyMany'], { description: 'A mode.' }),
      {
        minItems: 1,
        maxItems: 4,
        default: ['ReadWriteOnce'],
        description: 'How the volume can be mounted. Several replicas need `ReadWriteMany`. Can’t be changed.',
      },
    ),
    volumeName: Type.Optional(objectName('A volume that is there already. Can’t be changed.')),
    dataSource: Type.Optional(
      record(
        {
          apiGroup: Type.Optional(
            text({
              maxLength: 253,
              description: 'API group, such as `snapshot.storage.k8s.io`; the core group if absent.',
            }),
          ),
          kind: text({
            maxLength: 63,
            minLength: 1,
            description: 'Kind, such as `VolumeSnapshot` or `PersistentVolumeClaim`.',
          }),
          name: objectName('Name of the object.'),
        },
        { description: 'What the volume is filled with when it is made. Can’t be changed.' },
      ),
    ),
    annotations: Type.Optional(annotations('Annotations for the claim.')),
    labels: Type.Optional(labels('Labels for the claim.')),
  },
  { description: 'A claim that the operator makes, named after the server with `-data` at its end.' },
)

const snapshots = record(
  {
    // What each field takes is told by the condition: a pattern that says it all can’t be read.
    schedule: Type.Optional(
      textLike(
        /^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*?/,-]+( +[0-9A-Za-z*?/,-]+){4})$/,
        {
          maxLength: 256,
          description:
            'When snapshots are made, as for a CronJob: minute, hour, day of the month, month and day of the week, such as `0 3 * * *`. None by themselves if absent.',
        },
      ),
    ),
    timeZone: textLike(/^[A-Za-z0-9+_-]+(\/[A-Za-z0-9+_-]+)*$/, {
      maxLength: 64,
      default: 'UTC',
      description: 'IANA name of the time zone of `schedule`, such as `Europe/Berlin`.',
    }),
    className: Type.Optional(
      objectName('VolumeSnapshotClass; the default one of the cluster for the volume’s driver if absent.'),
    ),
    retention: record(
      {
        maxCount: whole({
          minimum: 1,
          maximum: 1000,
          default: 7,
          description: 'How many snapshots of the schedule are kept. Only those that are ready to use count.',
        }),
        maxAgeDays: Type.Optional(
          whole({
            minimum: 1,
            maximum: 36_500,
            description: 'For how many days they are kept; the newest that is ready stays longer. No limit if absent.',
          }),
        ),
      },
      {
        default: {},
        description:
          'Which snapshots of the schedule are kept; older ones are removed when newer ones are ready. Those that were asked for stay.',
      },
    ),
    suspend: flag({ default: false, description: 'Whether the schedule rests: none is made, and none removed.' }),
  },
  {
    description:
      'VolumeSnapshots of the claim, on a schedule, and when the annotation `ftp-operator.io/snapshot` gets a new value. They stay when the server is deleted.',
  },
)

export const storage = record(
  {
    claim: Type.Optional(claim),
    existingClaimName: Type.Optional(
      objectName('A claim that is there already. The operator neither changes nor deletes it.'),
    ),
    emptyDir: Type.Optional(
      record(
        { sizeLimit: Type.Optional(size('Largest size of all files.')) },
        { description: 'Files that are lost with the pod.' },
      ),
    ),
    retentionPolicy: oneOf(['Retain', 'Delete'], {
      default: 'Retain',
      description:
        'What becomes of `claim` when the server is deleted: it stays with its files, or is deleted with them.',
    }),
    snapshots: Type.Optional(snapshots),
    // Components that are neither empty nor `.` nor `..`.
    subPath: Type.Optional(
      textLike(/^([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+)(\/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+))*$/, {
        maxLength: 1024,
        description: 'Directory of the volume in which the files are; a relative path without `..`.',
      }),
    ),
    // The volume is at `/data` in the pod; other directories are those of the pod template.
    symlinks: kubernetesStyle(serverSchema.properties.storage.properties.symlinks),
    fsGroup: whole({
      minimum: 0,
      maximum: 2_147_483_647,
      default: 65_532,
      description: 'Group that owns the volume, and that the server belongs to.',
    }),
  },
  { description: 'Where the files are: exactly one of `claim`, `existingClaimName` and `emptyDir`, for good.' },
)
