/** What is bundled, told as licences and supply chains demand it: LICENSES.txt, and a bill of materials as CycloneDX has it. */
import { readdir, readFile } from 'node:fs/promises'

export type BundledPackage = {
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly license: string
  /** The text of the licence, or its name if the package has none. */
  readonly text: string
}

/** The packages that these files come from, in the order of their names. Rejects where one does not say its licence. */
export async function packagesOf(files: readonly string[]): Promise<readonly BundledPackage[]> {
  const directories = new Set(files.flatMap(file => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []))
  return Promise.all([...directories].toSorted().map(readPackage))
}

/** The licences of all packages, as they demand of those who pass them on. */
export function licenceTexts(packages: readonly BundledPackage[]): string {
  return packages.map(({ name, version, text }) => `${name} ${version}\n\n${text}`).join(`\n${'-'.repeat(80)}\n\n`)
}

/** CycloneDX 1.5. Not by `npm sbom`, which leaves out what development needs as well, and lists what is not in the bundle. */
export function billOfMaterials(
  { name: product, version: release }: { readonly name: string; readonly version: string },
  packages: readonly BundledPackage[],
): string {
  const components = packages.map(({ name, version, license }) => {
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
    return { type: 'library', 'bom-ref': purl, name, version, purl, licenses: [{ expression: license }] }
  })
  const metadata = { component: { type: 'application', name: product, version: release } }
  const document = { bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, metadata, components }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

async function readPackage(directory: string): Promise<BundledPackage> {
  const { name, version, license } = JSON.parse(await readFile(`${directory}/package.json`, 'utf8'))
  if (typeof license !== 'string') throw new Error(`${directory}/package.json says no licence`)
  const file = (await readdir(directory)).find(candidate => /^licen[cs]e/i.test(candidate))
  const text = file === undefined ? `License: ${license}\n` : await readFile(`${directory}/${file}`, 'utf8')
  return { name, version, license, text }
}
