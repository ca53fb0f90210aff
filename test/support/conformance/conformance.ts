/** What the conformance tables are made of: what is sent in which state, and what the RFC has the server answer. */
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Case = {
  readonly send: string
  /** Of the last reply: for a transfer the one after 150. */
  readonly code: number
  /** Text of the last line of that reply, word for word. */
  readonly text?: string
  /** Commands that come before, in the same session; each must be answered positively. */
  readonly after?: readonly string[]
  /** Only over clear text, or only under TLS; both by default. */
  readonly over?: 'clear' | 'tls'
  /** Who sends it; a user who is logged in by default. */
  readonly by?: 'stranger'
  /** It is a download over EPSV, of these bytes. */
  readonly gets?: string
  /** It is an upload over EPSV, of these bytes. */
  readonly puts?: string
}

export type Row = {
  /** Where the command is defined; the command itself must say so too. */
  readonly rfc: string
  /** What it is answered in clear text before login. */
  readonly stranger: { readonly send: string; readonly code: number }
  readonly cases: readonly Case[]
}

/** The rows, and the same under the verbs that mean the same. */
export function withSynonyms(
  rows: Readonly<Record<string, Row>>,
  verbs: Readonly<Record<string, string>>,
): Readonly<Record<string, Row>> {
  const all = { ...rows }
  for (const [verb, other] of Object.entries(verbs)) {
    const row = rows[verb]
    if (row !== undefined) all[other] = synonym(row, verb, other)
  }
  return all
}

function synonym(row: Row, verb: string, other: string): Row {
  const renamed = (line: string): string => (line.split(' ')[0] === verb ? other + line.slice(verb.length) : line)
  return {
    ...row,
    stranger: { ...row.stranger, send: renamed(row.stranger.send) },
    cases: row.cases.map(one => ({
      ...one,
      send: renamed(one.send),
      ...(one.after && { after: one.after.map(renamed) }),
    })),
  }
}

/** The files that all cases find: `file` with ten bytes, `dir` with one file, `empty` with none. */
export async function layOut(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true })
  await mkdir(join(root, 'dir'), { recursive: true })
  await mkdir(join(root, 'empty'))
  await writeFile(join(root, 'file'), '0123456789')
  await writeFile(join(root, 'dir', 'inner'), 'inner')
  await utimes(join(root, 'file'), 0, Date.UTC(2024, 1, 29, 12, 34, 56) / 1000)
}
