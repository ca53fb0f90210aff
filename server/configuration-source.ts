/** Where a server has its configuration from: files that are followed, or a configuration that stays. */
import type { Configuration, Problem } from './config/configuration.ts'
import { type LoadResult, loadConfiguration } from './config/load.ts'
import type { Violation } from './config/validate.ts'

/** A directory that is followed, or a configuration that stays, with where its settings come from. */
export type ConfigurationSource =
  | { readonly directory: string }
  | { readonly configuration: Configuration; readonly locate: (violation: Violation) => Problem }

/** There is no configuration to start with, or it names what can't be listened on. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems.map(({ file, path, message }) => `${file}${path === '' ? '' : `: ${path}`}: ${message}`).join('\n'))
    this.problems = problems
  }
}

export type Initial = {
  readonly configuration: Configuration
  /** Of a directory: what was read there, and it is to be followed. */
  readonly files: { readonly directory: string; readonly loaded: LoadResult } | undefined
  readonly locate: (violation: Violation) => Problem
}

/** Rejects with a ConfigurationError. */
export async function readInitial(source: ConfigurationSource): Promise<Initial> {
  if ('configuration' in source) return { ...source, files: undefined }
  const { directory } = source
  const loaded = await loadConfiguration(directory, undefined)
  if (loaded.configuration === undefined)
    throw new ConfigurationError(loaded.problems.map(each => named(each, directory)))
  return { configuration: loaded.configuration, files: { directory, loaded }, locate: inServerFile }
}

/** Who has not started yet knows no directory that `.` could be. */
function named(problem: Problem, directory: string): Problem {
  return problem.file === '.' ? { ...problem, file: `configuration directory \`${directory}\`` } : problem
}

function inServerFile(violation: Violation): Problem {
  return { file: 'server.yaml', ...violation }
}
