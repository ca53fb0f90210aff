/** Files of other servers as text, line by line. */
import { decodeText } from '../config/text.ts'
import type { Place } from './draft.ts'

export type SourceFile = { readonly name: string; readonly content: Uint8Array }
export type Line = { readonly place: Place; readonly text: string }

/** What makes a file unreadable as a whole; the message names it. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile'
}

/** All lines, without their ends. Throws UnreadableFile for databases, and for what is no text. */
export function linesOf(file: SourceFile): readonly Line[] {
  const database = databaseKind(file.content)
  if (database !== undefined) throw new UnreadableFile(`${file.name}: is ${database}`)
  const text = decodeText(file.content)
  if (text === undefined || text.includes('\0')) throw new UnreadableFile(`${file.name}: must be text in UTF-8`)
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line, index) => ({ place: { file: file.name, line: index + 1 }, text: line }))
}

/** Lines that are neither empty nor a comment. */
export function meaningfulLines(file: SourceFile): readonly Line[] {
  return linesOf(file).filter(({ text }) => text.trim() !== '' && !text.startsWith('#'))
}

const berkeleyMagics = new Set([0x00061561, 0x00053162, 0x00042253])
const gdbmMagics = new Set([0x13579ace, 0x13579acd, 0x13579acf])

/** What kind of database it is and how its text is had; undefined if it is none. */
function databaseKind(content: Uint8Array): string | undefined {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  if (bytes.length < 16) return undefined
  if (bytes.subarray(0, 4).toString('latin1') === 'PDB2') {
    return 'a PureDB, which can’t be turned back into text: give the file it was made of, such as /etc/pureftpd.passwd'
  }
  const words = [bytes.readUInt32LE(12), bytes.readUInt32BE(12)]
  if (words.some(word => berkeleyMagics.has(word))) {
    return 'a Berkeley DB: give the text it was made of, or what `db_dump -p FILE` prints'
  }
  if ([bytes.readUInt32LE(0), bytes.readUInt32BE(0)].some(word => gdbmMagics.has(word))) {
    return 'a GDBM database: give the text it was made of, or dump it with `gdbm_dump`'
  }
  return undefined
}
