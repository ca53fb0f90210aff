/** Reads what comes from outside, field by field: what is not as it should be counts as missing. */
export type Fields = Readonly<Record<string, unknown>>

/** The value at a path of keys; undefined if there is none. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Fields)[key]
  }
  return current ?? undefined
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : undefined
}

export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path)
  return typeof found === 'number' ? found : undefined
}

/** Empty if there is no list. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

export function textsAt(value: unknown, ...path: readonly string[]): readonly string[] {
  return listAt(value, ...path).filter(item => typeof item === 'string')
}

/** Values that are text, by key. */
export function recordAt(value: unknown, ...path: readonly string[]): Readonly<Record<string, string>> {
  const found = at(value, ...path)
  if (typeof found !== 'object' || found === null) return {}
  return Object.fromEntries(Object.entries(found).filter(([, item]) => typeof item === 'string'))
}

/** A condition of the usual form in `status.conditions`. */
export function conditionOf(
  object: unknown,
  type: string,
): { readonly status: string | undefined; readonly reason: string; readonly message: string } | undefined {
  const found = listAt(object, 'status', 'conditions').find(each => textAt(each, 'type') === type)
  if (found === undefined) return undefined
  return {
    status: textAt(found, 'status'),
    reason: textAt(found, 'reason') ?? '',
    message: textAt(found, 'message') ?? '',
  }
}
