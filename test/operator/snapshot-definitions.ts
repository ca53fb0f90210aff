/**
 * VolumeSnapshot and VolumeSnapshotClass for API servers of tests: the fields that the operator uses, with the rules that
 * kubernetes-csi/external-snapshotter (v8) has for them. Nobody makes snapshots there: tests say how each turned out.
 */
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { Manifest, ResourceKind } from '../../operator/kubernetes/object.ts'

const text = { type: 'string' }
const time = { type: 'string', format: 'date-time' }
const record = (properties: object, required: readonly string[] = []) => ({ type: 'object', properties, required })

const snapshotSchema = record(
  {
    apiVersion: text,
    kind: text,
    metadata: { type: 'object' },
    spec: record(
      {
        source: {
          ...record({
            persistentVolumeClaimName: {
              ...text,
              'x-kubernetes-validations': [
                { rule: 'self == oldSelf', message: 'persistentVolumeClaimName is immutable' },
              ],
            },
            volumeSnapshotContentName: text,
          }),
          'x-kubernetes-validations': [
            {
              rule: 'has(self.volumeSnapshotContentName) != has(self.persistentVolumeClaimName)',
              message: 'exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set',
            },
          ],
        },
        volumeSnapshotClassName: {
          ...text,
          'x-kubernetes-validations': [{ rule: 'size(self) > 0', message: 'must not be the empty string when set' }],
        },
      },
      ['source'],
    ),
    status: record({
      boundVolumeSnapshotContentName: text,
      creationTime: time,
      error: record({ message: text, time }),
      readyToUse: { type: 'boolean' },
      restoreSize: text,
    }),
  },
  ['spec'],
)

const classSchema = record(
  {
    apiVersion: text,
    kind: text,
    metadata: { type: 'object' },
    driver: text,
    deletionPolicy: { ...text, enum: ['Delete', 'Retain'] },
    parameters: { type: 'object', additionalProperties: text },
  },
  ['driver', 'deletionPolicy'],
)

export const snapshotDefinitions: readonly Manifest[] = [
  definitionOf(kinds.volumeSnapshot, snapshotSchema, { status: {} }),
  definitionOf(kinds.volumeSnapshotClass, classSchema),
]

export function snapshotClass(name: string, isDefault: boolean): Manifest & Record<string, unknown> {
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshotClass',
    metadata: {
      name,
      ...(isDefault && { annotations: { 'snapshot.storage.kubernetes.io/is-default-class': 'true' } }),
    },
    driver: 'csi.example.com',
    deletionPolicy: 'Delete',
  }
}

function definitionOf(
  { group, version, plural, kind, namespaced }: ResourceKind,
  openAPIV3Schema: object,
  subresources: object = {},
): Manifest & Record<string, unknown> {
  const metadata = {
    name: `${plural}.${group}`,
    // Groups under k8s.io are reserved for APIs that were agreed on.
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-csi/external-snapshotter/pull/814' },
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata,
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: { plural, kind },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema }, subresources }],
    },
  }
}
