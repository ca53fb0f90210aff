/** Renders charts with the real Helm. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'

export type Chart = 'ftp-operator' | 'ftp-server'
export type Values = Readonly<Record<string, unknown>>
export type RenderedObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

/** Path of Helm, from HELM, PATH or the directory with the other programs for tests; undefined if there is none. */
export const helm = findHelm()

/** `test`, or a loud note that it did not run and why. */
export const helmTest: (name: string, body: () => Promise<void>, milliseconds?: number) => void =
  helm === undefined ? skipLoudly : test

/** All objects of the chart, as Helm would install them; release `release`, namespace `apps`. */
export async function render(chart: Chart, values: Values = {}): Promise<RenderedObject[]> {
  const { code, output, errors } = await run(['template', 'release', ...chartArguments(chart)], values)
  if (code !== 0) throw new Error(errors)
  return parseAllDocuments(output, { version: '1.1' })
    .map(document => {
      const [mistake] = [...document.errors, ...document.warnings]
      if (mistake !== undefined) throw mistake
      return document.toJSON() as RenderedObject | null
    })
    .filter(object => object !== null)
}

/** What Helm says to values that it refuses; empty if it takes them. */
export async function refusal(chart: Chart, values: Values): Promise<string> {
  const { code, errors } = await run(['template', 'release', ...chartArguments(chart)], values)
  return code === 0 ? '' : errors
}

/** What `helm install` prints when it is done. */
export async function notes(chart: Chart, values: Values = {}): Promise<string> {
  const parameters = ['install', 'release', '--dry-run=client', '--hide-secret', ...chartArguments(chart)]
  const { code, output, errors } = await run(parameters, values)
  if (code !== 0) throw new Error(errors)
  return output.slice(output.indexOf('\nNOTES:'))
}

export async function lint(
  chart: Chart,
  values: Values = {},
): Promise<{ readonly code: number; readonly output: string }> {
  const { code, output, errors } = await run(['lint', '--strict', `charts/${chart}`, '--values', '-'], values)
  return { code, output: output + errors }
}

/** The only object of a kind, of that name if there are several. */
export function only(objects: readonly RenderedObject[], kind: string, name?: string): RenderedObject {
  const found = objects.filter(object => object.kind === kind && (name === undefined || object.metadata.name === name))
  const [object] = found
  if (object === undefined || found.length > 1)
    throw new Error(`there are ${found.length} objects ${kind} ${name ?? ''}`)
  return object
}

/** What is at a path such as `spec.ports.0.name`; undefined if nothing is. */
export function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Values)[key] : undefined),
      value,
    )
}

export function listAt(value: unknown, path: string): readonly Values[] {
  const list = at(value, path) ?? []
  if (!Array.isArray(list)) throw new Error(`${path} is no list`)
  return list as Values[]
}

/** For files that people look at when they change. */
export function goldenText(objects: readonly unknown[]): string {
  return objects.map(object => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n')
}

type Result = { readonly code: number; readonly output: string; readonly errors: string }

function chartArguments(chart: Chart): string[] {
  return [`charts/${chart}`, '--namespace', 'apps', '--values', '-']
}

async function run(parameters: readonly string[], values: Values): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const options = {
    cwd: join(import.meta.dirname, '../..'),
    // No cluster may have a say in what is rendered.
    env: { ...process.env, KUBECONFIG: '/dev/null' },
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  }
  const child = execFile(helm ?? 'helm', parameters, options, (error, output, errors) => {
    if (error !== null && typeof error.code !== 'number') reject(error)
    else resolve({ code: Number(error?.code ?? 0), output, errors })
  })
  // It may end before it has read them.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(JSON.stringify(values))
  return promise
}

function findHelm(): string | undefined {
  const { HELM, PATH = '', KUBEBUILDER_ASSETS } = process.env
  if (HELM !== undefined && HELM !== '') return HELM
  const directories = [...PATH.split(':'), ...(KUBEBUILDER_ASSETS === undefined ? [] : [KUBEBUILDER_ASSETS])]
  return directories.map(directory => join(directory, 'helm')).find(path => existsSync(path))
}

function skipLoudly(name: string): void {
  const why = 'there is no helm in PATH, and HELM does not name it'
  test(`${name} [NOT RUN: ${why}]`, ({ skip }) => {
    console.warn(`NOT RUN, because ${why}: ${name}`)
    skip(why)
  })
}
