/** Flags of `ls` that clients put before the path of LIST, NLST and STAT. */

const letters = ['a', 'A', 'l', 'L', 'R', 't', 'r', 'S', '1', 'F', 'd', 'h'] as const
export type ListFlag = (typeof letters)[number]
export type ListArgument = { readonly flags: ReadonlySet<ListFlag>; readonly path: string }

/** Takes the flags off an argument: `-la`, `-l -a`; `--` ends them. Letters we don't know are ignored. What is named like a flag is listed by `./-a` or `-- -a`. */
export function parseFlags(argument: string): ListArgument {
  const flags = new Set<ListFlag>()
  let rest = argument
  for (;;) {
    // Spaces between flags don't matter; after the last one, all but the first belong to the name (RFC 3659 section 2.2).
    const [whole, word] = /^-([^ ]+)(?: +(?=-[^ ])| |$)/.exec(rest) ?? []
    if (whole === undefined || word === undefined) return { flags, path: rest }
    rest = rest.slice(whole.length)
    if (word === '-') return { flags, path: rest }
    if (word.startsWith('-')) continue
    for (const letter of letters) if (word.includes(letter)) flags.add(letter)
  }
}
