/** FtpServers for tests with clients: their ports are those of one address, which all tests share. */
import { onTestFailed } from 'vitest'
import type { Manifest } from '../../../operator/kubernetes/object.ts'
import { simpleUser } from '../server.ts'
import { applyYaml, ftpServer, image, kubectl, waitForCondition } from './cluster.ts'

/** Address of the Services of type LoadBalancer. */
export const host = process.env['CLUSTER_ADDRESS'] ?? '198.18.0.1'

export type ServerOptions = {
  readonly namespace: string
  readonly name: string
  readonly port: number
  readonly firstPort: number
  readonly accessMode?: 'ReadWriteMany' | 'ReadWriteOnce'
}

/** One user, `alice`, and a volume that goes with the server. */
export function serverFor(
  { namespace, name, port, firstPort, accessMode = 'ReadWriteMany' }: ServerOptions,
  spec: Record<string, unknown> = {},
): Manifest & Record<string, unknown> {
  return ftpServer(namespace, name, {
    image,
    listeners: [{ name: 'ftp', port }],
    passive: { firstPort, portsPerReplica: 60 },
    // Node ports are few, and all tests take them from one range.
    service: { allocateLoadBalancerNodePorts: false },
    storage: { claim: { size: '1Gi', accessModes: [accessMode] }, retentionPolicy: 'Delete' },
    users: [simpleUser('alice')],
    limits: { maxSessionsPerAddress: 1000 },
    drainSeconds: 120,
    ...spec,
  })
}

/** As `kubectl patch` does it. */
export async function change({ namespace, name }: ServerOptions, spec: Record<string, unknown>): Promise<void> {
  await kubectl(['-n', namespace, 'patch', 'ftp', name, '--type=merge', '-p', JSON.stringify({ spec })])
}

/**
 * Makes a server within a test, and waits until it is ready. A test that fails leaves nothing of it to its next try: neither half of a change, nor
 * a claim that never gets a volume.
 */
export async function serve(server: ServerOptions, spec: Record<string, unknown> = {}): Promise<void> {
  const { namespace, name } = server
  onTestFailed(async () => {
    await kubectl([
      '-n',
      namespace,
      'delete',
      'ftp',
      name,
      '--cascade=foreground',
      '--ignore-not-found',
      '--timeout=60s',
    ])
  })
  await applyYaml(serverFor(server, spec))
  await waitForCondition(namespace, name)
}
