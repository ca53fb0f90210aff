/** Loads a configuration directory, part by part: what is bad leaves the last good of its part in force. */
import { type CheckedCertificate, validityChangesAt, validityProblems } from './certificate.ts'
import {
  type CertificatePart,
  type HostCertificates,
  loadCertificate,
  loadHostCertificates,
  sameFiles,
  usable,
} from './certificate-parts.ts'
import type { Configuration, Problem } from './configuration.ts'
import { type ConfigurationFiles, readFiles, serverFile } from './files.ts'
import { configurationHash, type DigestedFile, fileDigest } from './hash.ts'
import { hostsInForce, missingCertificates } from './hosts.ts'
import { loadRelaySecrets, type RelaySecretsPart } from './relay-secrets.ts'
import { brokenRules, serverRules, serverSurroundingsRules } from './rules.ts'
import { removedHomesFile } from './schema/removed-homes.ts'
import type { ServerConfiguration } from './schema.ts'
import { decodeText } from './text.ts'
import { loadRemovedHomes } from './users/removed-homes.ts'
import { type ListPart, usersInForce } from './users/users-in-force.ts'
import { type Validated, validateServer } from './validate.ts'
import { parseYaml } from './yaml/yaml.ts'

/** What is in force, in the parts that change on their own; the next load goes on from it. */
export type LoadedParts = {
  readonly server: Part<ServerConfiguration>
  readonly certificate: CertificatePart
  readonly hostCertificates: HostCertificates
  readonly lists: ReadonlyMap<string, ListPart>
  readonly relaySecrets: RelaySecretsPart
}

export type Part<Value> = { readonly value: Value; readonly files: readonly DigestedFile[] }

export type LoadResult = {
  readonly problems: readonly Problem[]
  /** Absolute paths of files outside the directory's `users/` that it depends on: password files. */
  readonly references: readonly string[]
  /** When the problems are others though no file has changed, in milliseconds since the epoch; never is Infinity. */
  readonly outdatedAt: number
} & (
  | { readonly configuration: Configuration; readonly parts: LoadedParts }
  /** There is no server's configuration, neither a good one now nor one from before. */
  | { readonly configuration: undefined; readonly parts: undefined }
)

/** Reads the directory. What is bad is in the problems, all at once; nothing is thrown for it. */
export async function loadConfiguration(
  directory: string,
  previous: LoadedParts | undefined,
  now: number = Date.now(),
): Promise<LoadResult> {
  const { contents, faults } = await readFiles(directory)
  const certificate = loadCertificate({ contents, faults }, previous?.certificate)
  const ofHosts = loadHostCertificates({ contents, faults }, previous?.hostCertificates ?? new Map())
  const hostFiles = usable(ofHosts.certificates)
  const server = loadServer(contents, faults, previous)
  const chosen = choose(server.candidate, certificate.candidate, previous)
  const faultOf = (path: string) =>
    faults.get('.') ??
    ancestors(path)
      .map(each => faults.get(each))
      .find(Boolean)
  const users = await usersInForce({ directory, contents, faultOf }, previous?.lists ?? new Map(), chosen.server?.value)
  const relay = await loadRelaySecrets(directory, chosen.server?.value.relay.secretFile, previous?.relaySecrets)
  const removed = loadRemovedHomes(contents)
  const certificates = certificatesInForce(chosen.certificate, ofHosts.certificates)
  const problems = [
    ...[...faults].map(([file, message]) => ({ file, path: '', message })),
    ...server.problems,
    ...chosen.problems,
    ...certificate.problems,
    ...ofHosts.problems,
    ...certificates.flatMap(([path, inForce]) => validityProblems(inForce, now, path)),
    ...(chosen.server === undefined ? [] : missingCertificates(chosen.server.value, hostFiles)),
    ...users.problems,
    ...relay.problems,
    ...removed.problems,
  ]
  const references = [...users.references, ...relay.references]
  const outdatedAt = Math.min(...certificates.map(([, inForce]) => validityChangesAt(inForce, now)))
  if (chosen.server === undefined)
    return { configuration: undefined, parts: undefined, problems, references, outdatedAt }
  return {
    configuration: {
      hash: configurationHash(
        distinct([
          ...chosen.server.files,
          ...chosen.certificate.files,
          ...[...ofHosts.certificates.values()].flatMap(({ files }) => files),
          // An order that is refused is not in force, nor is the one before it.
          ...users.files.filter(({ path }) => path !== removedHomesFile || removed.problems.length === 0),
          ...relay.part.files,
        ]),
      ),
      server: chosen.server.value,
      users: users.users,
      certificate: chosen.certificate.value?.files,
      hosts: hostsInForce(chosen.server.value, hostFiles),
      relaySecrets: relay.part.value,
      ...(removed.homes.length > 0 && { removedHomes: removed.homes }),
    },
    parts: {
      server: chosen.server,
      certificate: chosen.certificate,
      hostCertificates: ofHosts.certificates,
      lists: users.lists,
      relaySecrets: relay.part,
    },
    problems,
    references,
    outdatedAt,
  }
}

type Contents = ConfigurationFiles['contents']
type Faults = ConfigurationFiles['faults']
type Loaded<Value> = { readonly candidate: Value; readonly problems: readonly Problem[] }

function loadServer(
  contents: Contents,
  faults: Faults,
  previous: LoadedParts | undefined,
): Loaded<Part<ServerConfiguration> | undefined> {
  const last = previous?.server
  if (faults.has('.') || faults.has(serverFile)) return { candidate: last, problems: [] }
  const content = contents.get(serverFile)
  const files = content === undefined ? [] : [{ path: serverFile, digest: fileDigest(content) }]
  if (last !== undefined && sameFiles(last.files, files)) return { candidate: last, problems: [] }
  const result = parseServer(content)
  if (result.valid) return { candidate: { value: result.value, files }, problems: [] }
  return { candidate: last, problems: result.violations.map(each => ({ file: serverFile, ...each })) }
}

function parseServer(content: Uint8Array | undefined): Validated<ServerConfiguration> {
  if (content === undefined) return validateServer({})
  const text = decodeText(content)
  if (text === undefined) return { valid: false, violations: [{ path: '', message: 'must be text in UTF-8' }] }
  const yaml = parseYaml(text)
  if (!yaml.parsed) return { valid: false, violations: yaml.violations }
  // Comments only: all defaults.
  const result = validateServer(yaml.value ?? {})
  if (!result.valid) return result
  const violations = brokenRules(serverRules, result.value)
  return violations.length === 0 ? result : { valid: false, violations }
}

/** The server's own and those of its hosts, each with the directory that it is in. */
function certificatesInForce(
  own: CertificatePart | undefined,
  hosts: HostCertificates,
): readonly (readonly [directory: string, CheckedCertificate])[] {
  const parts = [['tls', own] as const, ...[...hosts].map(([name, part]) => [`tls/${name}`, part] as const)]
  return parts.flatMap(([path, part]) => (part?.value === undefined ? [] : [[path, part.value] as const]))
}

/** The authority of clients' certificates is a file of each host's certificate, and counts once: as the server has it. */
function distinct(files: readonly DigestedFile[]): Iterable<DigestedFile> {
  const byPath = new Map<string, DigestedFile>()
  for (const file of files) if (!byPath.has(file.path)) byPath.set(file.path, file)
  return byPath.values()
}

type Choice = { readonly problems: readonly Problem[] } & (
  | { readonly server: Part<ServerConfiguration>; readonly certificate: CertificatePart }
  | { readonly server: undefined; readonly certificate: undefined }
)

/** The server's configuration and the certificate must agree: the newest that do are taken. Client certificates without an authority of their own would be checked against that of the system, which is to say against anyone's. */
function choose(
  server: Part<ServerConfiguration> | undefined,
  certificate: CertificatePart,
  previous: LoadedParts | undefined,
): Choice {
  if (server === undefined) return { server: undefined, certificate: undefined, problems: [] }
  const violations = disagreement(server, certificate)
  if (violations.length === 0) return { server, certificate, problems: [] }
  const problems = violations.map(each => ({ file: serverFile, ...each }))
  if (previous === undefined) return { server: undefined, certificate: undefined, problems }
  if (disagreement(previous.server, certificate).length === 0) return { server: previous.server, certificate, problems }
  if (disagreement(server, previous.certificate).length === 0)
    return { server, certificate: previous.certificate, problems }
  return { server: previous.server, certificate: previous.certificate, problems }
}

function disagreement(server: Part<ServerConfiguration>, certificate: CertificatePart) {
  const hasAuthority = certificate.value?.files.authority !== undefined
  return brokenRules(serverSurroundingsRules, { server: server.value, hasAuthority })
}

/** The path and the directories above it: `users/a/b`, `users/a`, `users`. */
function ancestors(path: string): readonly string[] {
  const parts = path.split('/')
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'))
}
