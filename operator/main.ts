/** The operator's program: arguments, environment, signals. The only file here that knows the process. */
import { hostname } from 'node:os'
import { KubeConfig } from '@kubernetes/client-node'
import packageJson from '../package.json' with { type: 'json' }
import { type Operator, startOperator } from './operator.ts'
import { renderCommand } from './render-command.ts'
import { flags, parseSettings } from './settings.ts'

const usage = `Usage: ftp-operator [run] [FLAGS]
       ftp-operator render -f FILE [--namespace NAME]
       ftp-operator --help | --version

run     Looks after FtpServer and FtpUser resources. Finds the cluster by KUBECONFIG, or in a pod by its service account.
${Object.entries(flags)
  .map(([name, { variable, description }]) => `          --${name.padEnd(26)}${description} (${variable})`)
  .join('\n')}
render  Prints the manifests that would be applied for the FtpServers in FILE (- for standard input), without a cluster.
`

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number | undefined> {
  const [first] = argv
  if (first === '--help' || first === '-h' || first === 'help') {
    process.stdout.write(usage)
    return 0
  }
  if (first === '--version') {
    process.stdout.write(`${packageJson.version}\n`)
    return 0
  }
  if (first === undefined || first === 'run' || first.startsWith('-'))
    return run(first === 'run' ? argv.slice(1) : argv)
  if (first === 'render') return render(argv.slice(1))
  process.stderr.write(`Unknown command: ${first}\n\n${usage}`)
  return 2
}

/** Resolves to the exit code. */
async function render(argv: readonly string[]): Promise<number> {
  // Who reads no more (`| head`) wants no more.
  process.stdout.once('error', () => process.exit(0))
  try {
    const settings = parseSettings([], process.env)
    return await renderCommand({
      argv,
      input: process.stdin,
      output: process.stdout,
      error: process.stderr,
      operator: {
        defaultImage: settings.serverImage,
        namespace: process.env['POD_NAMESPACE'],
        clusterDomain: 'cluster.local',
        clusterNetworks: settings.clusterNetworks,
      },
      now: Date.now(),
    })
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

/** Resolves to an exit code if the operator can't start, and to none while it runs. */
async function run(argv: readonly string[]): Promise<number | undefined> {
  try {
    const kubeConfig = new KubeConfig()
    kubeConfig.loadFromDefault()
    const operator = await startOperator({
      settings: parseSettings(argv, process.env),
      kubeConfig,
      output: process.stdout,
      instance: process.env['POD_NAME'] ?? hostname(),
      namespace: process.env['POD_NAMESPACE'],
      version: packageJson.version,
      runtime: process.versions.node,
    })
    stopOnSignals(operator)
    return undefined
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

function stopOnSignals(operator: Operator): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // Who asks twice does not want to wait.
      if (stopping) process.exit(1)
      stopping = true
      operator.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`${String(error)}\n`)
          process.exit(1)
        },
      )
    })
  }
}
