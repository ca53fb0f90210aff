/** What runs: replicas, image, pods and what is around them. */
import { Type } from 'typebox'
import {
  annotations,
  countOrPercentage,
  flag,
  labels,
  list,
  listByKey,
  objectName,
  oneOf,
  record,
  textLike,
  whole,
} from './fields.ts'
import { labelSelector, schedulingFields } from './scheduling.ts'

const cidr = (description: string) => textLike(/^[0-9a-fA-F.:]+\/[0-9]{1,3}$/, { maxLength: 64, description })

const peer = record(
  {
    ipBlock: Type.Optional(
      record(
        {
          cidr: cidr('A network in CIDR notation.'),
          except: Type.Optional(
            list(cidr('A network in CIDR notation.'), {
              maxItems: 64,
              description: 'Networks within it that are left out.',
            }),
          ),
        },
        { description: 'A network.' },
      ),
    ),
    podSelector: Type.Optional(labelSelector('Pods, of this namespace or of those of `namespaceSelector`.')),
    namespaceSelector: Type.Optional(labelSelector('Namespaces.')),
  },
  { description: 'Clients: `ipBlock`, or `podSelector` and `namespaceSelector`.' },
)

const made = (description: string) => oneOf(['Auto', 'Enabled', 'Disabled'], { default: 'Auto', description })

export const workloadFields = {
  replicas: whole({
    minimum: 0,
    maximum: 50,
    default: 1,
    description: 'Pods that serve behind the one address. More than one needs a volume that all of them can write.',
  }),
  image: Type.Optional(
    textLike(/^[a-zA-Z0-9][-a-zA-Z0-9._/:@]*$/, {
      maxLength: 512,
      description: 'Image of the server; that of the operator’s release if absent.',
    }),
  ),
  imagePullPolicy: Type.Optional(
    oneOf(['Always', 'IfNotPresent', 'Never'], {
      description: 'When the image is pulled; as Kubernetes decides if absent.',
    }),
  ),
  imagePullSecrets: listByKey(
    'name',
    record({ name: objectName('Name of the Secret.') }, { description: 'A Secret with credentials of a registry.' }),
    { maxItems: 16, default: [], description: 'Secrets with which the image is pulled.' },
  ),
  ...schedulingFields,
  podTemplate: Type.Optional(
    Type.Unsafe<PodTemplateOverlay>({
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: {
        metadata: {
          type: 'object',
          description: 'Labels and annotations of the pods.',
          'x-kubernetes-preserve-unknown-fields': true,
        },
        spec: {
          type: 'object',
          description: 'Specification of the pods.',
          'x-kubernetes-preserve-unknown-fields': true,
        },
      },
      description:
        'Laid over the template of the pods, as a strategic merge: the last resort for what has no field of its own.',
    }),
  ),
  inheritedMetadata: record(
    {
      labels: Type.Optional(labels('Labels.')),
      annotations: Type.Optional(annotations('Annotations.')),
    },
    { default: {}, description: 'Labels and annotations for every object that the operator makes for this server.' },
  ),
  drainSeconds: whole({
    minimum: 1,
    maximum: 86_400,
    default: 300,
    description:
      'How long transfers may go on in a pod that is told to stop. Sessions end when they have neither a transfer nor a command for 5 s. In seconds.',
  }),
  podDisruptionBudget: record(
    {
      mode: made('Whether there is a PodDisruptionBudget. `Auto`: for more than one replica.'),
      maxUnavailable: countOrPercentage({
        default: 1,
        description: 'Replicas that may be down at once: a number or a percentage.',
      }),
    },
    { default: {}, description: 'How many replicas the cluster may take down at once, as when nodes are drained.' },
  ),
  networkPolicy: record(
    {
      enabled: flag({
        default: true,
        description:
          'Whether a NetworkPolicy lets through the listeners, the passive ports and the probes, and nothing else.',
      }),
      from: list(peer, {
        maxItems: 64,
        default: [],
        description: 'Clients that may reach the listeners and the passive ports; all if empty.',
      }),
    },
    { default: {}, description: 'What may reach the pods.' },
  ),
  monitoring: record(
    {
      podMonitor: made('Whether there is a PodMonitor. `Auto`: if the cluster knows the kind.'),
      prometheusRule: made('Whether there is a PrometheusRule with alerts. `Auto`: if the cluster knows the kind.'),
      labels: Type.Optional(labels('Labels for both, by which Prometheus selects them.')),
    },
    { default: {}, description: 'Objects for the Prometheus operator.' },
  ),
  paused: flag({
    default: false,
    description: 'Whether the operator leaves everything as it is: nothing is made, changed or deleted.',
  }),
  suspend: flag({
    default: false,
    description: 'Whether the server is stopped: no pods; the Service, its address and the volume stay.',
  }),
}

export type PodTemplateOverlay = {
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly spec?: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}
