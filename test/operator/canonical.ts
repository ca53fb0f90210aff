/** What operators have made, without what differs from one cluster, namespace or moment to another. */
import type { KubernetesObject } from '../../operator/kubernetes/object.ts'

/** By kind and name, as text that may be compared. */
export function canonical(objects: readonly KubernetesObject[], namespace: string): Record<string, string> {
  // The longest first: one may be the beginning of another.
  const unknowns = [...new Set(objects.flatMap(addressesOf))].sort((one, other) => other.length - one.length)
  return Object.fromEntries(
    objects.map(object => {
      const text = JSON.stringify(stripped(object), null, 1).replaceAll(`"${namespace}"`, '"NAMESPACE"')
      const named = text.replaceAll(`.${namespace}.`, '.NAMESPACE.')
      return [
        `${object.kind} ${object.metadata.name}`,
        unknowns.reduce((line, address) => line.replaceAll(address, 'ADDRESS'), named),
      ]
    }),
  )
}

/** Addresses that the API server chose. */
function addressesOf({ kind, spec }: KubernetesObject): string[] {
  const { clusterIPs = [] } = (kind === 'Service' ? spec : {}) as { readonly clusterIPs?: readonly string[] }
  return clusterIPs.filter(address => address !== 'None')
}

const volatile = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'observedGeneration',
  'managedFields',
  'lastTransitionTime',
  'nodePort',
  'healthCheckNodePort',
  // Hashes over some of the above, and over certificates.
  'ftp-operator.io/applied-hash',
  'hash',
  'fingerprint',
  'notAfter',
])

function stripped(object: KubernetesObject): unknown {
  const isCertificate = object['type'] === 'kubernetes.io/tls'
  return JSON.parse(
    JSON.stringify(object, (key, value: unknown) => {
      if (volatile.has(key)) return undefined
      // Each certificate is another one, and its message says until when.
      if (isCertificate && key === 'data') return Object.keys(value as object)
      if (typeof value === 'number') return isNodePort(value) ? 'NODE PORT' : value
      return typeof value === 'string' ? neutral(value) : value
    }),
  )
}

// The range that an API server takes node ports from unless told.
const nodePorts = { first: 30_000, last: 32_767 }

function isNodePort(value: number): boolean {
  return value >= nodePorts.first && value <= nodePorts.last
}

function neutral(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\b3[0-2]\d{3}\b/g, digits => (isNodePort(Number(digits)) ? 'NODE PORT' : digits))
}
