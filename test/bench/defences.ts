/** `npm run bench:defences`: what each defence that can be switched costs a large transfer. Prints a table in Markdown. */
import { parseArgs } from 'node:util'
import { LoadClient, type Target } from './load-client.ts'
import { usageOf } from './processes.ts'
import { ourServer, type RunningServer } from './servers.ts'

const usage = `npm run bench:defences -- [options]

  --pairs N            transfers with and without each defence; medians are shown; default 7
  --only A,B           names of defences; default: all
  --files DIRECTORY    where files lie; default /dev/shm, where fsync costs nothing
  --mebibytes N        of one transfer; default 1024
`

type Settings = Readonly<Record<string, unknown>>
type Defence = {
  readonly name: string
  readonly without: Settings
  readonly with: Settings
  readonly tls?: boolean
  readonly proxied?: boolean
  readonly directions?: readonly Direction[]
}
type Direction = 'RETR' | 'STOR'
type Cost = { readonly seconds: number; readonly cpuSeconds: number }

const listener = { name: 'ftp', addresses: ['127.0.0.1'] }
const proxies = { trustedNetworks: ['127.0.0.0/8'] }
const ports = [24_200, 32_200] as const
const passive = (port: number) => ({ first: port + 800, last: port + 7799 })

/** The settings of the port that the side has. */
const defences: readonly Defence[] = [
  { name: 'none (noise)', without: {}, with: {} },
  { name: 'bans', without: { bans: { enabled: false } }, with: { bans: { enabled: true, exemptNetworks: [] } } },
  {
    name: 'passive.peerCheck',
    without: { passive: { ports: passive(ports[0]), peerCheck: 'off' } },
    with: { passive: { ports: passive(ports[1]), peerCheck: 'same-address' } },
  },
  { name: 'storage.symlinks: deny', without: {}, with: { storage: { symlinks: { policy: 'deny' } } } },
  {
    name: 'proxyProtocol',
    without: {},
    with: {
      listeners: [{ ...listener, port: ports[1], proxyProtocol: proxies }],
      passive: { ports: passive(ports[1]), proxyProtocol: proxies },
    },
    proxied: true,
  },
  { name: 'tls.sessionReuse: auto', without: { tls: { sessionReuse: 'off' } }, with: {}, tls: true },
  {
    name: 'tls.sessionReuse: required',
    without: { tls: { sessionReuse: 'off' } },
    with: { tls: { sessionReuse: 'required' } },
    tls: true,
  },
  {
    name: 'tls.truncatedUploads: reject',
    without: {},
    with: { tls: { truncatedUploads: 'reject' } },
    tls: true,
    directions: ['STOR'],
  },
  {
    name: 'quotas',
    without: {},
    with: { quotas: [{ path: '/', maxBytes: 1e12, maxFiles: 1e6 }] },
    directions: ['STOR'],
  },
  { name: 'uploads.mode: atomic', without: {}, with: { uploads: { mode: 'atomic' } }, directions: ['STOR'] },
  { name: 'uploads.durability: fsync', without: {}, with: { uploads: { durability: 'fsync' } }, directions: ['STOR'] },
]

const block = Buffer.alloc(1_048_576, 'x')

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
    files: { type: 'string', default: '/dev/shm' },
    mebibytes: { type: 'string', default: '1024' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(usage)
else await compareAll()

async function compareAll(): Promise<void> {
  const wanted = values.only === '' ? [] : values.only.split(',')
  process.stdout.write('| defence | transfer | time, with / without | processor time |\n| --- | --- | --- | --- |\n')
  for (const defence of defences) if (wanted.length === 0 || wanted.includes(defence.name)) await compare(defence)
}

async function compare(defence: Defence): Promise<void> {
  const account = { user: 'ftpbench', password: 'bench' }
  const start = (settings: Settings, port: number) =>
    ourServer({ account, workers: undefined, filesDirectory: values.files, settings, port }).start()
  const [without, guarded] = await Promise.all([start(defence.without, ports[0]), start(defence.with, ports[1])])
  try {
    const target = { host: '127.0.0.1', ...account, tls: defence.tls ?? false }
    const targets = [
      { running: without, target: { ...target, port: without.port } },
      { running: guarded, target: { ...target, port: guarded.port, proxied: defence.proxied ?? false } },
    ] as const
    // What is compiled and allocated once is so then.
    for (const each of targets) for (const direction of ['STOR', 'RETR'] as const) await transfer(each, direction)
    for (const direction of defence.directions ?? (['RETR', 'STOR'] as const)) {
      const costs: readonly [Cost[], Cost[]] = [[], []]
      for (let pair = 0; pair < Number(values.pairs); pair += 1) {
        // Each first as often as second: a machine that slows down slows both.
        for (const side of pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
          costs[side].push(await transfer(targets[side], direction))
        }
      }
      process.stdout.write(`${row(defence.name, direction, costs)}\n`)
    }
  } finally {
    await Promise.all([without.stop(), guarded.stop()])
  }
}

async function transfer(
  { running, target }: { readonly running: RunningServer; readonly target: Target },
  direction: Direction,
): Promise<Cost> {
  const bytes = Number(values.mebibytes) * block.length
  const client = await LoadClient.login(target)
  try {
    const before = await usageOf(running.pid)
    const started = performance.now()
    if (direction === 'STOR') await client.upload('STOR file', block, bytes)
    else if ((await client.download('RETR file')) !== bytes) throw new Error('a download is not whole')
    const seconds = (performance.now() - started) / 1000
    return { seconds, cpuSeconds: (await usageOf(running.pid)).cpuSeconds - before.cpuSeconds }
  } finally {
    client.close()
  }
}

function row(
  name: string,
  direction: Direction,
  [without, guarded]: readonly [readonly Cost[], readonly Cost[]],
): string {
  // Of pairs that ran one right after the other, so that the machine was the same for both.
  const ratio = (figure: keyof Cost) =>
    median(guarded.map((cost, pair) => cost[figure] / (without[pair]?.[figure] ?? 0)))
  const seconds = (costs: readonly Cost[]) => median(costs.map(cost => cost.seconds)).toFixed(2)
  return `| ${name} | ${direction} | ${ratio('seconds').toFixed(3)} (${seconds(guarded)} / ${seconds(without)} s) | ${ratio('cpuSeconds').toFixed(3)} |`
}

function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  const [low = 0, high = 0] =
    sorted.length % 2 === 0 ? [sorted[middle - 1], sorted[middle]] : [sorted[middle], sorted[middle]]
  return (low + high) / 2
}
