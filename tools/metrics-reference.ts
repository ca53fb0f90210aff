/** The reference page of metrics, from the registries themselves. */
import type { Registry } from 'prom-client'
import { createOperatorMetrics } from '../operator/telemetry/metrics.ts'
import { createMetrics } from '../server/telemetry/metrics.ts'
import { code, escapeCell, table } from './markdown.ts'

const build = { version: '', runtime: '' }

export function metricsPage(): string {
  const server = createMetrics({ ...build, verbs: [] })
  const operator = createOperatorMetrics(build)
  return `# Metrics

For Prometheus, at \`/metrics\` on the port of the probes (8080; 8081 of the operator). With several \`workers\` the first process answers for all. Beside these there are those of every Node process (\`process_…\`, \`nodejs_…\`). What they mean when something is wrong is in [operations](../guides/operations.md#when-things-go-wrong).

## Of the server

${tableOf(server.registry)}

## Of the operator

Under the names that controller-runtime and client-go use, so that dashboards for those fit.

${tableOf(operator.registry)}`
}

function tableOf(registry: Registry): string {
  const metrics = registry
    .getMetricsAsArray()
    // Its types leave out what it has at run time.
    .map(metric => metric as unknown as Described)
    .filter(({ name }) => !/^(process|nodejs)_/.test(name))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
  return table(
    ['metric', 'type', 'labels', 'what it is'],
    metrics.map(({ name, type, help, labelNames }) => [
      code(name),
      type,
      labelNames.map(code).join(', '),
      escapeCell(help),
    ]),
  )
}

/** What a metric of prom-client knows of itself. */
type Described = {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames: readonly string[]
}
