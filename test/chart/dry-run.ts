/** Has a real API server judge objects as Helm and kubectl would send them: strictly, by server-side apply. */
import { request } from 'node:https'
import type { ApiServer } from '../support/control-plane/api-server.ts'
import { eventually } from '../support/eventually.ts'
import type { RenderedObject } from './helm.ts'

export type Answer = {
  readonly status: number
  readonly body: { readonly message?: string; readonly [key: string]: unknown }
}

export type ApplyMode = 'dry-run' | 'for-real'

export async function apply(server: ApiServer, object: RenderedObject, mode: ApplyMode): Promise<Answer> {
  const query = `fieldManager=test&force=true&fieldValidation=Strict${mode === 'dry-run' ? '&dryRun=All' : ''}`
  const path = `${await collectionPath(server, object)}/${object.metadata.name}?${query}`
  return call(server, 'PATCH', path, object, 'application/apply-patch+yaml')
}

/** As `apply` with the dry run, but as a new object: also what is checked at creation only. */
export async function create(server: ApiServer, object: RenderedObject): Promise<Answer> {
  const path = `${await collectionPath(server, object)}?dryRun=All&fieldValidation=Strict`
  return call(server, 'POST', path, object, 'application/json')
}

/** What is at a path of the API. */
export async function read(server: ApiServer, path: string): Promise<Answer> {
  return call(server, 'GET', path)
}

export async function isServed(server: ApiServer, { apiVersion, kind }: RenderedObject): Promise<boolean> {
  return (await resourceOf(server, apiVersion, kind)) !== undefined
}

/** Installs a CustomResourceDefinition and waits until its kind is served. */
export async function install(server: ApiServer, definition: RenderedObject): Promise<void> {
  const { status, body } = await apply(server, definition, 'for-real')
  if (status >= 300) throw new Error(body.message)
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`
  await eventually(
    async () => {
      const current = await call(server, 'GET', path)
      const { conditions = [] } = (current.body['status'] ?? {}) as { conditions?: { type: string; status: string }[] }
      return conditions.some(({ type, status: state }) => type === 'Established' && state === 'True')
    },
    'the definition is established',
    30_000,
  )
}

/** Whether a ServiceAccount may do something, by the authorizer of the API server. */
export async function mayDo(
  server: ApiServer,
  account: { readonly namespace: string; readonly name: string },
  action: {
    readonly verb: string
    readonly group: string
    readonly resource: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  },
): Promise<boolean> {
  const { body } = await call(server, 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: `system:serviceaccount:${account.namespace}:${account.name}`, resourceAttributes: action },
  })
  return (body['status'] as { allowed: boolean }).allowed
}

async function collectionPath(server: ApiServer, { apiVersion, kind, metadata }: RenderedObject): Promise<string> {
  // What a definition has just brought is there a moment later.
  const resource = await eventually(() => resourceOf(server, apiVersion, kind), `${apiVersion} ${kind} is known`)
  const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : ''
  return `${groupPath(apiVersion)}${namespace}/${resource.name}`
}

type Resource = { readonly name: string; readonly kind: string; readonly namespaced: boolean }

async function resourceOf(server: ApiServer, apiVersion: string, kind: string): Promise<Resource | undefined> {
  const { body } = await call(server, 'GET', groupPath(apiVersion))
  const resources = (body['resources'] ?? []) as Resource[]
  return resources.find(resource => resource.kind === kind && !resource.name.includes('/'))
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}

async function call(
  { url, token, ca }: ApiServer,
  method: string,
  path: string,
  content?: unknown,
  contentType = 'application/json',
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const headers = { authorization: `Bearer ${token}`, 'content-type': contentType }
  const outgoing = request(`${url}${path}`, { method, ca, headers, agent: false, timeout: 30_000 }, response => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      resolve({ status: response.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : { message: text } })
    })
  })
  outgoing.on('error', reject).on('timeout', () => outgoing.destroy(new Error('no answer in 30 s')))
  outgoing.end(content === undefined ? undefined : JSON.stringify(content))
  return promise
}
