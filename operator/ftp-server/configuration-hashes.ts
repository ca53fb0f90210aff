/** The hashes of the configurations that pods are to have in force. Pure. */
import { configurationHash, type DigestedFile, fileDigest } from '../../server/config/hash.ts'
import type { Blueprint } from '../desired/blueprint.ts'
import { configMap } from '../desired/config-map.ts'
import type { Half } from '../desired/ports.ts'
import { relayDirectory, relaySecretKey } from '../desired/relay.ts'
import { serverYamlKey } from '../desired/server-configuration.ts'
import type { Observation } from '../observation/observation.ts'
import { findSource } from '../observation/references.ts'

export type ConfigurationHashes = {
  /** Of the configuration that a pod is to have in force. */
  readonly hashOf: (replica: number, half: Half) => string
  /** Of all of them: one for the whole server. */
  readonly hash: string
}

/** Hashes as servers compute them: over the paths of the files as they see them. */
export function configurationHashes(blueprint: Blueprint, { sources, server }: Observation): ConfigurationHashes {
  const digested = (path: string, content: Uint8Array): DigestedFile => ({ path, digest: fileDigest(content) })
  const { certificate } = blueprint
  const secret = certificate.kind === 'none' ? undefined : findSource(sources, 'Secret', certificate.secretName)
  const { mode, secretName } = server.spec.tls.clientCertificates
  const authority = mode === 'Disabled' ? undefined : findSource(sources, 'Secret', secretName)
  const contents = new Map([
    ['tls/tls.crt', secret?.data.get('tls.crt')],
    ['tls/tls.key', secret?.data.get('tls.key')],
    ['tls/ca.crt', secret === undefined ? undefined : authority?.data.get('ca.crt')],
  ])
  if (secret !== undefined) {
    for (const { name, secretName: ofHost } of server.spec.hosts) {
      const own = findSource(sources, 'Secret', ofHost)
      for (const key of ['tls.crt', 'tls.key']) contents.set(`tls/${name}/${key}`, own?.data.get(key))
    }
  }
  const secrets = blueprint.relaySecrets?.get(relaySecretKey)
  if (secrets !== undefined) contents.set(`${relayDirectory}/${relaySecretKey}`, secrets)
  for (const files of blueprint.users) for (const [key, content] of files) contents.set(`users/${key}`, content)
  const shared = [...contents].flatMap(([path, content]) => (content === undefined ? [] : [digested(path, content)]))
  const { data = {} } = configMap(blueprint)
  const serverFile = (path: string, key: string) => {
    const content = data[key]
    return content === undefined ? [] : [digested(path, Buffer.from(content))]
  }
  const hashes = new Map(
    Object.keys(data).map(key => [key, configurationHash([...shared, ...serverFile('server.yaml', key)])]),
  )
  return {
    // A pod that mounts what is not made any more, because pods are rolled out in another way now, is about to go.
    hashOf: (replica: number, half: Half) => hashes.get(serverYamlKey(replica, half)) ?? '',
    hash: configurationHash([...shared, ...Object.keys(data).flatMap(key => serverFile(key, key))]),
  }
}
