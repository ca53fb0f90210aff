/** Something that people have to see to, while the rest goes on. */
export type Problem = {
  /** What it is about: `spec.users[alice]`, `Secret team-a`. Never a value of a Secret. */
  readonly source: string
  /** CamelCase, for machines. */
  readonly reason: string
  readonly message: string
}

/** Problems as one text, the first few of them. */
export function describeProblems(problems: readonly { readonly source: string; readonly message: string }[]): string {
  const shown = problems.slice(0, mostShown).map(({ source, message }) => `${source} ${message}`)
  const rest = problems.length - shown.length
  return `${shown.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`
}

const mostShown = 5
