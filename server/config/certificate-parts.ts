/** The certificates of a configuration directory, the server's and those of its hosts: each a part that fails alone. */
import { type CheckedCertificate, checkCertificate } from './certificate.ts'
import type { CertificateFiles, Problem } from './configuration.ts'
import type { ConfigurationFiles } from './files.ts'
import { configurationHash, type DigestedFile, fileDigest } from './hash.ts'

export type CertificatePart = {
  readonly value: CheckedCertificate | undefined
  readonly files: readonly DigestedFile[]
}

/** By directory below `tls/`. */
export type HostCertificates = ReadonlyMap<string, CertificatePart>

export type LoadedCertificate = { readonly candidate: CertificatePart; readonly problems: readonly Problem[] }

/** The server's own: `tls/tls.crt`, `tls/tls.key` and `tls/ca.crt`. */
export function loadCertificate(
  { contents, faults }: ConfigurationFiles,
  last: CertificatePart | undefined,
): LoadedCertificate {
  return load('tls', { contents, faults }, last)
}

/** Those of hosts: `tls/<directory>/tls.crt` and `tls.key`. Clients' certificates are signed by the authority of all, `tls/ca.crt`. */
export function loadHostCertificates(
  files: ConfigurationFiles,
  last: HostCertificates,
): { readonly certificates: HostCertificates; readonly problems: readonly Problem[] } {
  const unreadable = files.faults.has('.') || files.faults.has('tls')
  const directories = new Set<string>(unreadable ? last.keys() : [])
  for (const path of [...files.contents.keys(), ...files.faults.keys()]) {
    const [, directory] = /^tls\/([^/]+)(?:\/tls\.(?:crt|key))?$/.exec(path) ?? []
    if (directory !== undefined && !ownFiles.includes(directory)) directories.add(directory)
  }
  const certificates = new Map<string, CertificatePart>()
  const problems: Problem[] = []
  for (const directory of directories) {
    const loaded = load(`tls/${directory}`, files, last.get(directory))
    certificates.set(directory, loaded.candidate)
    // What is wrong with the authority was said for the server.
    problems.push(...loaded.problems.filter(({ file }) => file !== authorityFile))
  }
  return { certificates, problems }
}

/** What is there to be used, by directory. */
export function usable(certificates: HostCertificates): ReadonlyMap<string, CertificateFiles> {
  return new Map([...certificates].flatMap(([directory, { value }]) => (value ? [[directory, value.files]] : [])))
}

export function sameFiles(some: readonly DigestedFile[], others: readonly DigestedFile[]): boolean {
  return configurationHash(some) === configurationHash(others)
}

const authorityFile = 'tls/ca.crt'
const ownFiles: readonly string[] = ['tls.crt', 'tls.key', 'ca.crt']

function load(
  directory: string,
  { contents, faults }: ConfigurationFiles,
  last: CertificatePart | undefined,
): LoadedCertificate {
  const held = last ?? { value: undefined, files: [] }
  const paths = [`${directory}/tls.crt`, `${directory}/tls.key`, authorityFile] as const
  if (['.', 'tls', directory, ...paths].some(path => faults.has(path))) return { candidate: held, problems: [] }
  const files = paths.flatMap(path => {
    const content = contents.get(path)
    return content === undefined ? [] : [{ path, digest: fileDigest(content) }]
  })
  if (last !== undefined && sameFiles(last.files, files)) return { candidate: last, problems: [] }
  const [certificate, key, authority] = paths
  const check = checkCertificate(contents.get(certificate), contents.get(key), contents.get(authority), directory)
  if (!check.accepted) return { candidate: held, problems: check.problems }
  return { candidate: { value: check.certificate, files }, problems: [] }
}
