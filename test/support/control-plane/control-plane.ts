/** A control plane of one's own: a real API server that knows FtpServers, a proxy in front of it, and a client past it. */

import { resourceKind } from '../../../operator/api/ftp-server.ts'
import { ftpServerDefinition } from '../../../operator/api/ftp-server-definition.ts'
import { ftpUserResourceKind } from '../../../operator/api/ftp-user.ts'
import { ftpUserDefinition } from '../../../operator/api/ftp-user-definition.ts'
import { type Cluster, createCluster } from '../../../operator/kubernetes/cluster.ts'
import { kinds } from '../../../operator/kubernetes/kinds.ts'
import type { KubernetesObject, Manifest, ResourceKind } from '../../../operator/kubernetes/object.ts'
import { createTransport, type Transport } from '../../../operator/kubernetes/transport.ts'
import { ownedKinds } from '../../../operator/observation/cluster-view.ts'
import { systemClock } from '../../../operator/time/clock.ts'
import { eventually } from '../eventually.ts'
import { type ApiProxy, startApiProxy } from './api-proxy.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

export type ControlPlane = {
  readonly server: ApiServer
  readonly proxy: ApiProxy
  readonly cluster: Cluster
  readonly transport: Transport
  /** As `kubectl apply --server-side` does it. */
  apply(...manifests: readonly object[]): Promise<void>
  createNamespace(name: string): Promise<string>
  /** All that operators make, there. */
  made(namespace: string): Promise<readonly KubernetesObject[]>
  servers(namespace?: string): Promise<readonly KubernetesObject[]>
  stop(): Promise<void>
}

const rbac = (plural: string, kind: string, namespaced: boolean): ResourceKind => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
})

/** Kinds that give rights. */
export const rightsKinds: readonly ResourceKind[] = [
  rbac('clusterroles', 'ClusterRole', false),
  rbac('clusterrolebindings', 'ClusterRoleBinding', false),
  rbac('roles', 'Role', true),
  rbac('rolebindings', 'RoleBinding', true),
]

const allKinds: readonly ResourceKind[] = [...Object.values(kinds), resourceKind, ftpUserResourceKind, ...rightsKinds]

/** Kinds that other projects define; the tests give the API server those that they need. */
export const optionalKinds = [kinds.certificate, kinds.podMonitor, kinds.prometheusRule]

export async function startControlPlane(foreignKinds: readonly ResourceKind[] = []): Promise<ControlPlane> {
  const server = await startApiServer()
  const transport = createTransport({
    credentials: server.credentials,
    clock: systemClock,
    random: Math.random,
    userAgent: 'tests',
  })
  const cluster = createCluster({ transport, clock: systemClock, kinds: allKinds })
  const apply = async (...manifests: readonly object[]) => {
    for (const manifest of manifests) await cluster.apply(manifest as Manifest, { fieldManager: 'tests', force: true })
  }
  await apply(ftpServerDefinition(), ftpUserDefinition(), ...foreignKinds.map(definitionOf))
  for (const kind of [resourceKind, ftpUserResourceKind, ...foreignKinds]) {
    await eventually(() => cluster.list(kind), `${kind.plural} are served`, 20_000)
  }
  const proxy = await startApiProxy(server.credentials)
  return {
    server,
    proxy,
    cluster,
    transport,
    apply,
    async createNamespace(name) {
      await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
      return name
    },
    async made(namespace) {
      const labelSelector = 'app.kubernetes.io/managed-by=ftp-operator'
      const lists = await Promise.all(
        [...ownedKinds, ...foreignKinds].map(kind => cluster.list(kind, { namespace, labelSelector })),
      )
      return lists.flatMap(({ items }) => items)
    },
    async servers(namespace) {
      return (await cluster.list(resourceKind, { namespace })).items
    },
    async stop() {
      await proxy.close()
      await transport.close()
      await server.stop()
    },
  }
}

function definitionOf({ group, version, plural, kind }: ResourceKind): object {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  }
}
