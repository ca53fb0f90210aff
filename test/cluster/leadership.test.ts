/** Two operators on a real cluster: one leads, and the other when that one is gone, and never both. */
import { KubeConfig } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCredentials } from '../../operator/kubernetes/credentials.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { systemClock } from '../../operator/time/clock.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  getFtpServer,
  type OperatorProcess,
  startOperatorProcess,
} from '../support/cluster/cluster.ts'
import { type ApiProxy, type Proxied, startApiProxy } from '../support/control-plane/api-proxy.ts'
import { eventually } from '../support/eventually.ts'

/** An operator, and the proxy that all its requests go through. */
type Candidate = { readonly name: string; readonly proxy: ApiProxy; readonly process: OperatorProcess }

let access: ClusterAccess
let namespace: Awaited<ReturnType<typeof createNamespace>>
const candidates: Candidate[] = []
const takeoverMilliseconds = 20_000
let changes = 0

beforeAll(async () => {
  access = connectToCluster()
  namespace = await createNamespace('leadership')
  for (const name of ['one', 'two']) candidates.push(await startCandidate(name))
}, 120_000)

afterAll(async () => {
  for (const { process, proxy } of candidates) {
    process.kill('SIGKILL')
    await process.exited
    await proxy.close()
  }
  await namespace?.dispose()
  await access?.close()
}, 120_000)

async function startCandidate(name: string): Promise<Candidate> {
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromDefault()
  const proxy = await startApiProxy(createCredentials(kubeConfig, systemClock))
  const process = await startOperatorProcess({
    namespaces: [namespace.name],
    leaseNamespace: namespace.name,
    environment: { KUBECONFIG: proxy.kubeconfig, POD_NAME: name },
  })
  return { name, proxy, process }
}

/** Of those that run, who says that it leads. */
async function leading(of: readonly Candidate[]): Promise<readonly Candidate[]> {
  const answers = await Promise.all(
    of.map(async candidate => {
      const response = await fetch(`http://127.0.0.1:${candidate.process.probesPort}/metrics`)
      return /^leader_election_master_status\{.*\} 1$/m.test(await response.text()) ? [candidate] : []
    }),
  )
  return answers.flat()
}

async function theLeader(of: readonly Candidate[]): Promise<Candidate> {
  return eventually(
    async () => {
      const found = await leading(of)
      return found.length === 1 && found[0]
    },
    'one of them leads',
    takeoverMilliseconds,
  )
}

/** Changes a server, so that there is something to write. */
async function change(): Promise<string> {
  changes += 1
  const banner = `change ${changes}`
  await applyYaml(
    ftpServer(namespace.name, 'watched', {
      banner,
      service: { type: 'ClusterIP' },
      replicas: 1,
      suspend: true,
      passive: { firstPort: 21_800 },
    }),
  )
  return banner
}

async function untilCarriedOut(banner: string, milliseconds: number): Promise<void> {
  await eventually(
    async () => {
      const server = await getFtpServer(access.cluster, namespace.name, 'watched')
      const status = server?.['status'] as { readonly observedGeneration?: number } | undefined
      const name = { namespace: namespace.name, name: 'watched-config' }
      const configuration = await access.cluster.get(kinds.configMap, name)
      return (
        status?.observedGeneration === server?.metadata.generation &&
        JSON.stringify(configuration?.['data']).includes(`banner: ${banner}`)
      )
    },
    `${banner} is carried out`,
    milliseconds,
  )
}

/** Writes of both, in the order of time; leases left out. */
function writes(): { readonly by: string; readonly write: Proxied }[] {
  return candidates
    .flatMap(({ name, proxy }) => proxy.writes().map(write => ({ by: name, write })))
    .toSorted((one, other) => one.write.at - other.write.at)
}

/** Who wrote, without repetitions: as long as the number of terms if nobody ever wrote in the term of another. */
function turns(): string[] {
  return writes()
    .map(({ by }) => by)
    .filter((by, index, all) => by !== all[index - 1])
}

async function transitions(): Promise<number> {
  const lease = await access.cluster.get(kinds.lease, { namespace: namespace.name, name: 'ftp-operator' })
  return (lease?.['spec'] as { readonly leaseTransitions?: number } | undefined)?.leaseTransitions ?? -1
}

test('one of two leads, and only that one writes', async () => {
  const leader = await theLeader(candidates)
  await untilCarriedOut(await change(), 20_000)
  expect(await leading(candidates)).toEqual([leader])
  expect(turns()).toEqual([leader.name])
  expect(await transitions()).toBe(0)
})

test('killed in the middle of its work, it is followed by the other within 20 s', async () => {
  const times: number[] = []
  for (let round = 0; round < 3; round += 1) {
    const leader = await theLeader(candidates)
    const other = candidates.find(candidate => candidate !== leader)
    const before = writes().length
    const banner = await change()
    await eventually(() => writes().length > before, 'it writes')
    const turnsBefore = turns().length
    leader.process.kill('SIGKILL')
    await leader.process.exited
    const killed = performance.now()
    await untilCarriedOut(banner, takeoverMilliseconds)
    times.push(performance.now() - killed)
    // If all had been written before the kill, the next change is the successor's.
    await untilCarriedOut(await change(), takeoverMilliseconds)
    expect((await theLeader(other === undefined ? [] : [other])).name).toBe(other?.name)
    expect(performance.now() - killed).toBeLessThan(takeoverMilliseconds)
    expect(turns()).toHaveLength(turnsBefore + 1)
    expect(await transitions()).toBe(round + 1)
    const index = candidates.indexOf(leader)
    await leader.proxy.close()
    candidates[index] = await restarted(leader)
  }
  console.info(`carried out so long after the kill: ${times.map(time => `${(time / 1000).toFixed(1)} s`).join(', ')}`)
}, 180_000)

/** The same name again, with the writes of the former life forgotten on both sides. */
async function restarted({ name }: Candidate): Promise<Candidate> {
  const next = await startCandidate(name)
  for (const { proxy } of candidates) proxy.forget()
  return next
}

test('a leader that stands still and goes on when the other leads writes nothing any more', async () => {
  const leader = await theLeader(candidates)
  const other = candidates.find(candidate => candidate !== leader)
  for (const { proxy } of candidates) proxy.forget()
  const before = await transitions()
  await change()
  await eventually(() => leader.proxy.writes().length > 0, 'it is in the middle of its writes')
  leader.process.kill('SIGSTOP')
  const banner = await change()
  await untilCarriedOut(banner, takeoverMilliseconds)
  leader.process.kill('SIGCONT')
  // It finds out, and waits for its turn again.
  await eventually(() => leader.process.output().includes('leadership lost'), 'it has lost the lease', 20_000)
  for (let round = 0; round < 3; round += 1) await untilCarriedOut(await change(), 20_000)
  expect(turns()).toEqual([leader.name, other?.name])
  expect(await leading(candidates)).toEqual([other])
  expect(await transitions()).toBe(before + 1)
  expect(leader.process.output()).not.toContain('"level":"error"')
}, 120_000)

test('a leader that is told to stop gives its place away at once', async () => {
  const leader = await theLeader(candidates)
  const started = performance.now()
  await leader.process.stop()
  await theLeader(candidates.filter(candidate => candidate !== leader))
  const milliseconds = performance.now() - started
  console.info(`followed after ${(milliseconds / 1000).toFixed(1)} s`)
  // The lease would last for 15 s.
  expect(milliseconds).toBeLessThan(10_000)
}, 60_000)
