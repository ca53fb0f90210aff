/** The inputs that are kept: one file of JSON a target, each input as a string of latin1, so that any byte can be read in a review. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'corpus')

/** Rejects if there is none. */
export async function readCorpus(target: string): Promise<readonly Uint8Array[]> {
  const inputs: unknown = JSON.parse(await readFile(join(folder, `${target}.json`), 'utf8'))
  if (!Array.isArray(inputs)) throw new Error(`The corpus of ${target} must be a list of strings.`)
  return inputs.map(input => Buffer.from(String(input), 'latin1'))
}

export async function writeCorpus(target: string, inputs: readonly Uint8Array[]): Promise<void> {
  const texts = [...new Set(inputs.map(input => Buffer.from(input).toString('latin1')))].toSorted()
  await writeFile(join(folder, `${target}.json`), `${asciiOnly(JSON.stringify(texts, undefined, 2))}\n`)
}

/** JSON that any editor shows the same: all else is escaped. */
export function asciiOnly(json: string): string {
  return json.replace(/[^\n -~]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
