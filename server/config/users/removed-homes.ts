/** The order to remove homes, read: wrong in any part it counts for nothing, neither as it is nor as it was. */
import type { Configuration, Problem } from '../configuration.ts'
import { placesOf } from '../hosts.ts'
import { type RemovedHome, removedHomesFile } from '../schema/removed-homes.ts'
import { decodeText } from '../text.ts'
import { validateRemovedHomes } from '../validate.ts'
import { parseYaml } from '../yaml/yaml.ts'

export type LoadedRemovedHomes = { readonly homes: readonly RemovedHome[]; readonly problems: readonly Problem[] }

export function loadRemovedHomes(contents: ReadonlyMap<string, Uint8Array>): LoadedRemovedHomes {
  const content = contents.get(removedHomesFile)
  if (content === undefined) return { homes: [], problems: [] }
  const refuse = (violations: readonly Omit<Problem, 'file'>[]): LoadedRemovedHomes => ({
    homes: [],
    problems: violations.map(each => ({ ...each, file: removedHomesFile })),
  })
  const text = decodeText(content)
  if (text === undefined) return refuse([{ path: '', message: 'must be text in UTF-8' }])
  const yaml = parseYaml(text)
  if (!yaml.parsed) return refuse(yaml.violations)
  const result = validateRemovedHomes(yaml.value)
  return result.valid ? { homes: result.value.homes, problems: [] } : refuse(result.violations)
}

/** The directories that a home is, below the server's root: one for each place where the user could log in. */
export function directoriesOf({ home, hosts }: RemovedHome, configuration: Configuration): readonly string[] {
  return placesOf(configuration, { home, ...(hosts !== undefined && { hosts: hosts.map(each => each.toLowerCase()) }) })
}
