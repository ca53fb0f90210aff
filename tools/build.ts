/** Bundles the programs into single files that run without node_modules: in `dist/`, or the directory that is named. */
import { existsSync } from 'node:fs'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { billOfMaterials, licenceTexts, packagesOf } from './bundled-packages.ts'
import { compiledSchemas } from './compiled-schemas.ts'
import { requiredModules } from './required-modules.ts'

const entries = {
  server: 'server/main.ts',
  'password-worker': 'server/auth/password-worker.ts',
  'list-worker': 'server/config/users/list-worker.ts',
  'tls-sender': 'server/tls/openssl/tls-sender.ts',
  'full-yaml': 'server/config/yaml/full-yaml.ts',
  operator: 'operator/main.ts',
}
const projectDirectory = join(import.meta.dirname, '..')
const outputDirectory = resolve(process.argv[2] ?? join(projectDirectory, 'dist'))

process.chdir(projectDirectory)
// What is in a directory that somebody named stays.
if (process.argv[2] === undefined) await rm(outputDirectory, { recursive: true, force: true })
// Names in stack traces stay in the operator. In the server each function that is made anew costs a call for its name: a seventh of a login.
const inputs = [
  ...(await bundle(entry => entry !== 'operator', { splitting: true })),
  ...(await bundle(entry => entry === 'operator', { keepNames: true })),
]
const native = await copyNative()
const bundled = await packagesOf([...inputs, ...native])
const product = JSON.parse(await readFile('package.json', 'utf8'))
await writeFile(`${outputDirectory}/LICENSES.txt`, licenceTexts(bundled))
await writeFile(`${outputDirectory}/sbom.cdx.json`, billOfMaterials(product, bundled))

/** Gives the files that went into it. */
async function bundle(
  isWanted: (entry: string) => boolean,
  options: Pick<BuildOptions, 'keepNames' | 'splitting'>,
): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: projectDirectory,
    entryPoints: Object.entries(entries)
      .filter(([entry, file]) => isWanted(entry) && existsSync(file))
      .map(([out, file]) => ({ out, in: file })),
    outdir: outputDirectory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    plugins: [compiledSchemas, requiredModules],
    // CommonJS dependencies call require() for Node's own modules, which an ES module does not have.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    ...options,
  })
  return Object.keys(metafile.inputs)
}

/** Native code can't be bundled: `koffi` goes beside the programs, for this platform only. Gives what was copied; without it they work as well. */
async function copyNative(): Promise<readonly string[]> {
  if (!existsSync('node_modules/koffi')) return []
  const platforms = existsSync('node_modules/@koromix') ? await readdir('node_modules/@koromix') : []
  const copied = [
    ...['package.json', 'LICENSE.txt', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'].map(
      file => `node_modules/koffi/${file}`,
    ),
    ...platforms.filter(name => name.startsWith('koffi-')).map(name => `node_modules/@koromix/${name}`),
  ]
  await Promise.all(copied.map(path => cp(path, join(outputDirectory, path), { recursive: true })))
  return copied
}
