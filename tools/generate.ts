/** Writes what is made from the sources: the reference, the CustomResourceDefinition and parts of the charts. With `--check`, writes nothing and fails if a file is not what it would be. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { commands } from '../server/commands/index.ts'
import { siteCommands } from '../server/commands/site.ts'
import { advisoryReview } from './advisory-review.ts'
import { chartFiles } from './charts.ts'
import { clientsPage } from './client-reference.ts'
import { clientRows } from './client-rows.ts'
import { commandsPage } from './command-reference.ts'
import { configurationPage, serverJsonSchema, usersJsonSchema } from './configuration-reference.ts'
import { customResourceFile, customResourcePage, customResources, customResourceYaml } from './custom-resource.ts'
import { metricsPage } from './metrics-reference.ts'
import { rfcRows } from './rfc-rows.ts'
import { securityPage } from './security-reference.ts'
import { securityRows } from './security-rows.ts'

const note = 'Made by `npm run generate`; changes made here get lost.'
const page = (text: string) => `<!-- ${note} -->\n\n${text}\n`
/** Figures are measured, not made. */
const writtenByHand = new Set(['performance.md'])
/** By directory, which has nothing else in it but what is written by hand. */
const directories: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docs/reference': {
    'clients.md': page(clientsPage(clientRows)),
    'commands.md': page(commandsPage(commands, siteCommands, rfcRows)),
    'configuration.md': page(configurationPage()),
    'metrics.md': page(metricsPage()),
    ...Object.fromEntries(
      customResources.map(each => [
        `${String(each.definition.spec.names['singular'])}.md`,
        page(customResourcePage(each)),
      ]),
    ),
    'security.md': page(securityPage(securityRows, advisoryReview)),
    'server.schema.json': serverJsonSchema(),
    'users.schema.json': usersJsonSchema(),
  },
  crds: Object.fromEntries(
    customResources.map(each => [customResourceFile(each), `# ${note}\n${customResourceYaml(each)}`]),
  ),
}

process.chdir(`${import.meta.dirname}/..`)
for (const [directory, files] of Object.entries(directories)) {
  if (process.argv.includes('--check')) await check(directory, files)
  else await write(directory, files)
}
// These lie among files that are written by hand.
for (const [path, content] of Object.entries(await chartFiles(customResources))) {
  if (!process.argv.includes('--check')) await writeFile(path, content)
  else if (await isStale(path, content)) reportStale(path)
}

async function write(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const [name, content] of Object.entries(files)) await writeFile(`${directory}/${name}`, content)
}

async function check(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = `${directory}/${name}`
    if (await isStale(path, content)) reportStale(path)
  }
  const present = await readdir(directory).catch(() => [])
  for (const name of present.filter(each => !Object.hasOwn(files, each) && !writtenByHand.has(each))) {
    console.error(`${directory}/${name} is made by nothing: delete it`)
    process.exitCode = 1
  }
}

async function isStale(path: string, content: string): Promise<boolean> {
  return (await readFile(path, 'utf8').catch(() => undefined)) !== content
}

function reportStale(path: string): void {
  console.error(`${path} is stale: run npm run generate`)
  process.exitCode = 1
}
