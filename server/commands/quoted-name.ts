/** Names that clients put in quotes, so that more can follow. */

/** The name at the beginning, with doubled quotes taken for one, and what follows; undefined where there is none in quotes. */
export function takeQuoted(text: string): { readonly name: string; readonly rest: string } | undefined {
  const [whole, name] = /^"((?:[^"]|"")+)"(?= |,|$)/.exec(text) ?? []
  if (whole === undefined || name === undefined) return undefined
  return { name: name.replaceAll('""', '"'), rest: text.slice(whole.length) }
}

/** The name that is the whole text, in quotes or not. */
export function takeName(text: string): string {
  const quoted = takeQuoted(text)
  return quoted?.rest === '' ? quoted.name : text
}

/** The number at the end, behind a space or a comma and a space, and what comes before. */
export function takeLastNumber(text: string): { readonly number: number; readonly rest: string } | undefined {
  const [whole, digits] = /(?:, ?| )(\d{1,15})$/.exec(text) ?? []
  if (whole === undefined) return undefined
  return { number: Number(digits), rest: text.slice(0, -whole.length) }
}

/** Names behind each other, each in quotes or without a space; undefined where quotes don't fit together. */
export function takeNames(text: string): readonly string[] | undefined {
  const names: string[] = []
  for (let rest = text; rest !== ''; ) {
    const quoted = takeQuoted(rest)
    if (quoted !== undefined) {
      names.push(quoted.name)
      rest = quoted.rest
    } else if (rest.startsWith('"')) return undefined
    else {
      const [name = ''] = /^[^ ]+/.exec(rest) ?? []
      if (name !== '') names.push(name)
      rest = rest.slice(name.length)
    }
    rest = rest.replace(/^,? */, '')
  }
  return names
}
