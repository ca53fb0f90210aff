/** What an FtpUser refers to and what its status says, also where the resource is one that can’t be read. Pure. */
import { type KubernetesObject, keyOf } from '../kubernetes/object.ts'
import { listAt, textAt } from '../kubernetes/read.ts'

/** Keys of the servers that it names, in its order. */
export function serverKeysOf(user: Pick<KubernetesObject, 'metadata'> & { readonly spec?: unknown }): string[] {
  const { namespace } = user.metadata
  const keys = listAt(user, 'spec', 'serverRefs').flatMap(reference => {
    const name = textAt(reference, 'name')
    return name === undefined ? [] : [keyOf({ name, namespace: textAt(reference, 'namespace') ?? namespace })]
  })
  return [...new Set(keys)]
}

/** Names of the Secrets in its namespace that it needs. */
export function secretNamesOf(user: Pick<KubernetesObject, 'metadata'> & { readonly spec?: unknown }): string[] {
  const names = [
    textAt(user, 'spec', 'passwordSecretRef', 'name'),
    textAt(user, 'spec', 'previousPassword', 'passwordSecretRef', 'name'),
    textAt(user, 'spec', 'totpSecretRef', 'name'),
    isGenerated(user) ? bindingSecretName(user.metadata.name) : undefined,
  ]
  return [...new Set(names.filter(name => name !== undefined))]
}

/** The Secret with a generated password. */
export function bindingSecretName(user: string): string {
  return `${user}-ftp-user`
}

/** The same for one of several servers. No namespace has a dot, and no other resource such a name. */
export function serverSecretName(user: string, server: { readonly name: string; readonly namespace: string }): string {
  return `${bindingSecretName(user)}.${server.namespace}.${server.name}`
}

/** Keys of its data: those of the specification, and ours. */
export const bindingKeys = {
  password: 'password',
  previousPassword: 'previous-password',
  /** RFC 3339. */
  previousExpires: 'previous-password-expires',
} as const

/** The label `app.kubernetes.io/name` of these Secrets. */
export const userApplicationName = 'ftp-user'

/** Type of the condition that tells of a home that is removed, for each server. */
export const homeRemoved = 'HomeRemoved'

/** Keys of the servers whose pods have removed the home, as status has it: an operator that is started anew goes on from there. */
export function removedAt(user: Pick<KubernetesObject, 'metadata'> & { readonly status?: unknown }): readonly string[] {
  return listAt(user, 'status', 'servers').flatMap(server => {
    const found = listAt(server, 'conditions').find(each => textAt(each, 'type') === homeRemoved)
    const name = textAt(server, 'name')
    if (textAt(found, 'status') !== 'True' || name === undefined) return []
    return [keyOf({ name, namespace: textAt(server, 'namespace') })]
  })
}

function isGenerated(user: { readonly spec?: unknown }): boolean {
  const { spec } = user
  return typeof spec === 'object' && spec !== null && 'generatedPassword' in spec
}
