/** Where pods run: the fields of a pod's specification, in full, so that a mistake in them is refused at once. */
import { Type } from 'typebox'
import {
  labels,
  list,
  mapOf,
  objectName,
  oneOf,
  quantity,
  record,
  text,
  textLike,
  whole,
  wholeRecord,
} from './fields.ts'

const labelKey = (description: string) =>
  textLike(/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, {
    maxLength: 317,
    description,
  })

const values = (description: string) =>
  list(text({ maxLength: 63, description: 'A value.' }), { maxItems: 64, description })

export const labelSelector = (description: string) =>
  wholeRecord(
    {
      matchLabels: Type.Optional(labels('Labels that must all be there with these values.')),
      matchExpressions: Type.Optional(
        list(
          record(
            {
              key: labelKey('Key of the label.'),
              operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
                description: 'How the label is compared with `values`.',
              }),
              values: Type.Optional(values('Values for `In` and `NotIn`.')),
            },
            { description: 'A condition on one label.' },
          ),
          { maxItems: 32, description: 'Conditions that must all hold.' },
        ),
      ),
    },
    { description },
  )

const nodeConditions = (description: string) =>
  list(
    record(
      {
        key: labelKey('Key of the label or field of the node.'),
        operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'], {
          description: 'How it is compared with `values`.',
        }),
        values: Type.Optional(values('Values; one number for `Gt` and `Lt`.')),
      },
      { description: 'A condition on a node.' },
    ),
    { maxItems: 32, description },
  )

const nodeTerm = (description: string) =>
  record(
    {
      matchExpressions: Type.Optional(nodeConditions('Conditions on labels of the node.')),
      matchFields: Type.Optional(nodeConditions('Conditions on fields of the node.')),
    },
    { description },
  )

const podTerm = (description: string) =>
  record(
    {
      labelSelector: Type.Optional(labelSelector('The pods that count.')),
      namespaceSelector: Type.Optional(labelSelector('The namespaces in which they are.')),
      namespaces: Type.Optional(
        list(objectName('A namespace.'), { maxItems: 64, description: 'Names of namespaces in which they are.' }),
      ),
      topologyKey: labelKey('Label of nodes whose value says what counts as the same place.'),
      matchLabelKeys: Type.Optional(
        list(labelKey('Key of a label.'), { maxItems: 16, description: 'Labels in which the pods must agree.' }),
      ),
      mismatchLabelKeys: Type.Optional(
        list(labelKey('Key of a label.'), { maxItems: 16, description: 'Labels in which the pods must differ.' }),
      ),
    },
    { description },
  )

const weight = whole({ minimum: 1, maximum: 100, description: 'Weight beside the other preferences.' })

const podAffinity = (description: string) =>
  record(
    {
      requiredDuringSchedulingIgnoredDuringExecution: Type.Optional(
        list(podTerm('A condition.'), { maxItems: 16, description: 'Conditions that must all hold.' }),
      ),
      preferredDuringSchedulingIgnoredDuringExecution: Type.Optional(
        list(record({ weight, podAffinityTerm: podTerm('The condition.') }, { description: 'A preference.' }), {
          maxItems: 16,
          description: 'Preferences.',
        }),
      ),
    },
    { description },
  )

const affinity = record(
  {
    nodeAffinity: Type.Optional(
      record(
        {
          requiredDuringSchedulingIgnoredDuringExecution: Type.Optional(
            record(
              {
                nodeSelectorTerms: list(nodeTerm('An alternative.'), {
                  maxItems: 16,
                  minItems: 1,
                  description: 'Alternatives of which one must hold.',
                }),
              },
              { description: 'The nodes that are possible.' },
            ),
          ),
          preferredDuringSchedulingIgnoredDuringExecution: Type.Optional(
            list(record({ weight, preference: nodeTerm('The condition.') }, { description: 'A preference.' }), {
              maxItems: 16,
              description: 'Preferences.',
            }),
          ),
        },
        { description: 'Conditions on nodes.' },
      ),
    ),
    podAffinity: Type.Optional(podAffinity('Pods to be near to.')),
    podAntiAffinity: Type.Optional(podAffinity('Pods to be away from.')),
  },
  { description: 'Nodes and neighbours that the pods need or prefer.' },
)

const toleration = record(
  {
    key: Type.Optional(labelKey('Key of the taint; all keys if absent.')),
    operator: Type.Optional(oneOf(['Exists', 'Equal'], { description: 'How the taint is compared with `value`.' })),
    value: Type.Optional(text({ maxLength: 63, description: 'Value of the taint.' })),
    effect: Type.Optional(
      oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], { description: 'Effect of the taint; all if absent.' }),
    ),
    tolerationSeconds: Type.Optional(
      whole({ minimum: 0, maximum: 31_536_000, description: 'How long `NoExecute` is tolerated. In seconds.' }),
    ),
  },
  { description: 'A taint of nodes that is tolerated.' },
)

const spread = record(
  {
    maxSkew: whole({ minimum: 1, maximum: 100, description: 'Greatest difference between two places.' }),
    topologyKey: labelKey('Label of nodes whose value says what counts as the same place.'),
    whenUnsatisfiable: oneOf(['DoNotSchedule', 'ScheduleAnyway'], { description: 'What to do where it can’t hold.' }),
    labelSelector: Type.Optional(labelSelector('The pods that count; those of this server if absent.')),
    minDomains: Type.Optional(whole({ minimum: 1, maximum: 100, description: 'Least number of places.' })),
    nodeAffinityPolicy: Type.Optional(
      oneOf(['Honor', 'Ignore'], { description: 'Whether nodes that the pods can’t run on count.' }),
    ),
    nodeTaintsPolicy: Type.Optional(
      oneOf(['Honor', 'Ignore'], { description: 'Whether nodes with taints that aren’t tolerated count.' }),
    ),
    matchLabelKeys: Type.Optional(
      list(labelKey('Key of a label.'), { maxItems: 16, description: 'Labels in which the pods must agree.' }),
    ),
  },
  { description: 'How evenly pods are spread over one kind of place.' },
)

const amounts = (description: string) =>
  mapOf(quantity('An amount, such as `500m` or `256Mi`.'), { maxProperties: 16, description })

/** The fields of the specification that say where and with what the pods run. */
export const schedulingFields = {
  resources: Type.Optional(
    record(
      {
        requests: Type.Optional(amounts('What a pod is sure to have.')),
        limits: Type.Optional(amounts('What a pod can have at most.')),
      },
      { description: 'Compute resources of the server’s container. The operator’s own defaults if absent.' },
    ),
  ),
  nodeSelector: Type.Optional(labels('Labels of the nodes on which pods may run.')),
  tolerations: Type.Optional(list(toleration, { maxItems: 64, description: 'Taints of nodes that are tolerated.' })),
  affinity: Type.Optional(affinity),
  topologySpreadConstraints: Type.Optional(
    list(spread, {
      maxItems: 16,
      description: 'How the replicas are spread. By default over the nodes, as far as that is possible.',
    }),
  ),
  priorityClassName: Type.Optional(objectName('Priority class of the pods.')),
}
