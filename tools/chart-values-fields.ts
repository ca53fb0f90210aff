/** Values that both charts have: image, names, labels, where pods run. */
import { Type } from 'typebox'
import { annotations, flag, labels, list, mapOf, oneOf, record, text, textLike, whole } from '../operator/api/fields.ts'
import { schedulingFields } from '../operator/api/scheduling.ts'

/** The name of an object, or nothing. */
export const nameOrNothing = (description: string) =>
  textLike(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$/, {
    maxLength: 253,
    default: '',
    description,
  })

export const labelsValue = (description: string) => ({ ...labels(description), default: {} })
export const annotationsValue = (description: string) => ({ ...annotations(description), default: {} })

/** What Helm and parent charts put into the values of every chart. */
export const globalValue = Type.Optional(
  Type.Object({}, { description: 'Values that all charts of a release share; not used here.' }),
)

export const nameFields = {
  fullnameOverride: nameOrNothing('Name of all objects, in place of that of the release and the chart.'),
  commonLabels: labelsValue('Labels for every object.'),
}

const pullSecret = record(
  { name: text({ maxLength: 253, description: 'Name of the Secret.' }) },
  { description: 'A Secret.' },
)

export const image = (repository: string) =>
  record(
    {
      repository: text({ maxLength: 255, minLength: 1, default: repository, description: 'Name, with the registry.' }),
      tag: textLike(/^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$/, {
        maxLength: 128,
        default: '',
        description: 'Tag. The version of the chart’s application if empty.',
      }),
      digest: textLike(/^(sha256:[0-9a-f]{64})?$/, {
        maxLength: 71,
        default: '',
        description: 'Digest, such as `sha256:…`. It counts before the tag.',
      }),
      pullPolicy: oneOf(['Always', 'IfNotPresent', 'Never'], {
        default: 'IfNotPresent',
        description: 'When the image is pulled.',
      }),
      pullSecrets: list(pullSecret, {
        maxItems: 16,
        default: [],
        description: 'Secrets with credentials of the registry: `- name: NAME`.',
      }),
    },
    { description: 'The image.' },
  )

export const serviceAccount = record(
  {
    create: flag({ default: true, description: 'Whether the chart makes a ServiceAccount.' }),
    name: nameOrNothing('Its name; by default that of the other objects.'),
    annotations: annotationsValue('Its annotations.'),
  },
  { description: 'The ServiceAccount of the pods.' },
)

export const podMonitor = record(
  {
    enabled: flag({ default: false, description: 'Whether there is one; the cluster must know the kind.' }),
    interval: textLike(/^[0-9]+(ms|s|m|h)$/, { maxLength: 16, default: '30s', description: 'How often it scrapes.' }),
    labels: labelsValue('Its labels, by which Prometheus selects it.'),
  },
  { description: 'A PodMonitor of the Prometheus operator.' },
)

/** Objects that Kubernetes checks. */
export const kubernetesObjects = (description: string) =>
  Type.Array(Type.Object({}, { description: 'An object as in Kubernetes.' }), {
    default: [],
    maxItems: 64,
    description,
  })

const { resources, nodeSelector, tolerations, affinity, topologySpreadConstraints } = schedulingFields

export const podFields = (defaultResources: object) => ({
  resources: Type.Unsafe({ ...resources, default: defaultResources, description: 'Requests and limits.' }),
  podLabels: labelsValue('Labels for the pods.'),
  podAnnotations: annotationsValue('Annotations for the pods.'),
  nodeSelector: Type.Unsafe({ ...nodeSelector, default: {} }),
  tolerations: Type.Unsafe({ ...tolerations, default: [] }),
  affinity: Type.Unsafe({ ...affinity, default: {} }),
  topologySpreadConstraints: Type.Unsafe({
    ...topologySpreadConstraints,
    default: [],
    description: 'How the pods are spread over nodes and zones.',
  }),
  priorityClassName: nameOrNothing('Priority class of the pods.'),
  extraEnv: kubernetesObjects('Environment variables: `- name: NAME` with `value` or `valueFrom`.'),
})

export const ports = (description: string, options: { readonly default: Readonly<Record<string, number>> }) => ({
  ...mapOf(whole({ minimum: 1, maximum: 65_535, description: 'A port.' }), { maxProperties: 16, description }),
  ...options,
})
