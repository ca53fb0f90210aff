/** Bundles the programs into single files that run without node_modules: in `dist/`, or the directory that is named. */
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const entries = {
  server: 'server/main.ts',
  'password-worker': 'server/auth/password-worker.ts',
  operator: 'operator/main.ts',
}
const projectDirectory = join(import.meta.dirname, '..')
const outputDirectory = resolve(process.argv[2] ?? join(projectDirectory, 'dist'))

process.chdir(projectDirectory)
// What is in a directory that somebody named stays.
if (process.argv[2] === undefined) await rm(outputDirectory, { recursive: true, force: true })
const { metafile } = await build({
  absWorkingDir: projectDirectory,
  entryPoints: Object.entries(entries)
    .filter(([, file]) => existsSync(file))
    .map(([out, file]) => ({ out, in: file })),
  outdir: outputDirectory,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // Names in stack traces are worth more than the bytes.
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  // CommonJS dependencies call require() for Node's own modules, which an ES module does not have.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
})
await writeFile(`${outputDirectory}/LICENSES.txt`, await licences(Object.keys(metafile.inputs)))

/** The licences of all packages that these files come from, as they demand of those who pass them on. */
async function licences(files: readonly string[]): Promise<string> {
  const packages = new Set(files.flatMap(file => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []))
  const texts = await Promise.all([...packages].toSorted().map(licence))
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

async function licence(directory: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(`${directory}/package.json`, 'utf8'))
  const file = (await readdir(directory)).find(candidate => /^licen[cs]e/i.test(candidate))
  const text = file ? await readFile(`${directory}/${file}`, 'utf8') : `License: ${license}\n`
  return `${name} ${version}\n\n${text}`
}
