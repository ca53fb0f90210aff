/** `npm run bench`: runs scenarios against this server and, where their start scripts are given, its peers, and prints a table. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Usage, usageOf } from './processes.ts'
import { type Scenario, scenarios, type Work } from './scenarios.ts'
import { type BenchServer, ourServer, peer, type RunningServer } from './servers.ts'

const usage = `npm run bench -- [options]

  --scenarios A,B*     names, or beginnings of names with *; default: all
  --repeats N          runs of each scenario; medians are shown; default 5
  --workers N          processes of this server (\`workers\`)
  --files DIRECTORY    where files lie; default /dev/shm
  --peers NAME,NAME    other servers to compare with
  --peer-scripts DIR   \`DIR/NAME.sh start\` prints \`pid=… port=…\`, \`stop\` ends it; default $BENCH_PEER_SCRIPTS
  --user, --password   who logs in, here and there; default ftpbench, bench

Scenarios: ${scenarios.map(({ name }) => name).join(' ')}
`

type Figures = ReadonlyMap<string, number>

const { values } = parseArgs({
  options: {
    scenarios: { type: 'string', default: '*' },
    repeats: { type: 'string', default: '5' },
    workers: { type: 'string' },
    files: { type: 'string', default: '/dev/shm' },
    peers: { type: 'string', default: '' },
    'peer-scripts': { type: 'string', default: process.env['BENCH_PEER_SCRIPTS'] ?? '' },
    user: { type: 'string', default: 'ftpbench' },
    password: { type: 'string', default: 'bench' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(usage)
else await bench()

async function bench(): Promise<void> {
  const account = { user: values.user, password: values.password }
  const workers = values.workers === undefined ? undefined : Number(values.workers)
  const servers = [ourServer({ account, workers, filesDirectory: values.files }), ...(await installedPeers())]
  for (const scenario of scenarios.filter(({ name }) => isWanted(name))) {
    const results = new Map<string, Figures[]>(servers.map(({ name }) => [name, []]))
    // Interleaved, so that a disturbance of the machine hits all alike.
    for (let round = 0; round < Number(values.repeats); round += 1)
      for (const server of servers) results.get(server.name)?.push(await runOnce(server, scenario, account))
    process.stdout.write(table(scenario, results))
  }
}

async function installedPeers(): Promise<BenchServer[]> {
  const directory = values['peer-scripts']
  const names = values.peers.split(',').filter(name => name !== '')
  const found: BenchServer[] = []
  for (const name of names) {
    try {
      await access(join(directory, `${name}.sh`))
      found.push(peer(directory, name))
    } catch {
      process.stderr.write(`${name} is left out: --peer-scripts names no directory with ${name}.sh\n`)
    }
  }
  return found
}

async function runOnce(
  server: BenchServer,
  scenario: Scenario,
  account: { readonly user: string; readonly password: string },
): Promise<Figures> {
  const running = await server.start()
  try {
    const target = { host: '127.0.0.1', port: running.port, ...account, tls: scenario.tls }
    await scenario.prepare?.(target)
    return await measure(running, scenario, target)
  } catch (error) {
    process.stderr.write(`${server.name}: ${scenario.name}: ${String(error)}\n`)
    return new Map()
  } finally {
    await running.stop()
  }
}

async function measure(
  { pid }: RunningServer,
  scenario: Scenario,
  target: Parameters<Scenario['run']>[0],
): Promise<Figures> {
  const before = await usageOf(pid)
  const started = performance.now()
  const work = await scenario.run(target)
  const seconds = (performance.now() - started) / 1000
  const figures = figuresOf(work, seconds, before, await usageOf(pid), scenario.fresh === true)
  for (const client of work.held ?? []) client.close()
  return figures
}

function figuresOf(work: Work, seconds: number, before: Usage, after: Usage, isMemory: boolean): Figures {
  const { unit, count, latenciesMilliseconds: latencies } = work
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds
  const figures = new Map<string, number>([['processes', after.processes]])
  if (isMemory) {
    figures.set('idle MB', before.residentBytes / 1e6)
    figures.set(`KiB a ${unit}`, (after.residentBytes - before.residentBytes) / 1024 / count)
    return figures
  }
  if (unit === 'GiB') {
    figures.set('MB/s', (count * 1073.74) / seconds)
    figures.set('CPU s a GiB', cpuSeconds / count)
    return figures
  }
  figures.set(`${unit}s a second`, count / seconds)
  figures.set(`CPU ms a ${unit}`, (cpuSeconds * 1000) / count)
  const sorted = [...(latencies ?? [])].sort((left, right) => left - right)
  figures.set('p50 ms', sorted[Math.floor(sorted.length * 0.5)] ?? Number.NaN)
  figures.set('p99 ms', sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN)
  return figures
}

function table(scenario: Scenario, results: ReadonlyMap<string, readonly Figures[]>): string {
  const columns = [...new Set([...results.values()].flat().flatMap(figures => [...figures.keys()]))]
  const rows = [...results].map(([name, runs]) => [name, ...columns.map(column => median(runs, column))])
  const lines = [['server', ...columns], ['---', ...columns.map(() => '---:')], ...rows]
  return `\n### ${scenario.name}\n\n${lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')}\n`
}

function median(runs: readonly Figures[], column: string): string {
  const sorted = runs.flatMap(figures => figures.get(column) ?? []).sort((left, right) => left - right)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) return '–'
  const digits = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
  return `${digits(middle)} (${digits(sorted[0] ?? middle)}–${digits(sorted.at(-1) ?? middle)})`
}

function isWanted(name: string): boolean {
  return values.scenarios
    .split(',')
    .some(wanted => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted))
}
