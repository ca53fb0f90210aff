/** The operator within the process of a test, on a control plane of its own. */
import { KubeConfig } from '@kubernetes/client-node'
import { expect } from 'vitest'
import { resourceKind } from '../../../operator/api/ftp-server.ts'
import { type Operator, startOperator } from '../../../operator/operator.ts'
import { eventually } from '../eventually.ts'
import { chartLease, chartNamespace, grantChartRights, type Rights } from './chart-rights.ts'
import type { ControlPlane } from './control-plane.ts'

export type HostedOperator = {
  /** Requests that were denied, of all operators that have ended. */
  readonly forbidden: ReadonlySet<string>
  readonly log: readonly string[]
  /** Another one, for some namespaces or for all of the cluster. Forgets what the proxy has seen. */
  restart(namespaces: readonly string[] | undefined): Promise<void>
  stop(): Promise<void>
  /** How many reconciliations have ended. */
  reconciled(): Promise<number>
  /** What was made, as `Kind name`. */
  names(namespace: string): Promise<string[]>
  /** Waits until this was made, and nothing else. */
  until(namespace: string, wanted: readonly string[]): Promise<void>
  statusOf(namespace: string, name: string): Promise<Status | undefined>
}

export type Status = {
  readonly observedGeneration: number
  readonly replicas: number
  readonly conditions: readonly {
    readonly type: string
    readonly status: string
    readonly reason: string
    readonly message: string
  }[]
}

export async function hostOperator(
  plane: ControlPlane,
  given: 'rights of the chart' | 'all rights',
): Promise<HostedOperator> {
  const log: string[] = []
  const forbidden = new Set<string>()
  let rights: Rights | undefined
  let operator: Operator | undefined

  async function start(namespaces: readonly string[] | undefined): Promise<void> {
    const values = namespaces === undefined ? {} : { namespaces }
    rights = given === 'all rights' ? undefined : await grantChartRights(plane, values)
    const kubeConfig = new KubeConfig()
    const file = rights === undefined ? plane.proxy.kubeconfig : await plane.proxy.kubeconfigFor(rights.token)
    kubeConfig.loadFromFile(file)
    operator = await startOperator({
      settings: {
        namespaces,
        serverImage: 'example.com/ftp-operator:1',
        leaderElection: true,
        leaderElectionNamespace: chartNamespace,
        leaderElectionId: chartLease,
        probesPort: 0,
        logLevel: 'info',
        workers: 4,
        clusterNetworks: [],
      },
      kubeConfig,
      output: { write: line => void log.push(line) },
      instance: 'operator-0',
      namespace: chartNamespace,
      version: '1.0.0',
      runtime: '26',
    })
  }

  async function stop(): Promise<void> {
    await operator?.stop()
    operator = undefined
    for (const { status, method, path } of plane.proxy.requests()) {
      if (status === 401 || status === 403) forbidden.add(`${method} ${path}`)
    }
    plane.proxy.forget()
    // The next one must not live on what this one was given.
    await rights?.revoke()
    rights = undefined
  }

  async function names(namespace: string): Promise<string[]> {
    return (await plane.made(namespace)).map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted()
  }

  await start(undefined)
  return {
    forbidden,
    log,
    async restart(namespaces) {
      await stop()
      await start(namespaces)
    },
    stop,
    async reconciled() {
      const text = await (await fetch(`http://127.0.0.1:${operator?.probesPort}/metrics`)).text()
      const counts = text.matchAll(/^controller_runtime_reconcile_total\{.*\} (\d+)$/gm)
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
    },
    names,
    async until(namespace, wanted) {
      const expected = wanted.toSorted()
      await eventually(
        async () => String(await names(namespace)) === String(expected),
        `there is ${expected.join(', ')}`,
        10_000,
      ).catch(async () => expect(await names(namespace)).toEqual(expected))
    },
    async statusOf(namespace, name) {
      const server = await plane.cluster.get(resourceKind, { namespace, name })
      return server?.['status'] as Status | undefined
    },
  }
}
