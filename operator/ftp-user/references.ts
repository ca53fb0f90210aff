/** What an FtpUser refers to, also where the resource is one that can't be read. Pure. */

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

function isGenerated(user: { readonly spec?: unknown }): boolean {
  const { spec } = user
  return typeof spec === 'object' && spec !== null && 'generatedPassword' in spec
}
