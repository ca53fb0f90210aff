/** `render -f FILE`: the manifests that would be applied for each FtpServer of a file, as YAML, without a cluster. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { LineCounter, parseAllDocuments, stringify } from 'yaml'
import { kind } from './api/ftp-server.ts'
import { type FtpUser, ftpUserKind } from './api/ftp-user.ts'
import { createReader, createUserReader } from './api/read.ts'
import { annotationKeys } from './desired/names.ts'
import { plan } from './ftp-server/plan.ts'
import { type KubernetesObject, keyOf, type Manifest } from './kubernetes/object.ts'
import { at, recordAt, textAt } from './kubernetes/read.ts'
import { readSource } from './observation/live.ts'
import { nothingThere, type Observation, type OperatorFacts, type Source } from './observation/observation.ts'
import type { ObservedUser } from './observation/observed-user.ts'
import { serverKeysOf } from './observation/user-references.ts'
import type { Binding } from './users/binding.ts'

export type RenderOptions = {
  readonly argv: readonly string[]
  /** Read for `-f -`. */
  readonly input: AsyncIterable<Uint8Array | string>
  readonly output: { write(text: string): unknown }
  readonly error: { write(text: string): unknown }
  readonly operator: OperatorFacts
  /** Milliseconds since the epoch. */
  readonly now: number
}

const renderUsage = `Usage: ftp-operator render -f FILE [--namespace NAME]

Prints what the operator would apply for each FtpServer in FILE (- for standard input), with the FtpUsers
in FILE. Secrets and ConfigMaps in FILE are those that these refer to; all else that only a cluster knows is left open.
`

/** Resolves to the exit code: 0, 1 for a file that can't be rendered, 2 for wrong arguments. */
export async function renderCommand(options: RenderOptions): Promise<number> {
  const { output, error } = options
  const parsed = parseOptions(options.argv)
  if ('message' in parsed) {
    error.write(`${parsed.message}\n\n${renderUsage}`)
    return 2
  }
  try {
    const text = parsed.file === '-' ? await readAll(options.input) : await readFile(parsed.file, 'utf8')
    const documents = readDocuments(text, parsed.namespace)
    const { servers } = documents
    if (servers.length === 0) throw new Error(`${parsed.file} has no ${kind}`)
    for (const server of servers) {
      const { manifests, notes } = render(server, documents, options)
      for (const note of notes) error.write(`${server.metadata.name}: ${note}\n`)
      for (const manifest of manifests) output.write(`---\n${stringify(manifest, yamlOptions)}`)
    }
    return 0
  } catch (fault) {
    error.write(`${fault instanceof Error ? fault.message : String(fault)}\n`)
    return 1
  }
}

// kubectl reads YAML 1.1, in which a bare `yes` is no text.
const yamlOptions = { lineWidth: 0, version: '1.1' } as const

type Server = Observation['server']

function parseOptions(
  argv: readonly string[],
): { readonly file: string; readonly namespace: string } | { readonly message: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        filename: { type: 'string', short: 'f' },
        namespace: { type: 'string', short: 'n', default: 'default' },
      },
    })
    if (values.filename === undefined) return { message: '-f FILE must be given' }
    return { file: values.filename, namespace: values.namespace }
  } catch (fault) {
    return { message: fault instanceof Error ? fault.message : String(fault) }
  }
}

type Documents = {
  readonly servers: readonly Server[]
  readonly users: readonly FtpUser[]
  /** By namespace. */
  readonly sources: ReadonlyMap<string, readonly Source[]>
  /** Labels of namespaces, by name. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>
}

function readDocuments(text: string, namespace: string): Documents {
  const [read, readUser] = [createReader(), createUserReader()]
  const servers: Server[] = []
  const users: FtpUser[] = []
  const sources = new Map<string, Source[]>()
  const namespaces = new Map<string, Readonly<Record<string, string>>>()
  const placed = <Resource extends Server | FtpUser>(resource: Resource): Resource => {
    const { metadata } = resource
    return { ...resource, metadata: { ...metadata, namespace: metadata.namespace ?? namespace, uid: '' } }
  }
  const lines = new LineCounter()
  for (const document of parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })) {
    const mistakes = document.errors.map(({ code, pos }) => yamlMistake(lines, pos[0], code))
    if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
    const value = valueOf(document)
    if (textAt(value, 'kind') === kind) {
      const result = read(value)
      if (!result.valid) throw new Error(result.errors.join('\n'))
      servers.push(placed(result.value))
    } else if (textAt(value, 'kind') === ftpUserKind) {
      const result = readUser(value)
      if (!result.valid) throw new Error(result.errors.join('\n'))
      users.push(placed(result.value))
    } else if (textAt(value, 'metadata', 'name') !== undefined) {
      const object = value as KubernetesObject
      const source = readSource(withEncodedText(object))
      const place = object.metadata.namespace ?? namespace
      if (source !== undefined) sources.set(place, [...(sources.get(place) ?? []), source])
      if (object.kind === 'Namespace') namespaces.set(object.metadata.name, object.metadata.labels ?? {})
    }
  }
  return { servers, users, sources, namespaces }
}

/** The FtpUsers that name the server, with the Secrets of their namespaces. */
function observedUsers(server: Server, { users, sources, namespaces }: Documents): readonly ObservedUser[] {
  return users
    .filter(user => serverKeysOf(user).includes(keyOf(server.metadata)))
    .map(user => {
      const { namespace } = user.metadata
      const secrets = (sources.get(namespace) ?? []).filter(({ kind: each }) => each === 'Secret')
      return {
        user,
        namespaceLabels: { ...namespaces.get(namespace), 'kubernetes.io/metadata.name': namespace },
        secrets: new Map(secrets.map(({ name, data }) => [name, data])),
      }
    })
}

/** Not in the parser's words: they quote the text, which may hold secrets. */
function yamlMistake(lines: LineCounter, offset: number, code: string): string {
  const { line, col } = lines.linePos(offset)
  return `line ${line}, column ${col}: is no YAML (${code.toLowerCase().replaceAll('_', ' ')})`
}

function valueOf(document: { toJS(): unknown }): unknown {
  try {
    return document.toJS()
  } catch {
    throw new Error('is no YAML: an alias must name an anchor before it, and there can be only a few of them')
  }
}

/** As the API server does with `stringData`. */
function withEncodedText(object: KubernetesObject): KubernetesObject {
  const texts = Object.entries(at(object, 'stringData') ?? {})
  const encoded = texts.map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')])
  return { ...object, data: { ...recordAt(object, 'data'), ...Object.fromEntries(encoded) } }
}

function render(server: Server, documents: Documents, { operator, now }: RenderOptions) {
  const { podMonitor, prometheusRule } = server.spec.monitoring
  const { apply, problems, certificateNeeded, relaySecretNeeded, decisions } = plan({
    now,
    server,
    operator,
    // Nobody knows: what is asked for outright is shown.
    served: {
      certificate: true,
      podMonitor: podMonitor === 'Enabled',
      prometheusRule: prometheusRule === 'Enabled',
    },
    sources: documents.sources.get(server.metadata.namespace) ?? [],
    users: observedUsers(server, documents),
    ...nothingThere,
  })
  return {
    manifests: apply.map(withoutClusterFields),
    notes: [
      ...problems.map(({ source, message }) => `${source} ${message}`),
      ...decisions.bindings.flatMap(noteOf),
      ...(certificateNeeded === undefined
        ? []
        : [`Secret ${certificateNeeded.secretName} with a self-signed certificate is made in the cluster`]),
      ...(relaySecretNeeded === undefined
        ? []
        : [`Secret ${relaySecretNeeded.secretName}, by which pods know each other, is made in the cluster`]),
    ],
  }
}

function noteOf({ key, verdict }: Binding): readonly string[] {
  if (verdict.accepted) return []
  // A password that is still to be generated.
  const message = verdict.reason === 'Pending' ? 'gets a password in the cluster' : `is not taken: ${verdict.message}`
  return [`${ftpUserKind} ${key} ${message}`]
}

/** Without an owner: its uid is only known in the cluster, which would delete what has a wrong one. */
function withoutClusterFields(manifest: Manifest): Manifest {
  const {
    ownerReferences: _,
    annotations = {},
    ...metadata
  } = manifest.metadata as Manifest['metadata'] & {
    readonly ownerReferences?: unknown
    readonly annotations?: Readonly<Record<string, string>>
  }
  const { [annotationKeys.appliedHash]: __, ...rest } = annotations
  return {
    ...manifest,
    metadata: { ...metadata, ...(Object.keys(rest).length > 0 && { annotations: rest }) },
  }
}

async function readAll(input: AsyncIterable<Uint8Array | string>): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of input) text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
