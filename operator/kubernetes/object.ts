/** Objects of Kubernetes as plain JSON: unknown fields are kept, times are strings. */
export type OwnerReference = {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
  readonly blockOwnerDeletion?: boolean
}

export type ObjectMetadata = {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
  readonly finalizers?: readonly string[]
  readonly managedFields?: unknown
}

/** What the API server holds. Fields of a kind are `unknown`: parse them where they are used. */
export type KubernetesObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMetadata
  readonly [field: string]: unknown
}

/** What is applied or created: an object of any type that names itself. */
export type Manifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion?: string }
}

/** A kind, and where the API server serves it. */
export type ResourceKind = {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

export type ObjectName = { readonly name: string; readonly namespace?: string | undefined }

export function apiVersionOf({ group, version }: ResourceKind): string {
  return group === '' ? version : `${group}/${version}`
}

/** Whether it is a DNS label (RFC 1123), as the names of namespaces are. */
export function isLabel(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)
}

/** `namespace/name`, or `name` if the object is in no namespace: what queues and caches hold. */
export function keyOf({ name, namespace }: ObjectName): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`
}

/** The inverse of {@link keyOf}. */
export function nameOfKey(key: string): ObjectName {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** `/api/v1/namespaces/a/pods`, `/apis/apps/v1/deployments` (all namespaces), with `/name` and `/subresource` if given. */
export function pathOf(
  kind: ResourceKind,
  { namespace, name }: { readonly namespace?: string | undefined; readonly name?: string | undefined },
  subresource?: 'status' | 'scale',
): string {
  const parts = kind.group === '' ? ['api', kind.version] : ['apis', kind.group, kind.version]
  if (kind.namespaced && namespace !== undefined) parts.push('namespaces', namespace)
  parts.push(kind.plural)
  if (name !== undefined) parts.push(name)
  if (subresource !== undefined) parts.push(subresource)
  return `/${parts.map(encodeURIComponent).join('/')}`
}

/** The owner that controls an object, if it is of this kind (whatever its version). */
export function controllerOf(object: KubernetesObject, owner: ResourceKind): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(
    ({ controller, kind, apiVersion }) =>
      controller === true && kind === owner.kind && groupOfApiVersion(apiVersion) === owner.group,
  )
}

function groupOfApiVersion(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}
