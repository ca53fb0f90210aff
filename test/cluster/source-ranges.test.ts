/** Source ranges of a load balancer: a client outside of them reaches neither the listener nor a passive port, and they change while sessions go on. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  applyYaml,
  createNamespace,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { createOutside, type Outside, whyNoOutside } from '../support/cluster/outside.ts'
import { podsOf } from '../support/cluster/pods.ts'
import { change, host, type ServerOptions, serverFor } from '../support/cluster/servers.ts'
import { eventually } from '../support/eventually.ts'
import { password } from '../support/server.ts'

const port = 3930
const firstPort = 24_500
const why = await whyNoOutside()
const because = why === undefined ? '' : ` (${why})`

let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess
let outside: Outside
let server: ServerOptions

beforeAll(async () => {
  if (why !== undefined) return
  namespace = await createNamespace('ranges')
  outside = await createOutside()
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
  server = { namespace: namespace.name, name: 'ranged', port, firstPort }
  const [inside] = outside.addresses
  await applyYaml(serverFor(server, { passive: { firstPort, portsPerReplica: 10 }, service: serviceFor(inside) }))
  await waitForCondition(namespace.name, 'ranged')
})
afterAll(async () => {
  await operator?.stop()
  await outside?.dispose()
  await namespace?.dispose()
})

test.skipIf(why !== undefined)(
  `a client in the range transfers, and one beside it does not even connect${because}`,
  async () => {
    const [inside, beside] = outside.addresses
    await eventually(async () => (await list(inside)) === 'listed', 'the one in the range gets in', 60_000, 500)
    expect(await list(beside)).toBe('no answer')
    expect(await touch(beside, firstPort)).toBe('no answer')
    expect(await touch(inside, firstPort)).toBe('answered')
  },
)

test.skipIf(why !== undefined)('other ranges hold at once, and no pod is replaced for them', async () => {
  const [before, beside] = outside.addresses
  const pods = async () => (await podsOf(namespace.name, 'ranged')).map(({ name }) => name)
  const old = await pods()
  await change(server, { service: serviceFor(beside) })
  await eventually(async () => (await list(beside)) === 'listed', 'the other one gets in', 60_000, 500)
  expect(await list(before)).toBe('no answer')
  expect(await pods()).toEqual(old)
  const ranges = ['get', 'service', 'ranged', '-o', 'jsonpath={.spec.loadBalancerSourceRanges}']
  expect(JSON.parse(await kubectl(['-n', namespace.name, ...ranges]))).toEqual([`${beside}/32`])
})

function serviceFor(address: string): Record<string, unknown> {
  // `Local`: the address of the client is what passive connections are checked by.
  return {
    allocateLoadBalancerNodePorts: false,
    externalTrafficPolicy: 'Local',
    loadBalancerSourceRanges: [`${address}/32`],
  }
}

/** Logs in and lists through a passive port. */
function list(address: string): Promise<string> {
  const url = `ftp://${host}:${port}/`
  const to = ['--interface', address, '--ssl-reqd', '--insecure', '--user', `alice:${password}`, url]
  return outside
    .run('curl', ['--silent', '--show-error', '--connect-timeout', '4', '--max-time', '15', ...to])
    .then(() => 'listed', answerIn)
}

/** Whether anything at all comes back from a port: it may be open or closed. */
function touch(address: string, which: number): Promise<string> {
  return outside.run(process.execPath, ['-e', touching, address, host, String(which)])
}

const touching = `
const [localAddress, host, port] = process.argv.slice(1)
const socket = require('node:net').connect({ localAddress, host, port: Number(port) })
const tell = what => { process.stdout.write(what); process.exit() }
socket.on('connect', () => tell('answered'))
socket.on('error', ({ code }) => tell(code === 'ECONNREFUSED' ? 'answered' : String(code)))
setTimeout(() => tell('no answer'), 5000)
`

// curl(1): 28 is a timeout, 7 a refused connection.
function answerIn(error: unknown): string {
  const [, code] = / ended with (\d+):/.exec(String(error)) ?? []
  if (code === '28') return 'no answer'
  return code === '7' ? 'answered' : String(error)
}
