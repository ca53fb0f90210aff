/** What README.md tells people to paste. */
import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'

/** The commands that make a server and upload to it, as they stand there. */
export async function readmeCommands(): Promise<string> {
  const blocks = [...(await readFile('README.md', 'utf8')).matchAll(/^```sh\n(.*?)^```$/gms)]
  const found = blocks.map(([, commands]) => commands ?? '').find(commands => commands.includes('kubectl apply'))
  if (found === undefined) throw new Error('README.md has no commands with kubectl apply')
  return found
}

/** The YAML that is piped into `kubectl apply`, as it stands there. */
export async function readmeExample(): Promise<string> {
  const text = await readFile('README.md', 'utf8')
  const [, yaml] = /^kubectl apply -f - <<'END'\n(.*?)^END$/ms.exec(text) ?? []
  // Without the quotes, the shell would take hashes for variables.
  if (yaml === undefined) throw new Error("README.md has no kubectl apply -f - <<'END'")
  return yaml
}

export async function readmeObjects(): Promise<readonly unknown[]> {
  // kubectl reads YAML 1.1.
  return parseAllDocuments(await readmeExample(), { version: '1.1' }).map(document => {
    const [mistake] = [...document.errors, ...document.warnings]
    if (mistake !== undefined) throw mistake
    return document.toJSON() as unknown
  })
}
