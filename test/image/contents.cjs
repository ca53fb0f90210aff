// Runs inside the image, with the package.json of the project as input: whether what is in the image is listed, with its licence.
const { readFileSync } = require('node:fs')

const { name: product, dependencies, optionalDependencies } = JSON.parse(readFileSync(0, 'utf8'))
const { components = [], bomFormat, metadata } = JSON.parse(readFileSync('/app/sbom.cdx.json', 'utf8'))
const licences = readFileSync('/app/LICENSES.txt', 'utf8').split(`\n${'-'.repeat(80)}\n\n`)
const problems = []
const mayBe =
  /^(\(?(MIT|ISC|Apache-2\.0|BSD-2-Clause|BSD-3-Clause|0BSD|Python-2\.0|PSF-2\.0|BlueOak-1\.0\.0|Unlicense)( OR [^)]+)?\)?)$/

if (bomFormat !== 'CycloneDX') problems.push('sbom.cdx.json is not what its name says')
if (metadata?.component?.name !== product) problems.push(`sbom.cdx.json is that of ${metadata?.component?.name}`)
const listed = new Map(components.map(({ name, version }) => [name, version]))
for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies })) {
  if (listed.get(name) !== version) problems.push(`sbom.cdx.json lacks ${name} ${version}, it has ${listed.get(name)}`)
}
for (const { name, licenses = [] } of components) {
  const ids = licenses.map(({ license, expression }) => expression ?? license?.id ?? license?.name)
  if (ids.length === 0 || !ids.every(id => mayBe.test(String(id))))
    problems.push(`${name} has the licence ${ids.join(' and ') || 'unknown'}`)
}
const bundled = new Map(licences.map(text => [text.slice(0, text.indexOf(' ')), text]))
for (const [name, text] of bundled) {
  if (!listed.has(name)) problems.push(`LICENSES.txt has ${name}, which sbom.cdx.json does not list`)
  if (text.length < 40) problems.push(`LICENSES.txt has no text for ${name}: ${JSON.stringify(text)}`)
}
for (const name of listed.keys()) {
  if (!bundled.has(name)) problems.push(`LICENSES.txt lacks ${name}`)
}
console.log(`${components.length} packages are listed, ${bundled.size} are bundled`)
for (const problem of problems) console.log(problem)
process.exitCode = problems.length === 0 ? 0 : 1
