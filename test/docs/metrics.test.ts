/** Metrics that the pages and the alerts speak of: each must be one that there is. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const folders = ['docs/guides', 'operator/desired', 'charts/ftp-server/templates', 'charts/ftp-operator/templates']
const sources = folders.flatMap(folder => readdirSync(folder).map(name => `${folder}/${name}`))
const reference = readFileSync('docs/reference/metrics.md', 'utf8')
const known = new Set([...reference.matchAll(/^\| `(\w+)` /gm)].map(([, name = '']) => name))
const named = sources
  .filter(name => /\.(md|ts|ya?ml)$/.test(name))
  .flatMap(name =>
    [
      ...readFileSync(name, 'utf8').matchAll(/\b(ftp|workqueue|controller_runtime|rest_client|reflector)_[a-z_]+\b/g),
    ].map(([metric]) => ({ name, metric })),
  )

test('there are metrics, and pages that speak of them', () => {
  expect(known.size).toBeGreaterThan(50)
  expect(named.length).toBeGreaterThan(30)
})

test('each metric that is spoken of is in the reference', () => {
  const isKnown = (metric: string) => known.has(metric) || known.has(metric.replace(/_(bucket|sum|count)$/, ''))
  // Labels that the operator gives pods are written so in queries.
  const metrics = named.filter(({ metric }) => !metric.startsWith('ftp_operator_io_'))
  expect(metrics.filter(({ metric }) => !isKnown(metric))).toEqual([])
})
