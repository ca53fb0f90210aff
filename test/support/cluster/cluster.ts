/** A real cluster for tests: the one that KUBECONFIG names, with namespaces and operators of their own for each test file. */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { KubeConfig } from '@kubernetes/client-node'
import { resourceKind } from '../../../operator/api/ftp-server.ts'
import { ftpUserResourceKind } from '../../../operator/api/ftp-user.ts'
import { type Cluster, createCluster } from '../../../operator/kubernetes/cluster.ts'
import { createCredentials } from '../../../operator/kubernetes/credentials.ts'
import { kinds } from '../../../operator/kubernetes/kinds.ts'
import type { KubernetesObject, Manifest } from '../../../operator/kubernetes/object.ts'
import { createTransport } from '../../../operator/kubernetes/transport.ts'
import { systemClock } from '../../../operator/time/clock.ts'
import { eventually } from '../eventually.ts'
import { freePort } from '../server.ts'

const run = promisify(execFile)

/** Image of the server and the operator; it must be on the nodes. */
export const image = process.env['CLUSTER_IMAGE'] ?? 'ftp-operator:dev'

/** Rejects with what kubectl wrote to stderr if it fails. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const child = run('kubectl', [...args], { maxBuffer: 64 * 1024 * 1024, timeout: 120_000 })
  child.child.stdin?.end(input)
  const { stdout } = await child
  return stdout
}

export type ClusterAccess = { readonly cluster: Cluster; close(): Promise<void> }

export function connectToCluster(): ClusterAccess {
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromDefault()
  const credentials = createCredentials(kubeConfig, systemClock)
  const transport = createTransport({
    credentials,
    clock: systemClock,
    random: Math.random,
    userAgent: 'ftp-operator-tests',
  })
  const cluster = createCluster({
    transport,
    clock: systemClock,
    kinds: [...Object.values(kinds), resourceKind, ftpUserResourceKind],
  })
  return { cluster, close: () => transport.close() }
}

/** A namespace that enforces a Pod Security standard; `dispose` deletes it and waits until it is gone. */
export async function createNamespace(
  prefix: string,
  standard: 'restricted' | 'privileged' = 'restricted',
): Promise<{ readonly name: string; dispose(): Promise<void> }> {
  const name = `${prefix}-${randomBytes(3).toString('hex')}`
  await applyYaml({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': standard } },
  })
  return {
    name,
    async dispose() {
      // For a pod that drains, Kubernetes would let half of its grace period pass before it looks again.
      await kubectl(['-n', name, 'delete', 'ftp,deployments', '--all', '--timeout=30s'])
      await kubectl(['-n', name, 'delete', 'pods', '--all', '--force', '--grace-period=0', '--timeout=30s'])
      await kubectl(['delete', 'namespace', name, '--wait=true', '--timeout=110s'])
    },
  }
}

/** As `kubectl apply -f -` does it: what a user would see is what a test sees. */
export async function applyYaml(...objects: readonly object[]): Promise<string> {
  return kubectl(['apply', '-f', '-'], objects.map(object => JSON.stringify(object)).join('\n'))
}

export type OperatorProcess = {
  readonly pid: number
  readonly probesPort: number
  /** All that it has logged. */
  output(): string
  /** Resolves to the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
}

/** Those that have been started and not been stopped, also when they ended by themselves. */
const operators = new Set<OperatorProcess>()

/** The operator from source. Resolves when its caches are in sync. */
export async function startOperatorProcess(options: {
  /** None: all of the cluster, which is no place that is shared. */
  readonly namespaces: readonly string[]
  /** What Node runs instead of the source, with flags of Node before it. */
  readonly program?: readonly string[]
  /** Namespace of the Lease; without one, the operator leads alone. */
  readonly leaseNamespace?: string
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}): Promise<OperatorProcess> {
  const probesPort = await freePort('127.0.0.1')
  const election =
    options.leaseNamespace === undefined
      ? ['--leader-election', 'false']
      : ['--leader-election-namespace', options.leaseNamespace]
  const flags = [
    '--namespaces',
    options.namespaces.join(','),
    '--server-image',
    image,
    '--probes-port',
    String(probesPort),
  ]
  const program = [...(options.program ?? ['operator/main.ts']), 'run']
  const child = spawn(process.execPath, [...program, ...flags, ...election, ...(options.flags ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const exited = new Promise<number | string>(resolve =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? '')),
  )
  const operator: OperatorProcess = {
    pid: child.pid ?? 0,
    probesPort,
    output: () => output,
    exited,
    kill: signal => void child.kill(signal),
    async stop() {
      operators.delete(operator)
      child.kill('SIGTERM')
      await exited
    },
  }
  operators.add(operator)
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`The operator ended: ${output}`)
      return (await fetch(`http://127.0.0.1:${probesPort}/readyz`)).ok
    },
    'the operator is ready',
    20_000,
  )
  return operator
}

/** An FtpServer with what a test does not care about filled in. */
export function ftpServer(
  namespace: string,
  name: string,
  spec: Record<string, unknown>,
): Manifest & Record<string, unknown> {
  return {
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: 'FtpServer',
    metadata: { name, namespace },
    // Most tests count what is written, and who logs in.
    spec: { storage: { emptyDir: {} }, ...spec, passive: { verification: 'Disabled', ...(spec['passive'] as object) } },
  }
}

export async function getFtpServer(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<KubernetesObject | undefined> {
  return cluster.get(resourceKind, { namespace, name })
}

/** Waits as a user would: `kubectl wait --for=condition=…`. What does not come is told with all that may be why. */
export async function waitForCondition(
  namespace: string,
  name: string,
  condition = 'Ready',
  seconds = 60,
): Promise<void> {
  try {
    await kubectl(['-n', namespace, 'wait', `--for=condition=${condition}`, `ftp/${name}`, `--timeout=${seconds}s`])
  } catch (error) {
    throw new Error(`${namespace}/${name} is not ${condition}\n${await surroundings(namespace, name)}`, {
      cause: error,
    })
  }
}

/** What a person would look at first. */
async function surroundings(namespace: string, name: string): Promise<string> {
  const conditions = `jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}`
  const looks = [
    ['get', 'ftp', name, '-o', conditions],
    ['get', 'pods,pvc', '-o', 'wide'],
    [
      'get',
      'events',
      '--sort-by=.lastTimestamp',
      '-o',
      'custom-columns=:.lastTimestamp,:.involvedObject.name,:.message',
    ],
    ['logs', '--selector', `app.kubernetes.io/instance=${name}`, '--prefix', '--tail=8'],
  ]
  const seen = looks.map(look => kubectl(['-n', namespace, ...look]).catch((error: Error) => `${error.message}\n`))
  const logs = [...operators].map(operator => `operator ${operator.pid}: …${operator.output().slice(-2000)}`)
  return [...(await Promise.all(seen)).map(text => text.split('\n').slice(-16).join('\n')), ...logs].join('\n')
}
