/** An operator that is killed over and over leaves the same behind as one that lives. */
import { afterAll, beforeAll, expect } from 'vitest'
import { ftpServer, type OperatorProcess, startOperatorProcess } from '../support/cluster/cluster.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { type ControlPlane, startControlPlane } from '../support/control-plane/control-plane.ts'
import { eventually } from '../support/eventually.ts'
import { canonical } from './canonical.ts'

let plane: ControlPlane
const operators = new Set<OperatorProcess>()
const kills = 20
const serverCount = 20
const passwordHash = '$2b$12$abcdefghijklmnopqrstuuJ6l9Vb3kUeFzQm4N9n0Zt1Yw2X3C4D6'

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  plane = await startControlPlane()
}, 90_000)

afterAll(async () => {
  for (const operator of operators) operator.kill('SIGKILL')
  await plane?.stop()
}, 30_000)

async function start(namespace: string): Promise<OperatorProcess> {
  const operator = await startOperatorProcess({
    namespaces: [namespace],
    environment: { KUBECONFIG: plane.proxy.kubeconfig },
  })
  operators.add(operator)
  return operator
}

/** What a server is to be after so many changes: every part comes and goes, each at its own pace. */
function specOf(index: number, round: number): Record<string, unknown> {
  const turn = index + round
  const shared = { claim: { size: '1Gi', accessModes: ['ReadWriteMany'] } }
  return {
    storage: index % 2 === 0 ? shared : { emptyDir: {} },
    replicas: index % 2 === 0 ? 1 + (turn % 3) : 1,
    users: turn % 3 === 0 ? [] : [{ name: `user-${turn}`, passwordHash }],
    usersFrom: turn % 4 === 0 ? [] : [{ configMapRef: { name: 'team' } }, { secretRef: { name: 'keys' } }],
    networkPolicy: { enabled: turn % 2 === 0 },
    service: { type: ['ClusterIP', 'LoadBalancer', 'NodePort', 'None'][turn % 4] },
    listeners: [{ name: 'ftp', port: 21, tls: turn % 5 === 0 ? 'Disabled' : 'Explicit' }],
    banner: `change ${round}`,
    suspend: turn % 6 === 0,
  }
}

async function change(namespace: string, index: number, number: number): Promise<void> {
  const list = (kind: string, name: string, field: string) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace },
    [field]: { 'list.yaml': `users: [] # ${number}` },
  })
  if (index === 0) await plane.apply(list('ConfigMap', 'team', 'data'))
  if (index === 1) await plane.apply(list('Secret', 'keys', 'stringData'))
  await plane.apply(ftpServer(namespace, `server-${index}`, specOf(index, number)))
}

/** A third of the servers each time, and all of them at last. */
async function changeSome(namespace: string, number: number): Promise<void> {
  for (let index = 0; index < serverCount; index += 1) {
    if ((index + number) % 3 === 0 || number === kills - 1) await change(namespace, index, number)
  }
}

async function state(namespace: string): Promise<Record<string, string>> {
  return canonical([...(await plane.made(namespace)), ...(await plane.servers(namespace))], namespace)
}

/** Every server has a status of its newest generation, and nothing is written any more to get there. */
async function settled(namespace: string): Promise<Record<string, string>> {
  await eventually(
    async () => {
      const servers = await plane.servers(namespace)
      return (
        servers.length === serverCount &&
        servers.every(({ metadata, status }) => {
          const { observedGeneration } = (status ?? {}) as { readonly observedGeneration?: number }
          return observedGeneration === metadata.generation
        })
      )
    },
    'all servers have a status of now',
    60_000,
  )
  return state(namespace)
}

clusterTest(
  `killed ${kills} times in the middle of its writes, it makes the same as if it had lived`,
  async () => {
    const [killed, spared] = [await plane.createNamespace('killed'), await plane.createNamespace('spared')]
    const alive = await start(spared)
    let operator = await start(killed)
    const writesBefore: number[] = []
    for (let round = 0; round < kills; round += 1) {
      // The operator of the other namespace goes the same way, without the kills.
      const changing = Promise.all([changeSome(killed, round), changeSome(spared, round)])
      const wanted = Math.floor(Math.random() * 40)
      writesBefore.push(wanted)
      const before = writesIn(killed)
      await eventually(
        async () => writesIn(killed) - before >= wanted || (await isQuiet(changing)),
        `${wanted} writes have begun`,
        30_000,
      )
      operator.kill('SIGKILL')
      expect(await operator.exited).toBe('SIGKILL')
      await changing
      operator = await start(killed)
    }
    console.info(`killed after so many writes: ${writesBefore.join(' ')}`)
    await settled(killed)
    const expected = await settled(spared)
    await eventually(
      async () => JSON.stringify(sorted(await state(killed))) === JSON.stringify(sorted(await state(spared))),
      'both are the same',
      20_000,
    ).catch(async () => expect(await state(killed)).toEqual(await state(spared)))
    expect(Object.keys(expected).length).toBeGreaterThan(serverCount * 4)
    expect(operator.output()).not.toContain('"level":"error"')
    expect(alive.output()).not.toContain('"level":"error"')
  },
  300_000,
)

/** How often the operator of a namespace has begun to write. */
function writesIn(namespace: string): number {
  return plane.proxy.writes().filter(({ path }) => path.includes(`/namespaces/${namespace}/`)).length
}

/** Whether all changes are made, so that there may be less to write than expected. */
async function isQuiet(changing: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  return (await Promise.race([changing, Promise.resolve(pending)])) !== pending
}

function sorted(record: Record<string, string>): [string, string][] {
  return Object.entries(record).toSorted(([one], [other]) => (one < other ? -1 : 1))
}
