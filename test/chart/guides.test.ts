/** The examples in the guides: each must be what it claims to be. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { createReader } from '../../operator/api/read.ts'
import { isUserList, parseUserList } from '../../server/config/users/users.ts'
import { type ApiServer, clusterTest, kubebuilderAssets, startApiServer } from '../support/control-plane/api-server.ts'
import { apply, install } from './dry-run.ts'
import { at, type Chart, helmTest, type RenderedObject, refusal, type Values } from './helm.ts'

const guides = 'docs/guides'
/** Of Kubernetes alone; the others have examples of files of the server too. */
const ofKubernetes = /\/(kubernetes[^/]*|argo-cd|README)\.md$/
const pages = [
  ...(await readdir(guides)).map(name => `${guides}/${name}`),
  'charts/ftp-server/README.md',
  'charts/ftp-operator/README.md',
]
const examples = (await Promise.all(pages.map(examplesOf))).flat()
const objects = examples.flatMap(example => (example.kind === 'object' ? [example] : []))
const servers = objects.filter(({ object }) => object.kind === 'FtpServer')

test('there are guides with examples', () => {
  expect(pages.length).toBeGreaterThan(8)
  expect(servers.length).toBeGreaterThan(15)
})

describe('an FtpServer of a guide', () => {
  const read = createReader()
  for (const { page, line, object } of servers) {
    test(`has fields of the schema: ${page}:${line}`, () => {
      expect(read(object)).toMatchObject({ valid: true })
    })
  }
})

describe('a list of users of a guide', () => {
  const lists = objects.flatMap(({ page, line, object }) =>
    Object.entries({ ...(object['data'] as Values), ...(object['stringData'] as Values) })
      .filter(([key]) => isUserList(key))
      .map(([key, text]) => ({ page, line, key, text: String(text) })),
  )
  for (const { page, line, key, text } of lists) {
    test(`has users that the server accepts: ${page}:${line}`, async () => {
      const list = await parseUserList(key, text)
      if (!list.accepted) throw new Error(JSON.stringify(list.violations))
      expect(list.entries.length).toBeGreaterThan(0)
      for (const { outcome } of list.entries) expect(outcome).toMatchObject({ kind: 'user' })
    })
  }
  test('is in one of them at least', () => expect(lists).not.toEqual([]))
})

describe('values of a guide', () => {
  for (const example of examples) {
    if (example.kind !== 'values') continue
    helmTest(`are taken by the chart: ${example.page}:${example.line}`, async () => {
      expect(await refusal(example.chart, example.values)).toBe('')
    })
  }
})

describe('at a real API server', () => {
  let server: ApiServer
  beforeAll(async () => {
    if (kubebuilderAssets.directory === undefined) return
    server = await startApiServer()
    for (const plural of ['ftpservers', 'ftpusers']) {
      await install(server, parse(await readFile(`crds/ftp-operator.io_${plural}.yaml`, 'utf8')))
    }
    for (const name of new Set(objects.flatMap(({ object }) => object.metadata.namespace ?? []))) {
      await apply(server, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, 'for-real')
    }
  }, 90_000)
  afterAll(async () => {
    await server?.stop()
  }, 30_000)

  for (const { page, line, object } of objects) {
    if (!ours.has(object.apiVersion)) continue
    clusterTest(`an example is taken: ${object.kind} in ${page}:${line}`, async () => {
      const { status, body } = await apply(server, object, 'dry-run')
      expect({ status, message: body.message }).toEqual({ status: 201, message: undefined })
    })
  }
})

describe('the health check for Argo CD', () => {
  const ready = { type: 'Ready', status: 'True', message: 'All is well.' }
  const base = { metadata: { generation: 2 }, spec: {}, status: { observedGeneration: 2, conditions: [ready] } }
  const notReady = { ...ready, status: 'False', message: 'No address yet.' }
  const stalled = { type: 'Stalled', status: 'True', message: 'The Secret has no key.' }
  const cases: readonly (readonly [string, object, string, string])[] = [
    ['ready', base, 'Healthy', 'All is well.'],
    ['never seen', { ...base, status: undefined }, 'Progressing', 'not seen'],
    ['changed since', { ...base, metadata: { generation: 3 } }, 'Progressing', 'not seen'],
    ['under way', { ...base, status: { ...base.status, conditions: [notReady] } }, 'Progressing', 'No address yet.'],
    ['stuck', { ...base, status: { ...base.status, conditions: [notReady, stalled] } }, 'Degraded', 'no key'],
    ['suspended', { ...base, spec: { suspend: true } }, 'Suspended', 'no pods'],
    ['paused', { ...base, spec: { paused: true }, status: undefined }, 'Suspended', 'paused'],
    ['without conditions', { ...base, status: { observedGeneration: 2 } }, 'Progressing', ''],
  ]
  const refused = { ...notReady, reason: 'NotAllowed', message: 'Not let in.' }
  const late = { ...notReady, reason: 'Pending', message: 'In a moment.' }
  const idle = { ...notReady, status: 'Unknown', reason: 'NoPods', message: 'No pods.' }
  const withReady = (condition: object) => ({ ...base, status: { observedGeneration: 2, conditions: [condition] } })
  const users: readonly (readonly [string, Values, string, string])[] = [
    ['in force', base, 'Healthy', 'All is well.'],
    ['new', { ...base, status: undefined }, 'Progressing', 'not seen'],
    ['changed since', { ...base, metadata: { generation: 3 } }, 'Progressing', 'not seen'],
    ['on the way', withReady(late), 'Progressing', 'In a moment.'],
    ['refused', withReady(refused), 'Degraded', 'Not let in.'],
    ['of a server without pods', withReady(idle), 'Progressing', 'No pods.'],
  ]
  const all = [
    ...cases.map(each => ['FtpServer', ...each] as const),
    ...users.map(each => ['FtpUser', ...each] as const),
  ]
  for (const [kind, name, resource, status, message] of all) {
    luaTest(`says ${status} of an ${kind} that is ${name}`, async () => {
      const settings = objects.find(({ object }) => object.metadata.name === 'argocd-cm')?.object
      const key = `resource.customizations.health.ftp-operator.io_${kind}`
      const check = (settings?.['data'] as Values | undefined)?.[key]
      if (typeof check !== 'string') throw new Error(`no guide has ${key}`)
      const script = `obj = ${luaLiteral(resource)}\nlocal hs = (function()\n${check}\nend)()\nprint(hs.status .. ": " .. hs.message)`
      const said = await runLua(script)
      expect(said).toContain(`${status}: `)
      expect(said).toContain(message)
    })
  }
})

/** What a server without further definitions knows. */
const ours = new Set(['v1', 'ftp-operator.io/v1alpha1'])

type Example = { readonly page: string; readonly line: number } & (
  | { readonly kind: 'object'; readonly object: RenderedObject }
  | { readonly kind: 'values'; readonly chart: Chart; readonly values: Values }
)

/** Blocks of YAML: values of a chart, if the first line says so, and objects otherwise. */
async function examplesOf(page: string): Promise<Example[]> {
  const text = await readFile(page, 'utf8')
  return [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(({ 1: yaml = '', index }): Example[] => {
    const line = text.slice(0, index).split('\n').length
    if (!ofKubernetes.test(page) && !/^apiVersion:/m.test(yaml)) return []
    const [, chart] = /^# values of charts\/(ftp-operator|ftp-server)\n/.exec(yaml) ?? []
    // kubectl and Helm read YAML 1.1.
    if (chart !== undefined)
      return [{ page, line, kind: 'values', chart: chart as Chart, values: parse(yaml, { version: '1.1' }) }]
    return parseAllDocuments(yaml, { version: '1.1' }).map(document => {
      const [mistake] = [...document.errors, ...document.warnings]
      if (mistake !== undefined) throw new Error(`${page}:${line}: ${mistake.message}`)
      const object = document.toJSON()
      if (typeof at(object, 'kind') !== 'string' || typeof at(object, 'metadata.name') !== 'string')
        throw new Error(`${page}:${line}: neither an object nor values of a chart`)
      return { page, line, kind: 'object', object }
    })
  })
}

function findLua(): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(':')
  return ['lua5.1', 'luajit', 'lua']
    .flatMap(name => directories.map(directory => join(directory, name)))
    .find(path => existsSync(path))
}

function luaTest(name: string, body: () => Promise<void>): void {
  if (findLua() !== undefined) {
    test(name, body)
    return
  }
  const why = 'there is no lua in PATH'
  test(`${name} [NOT RUN: ${why}]`, ({ skip }) => {
    console.warn(`NOT RUN, because ${why}: ${name}`)
    skip(why)
  })
}

async function runLua(script: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const child = execFile(findLua() ?? 'lua', ['-'], { timeout: 10_000 }, (error, output) =>
    error === null ? resolve(output) : reject(error),
  )
  child.stdin?.end(script)
  return promise
}

/** As Argo CD hands a resource to Lua. */
function luaLiteral(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(luaLiteral).join(', ')}}`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
    return `{${entries.map(([key, inner]) => `[${JSON.stringify(key)}] = ${luaLiteral(inner)}`).join(', ')}}`
  }
  return JSON.stringify(value)
}
