/** YAML of the plain kind that programs write, and most people: more than ten times as quick to read as all of YAML. */

/**
 * The value of mappings and lists, by indentation or within brackets, of words, whole numbers and texts in quotes, each on
 * one line. Undefined for anything else, and for all that is wrong: yaml.ts reads that, or says what is wrong with it.
 */
export function parsePlainYaml(text: string): { readonly value: unknown } | undefined {
  if (strange.test(text)) return undefined
  try {
    const lines = new Lines(text)
    const value = block(lines)
    return lines.indent === ended ? { value } : undefined
  } catch (error) {
    // The end of the stack is for those who can say that it is nested too deeply.
    if (error instanceof NotPlain || error instanceof RangeError) return undefined
    throw error
  }
}

class NotPlain extends Error {
  override readonly name = 'NotPlain'
}

const strange = /[^\n\x20-\x7e]/
const ended = -1

/** Goes from line to line; those that are empty or a comment don't count. */
class Lines {
  /** Spaces before the line; `ended` after the last one. */
  indent = ended
  /** What stands after them. */
  content = ''
  readonly #text: string
  #next = 0

  constructor(text: string) {
    this.#text = text
    this.advance()
    if (this.indent === 0 && this.content === '---') this.advance()
  }

  advance(): void {
    const text = this.#text
    while (this.#next < text.length) {
      const first = this.#next
      const found = text.indexOf('\n', first)
      const end = found === -1 ? text.length : found
      this.#next = end + 1
      let start = first
      while (start < end && text[start] === ' ') start += 1
      if (start === end || text[start] === '#') continue
      this.indent = start - first
      this.content = text.slice(start, end).trimEnd()
      return
    }
    this.indent = ended
    this.content = ''
  }

  /** What stands after `- ` counts as a line of its own. */
  enter(): void {
    this.indent += 2
    this.content = this.content.slice(2)
  }
}

function block(lines: Lines): unknown {
  return lines.content.startsWith('- ') ? list(lines, lines.indent) : mapping(lines, lines.indent)
}

function list(lines: Lines, indent: number): unknown[] {
  const values: unknown[] = []
  while (lines.indent === indent && lines.content.startsWith('- ')) {
    lines.enter()
    if (keyAndValue.test(lines.content)) {
      values.push(mapping(lines, lines.indent))
      continue
    }
    values.push(inline(lines.content, plainInBlock))
    lines.advance()
  }
  return values
}

const keyAndValue = /^([A-Za-z][A-Za-z0-9]*):(?: (.*))?$/

function mapping(lines: Lines, indent: number): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  while (lines.indent === indent) {
    const [, key, rest] = keyAndValue.exec(lines.content) ?? []
    if (key === undefined) throw new NotPlain()
    lines.advance()
    add(values, key, rest === undefined ? below(lines, indent) : inline(rest, plainInBlock))
  }
  if (lines.indent > indent) throw new NotPlain()
  return values
}

/** What a key has on the lines after it. A list may stand as far left as the key. */
function below(lines: Lines, indent: number): unknown {
  if (lines.indent > indent) return block(lines)
  if (lines.indent === indent && lines.content.startsWith('- ')) return list(lines, indent)
  throw new NotPlain()
}

function add(values: Record<string, unknown>, key: string, value: unknown): void {
  if (key in values || otherThanText.test(key)) throw new NotPlain()
  values[key] = value
}

// A word is of characters that mean nothing else there, whatever comes next; `:` is a part of it only in the middle.
const plainInBlock = /[A-Za-z0-9_/$](?:[A-Za-z0-9_/$.@+=,-]|:(?=[A-Za-z0-9_/$.@+=,-]))*/y
const plainInFlow = /[A-Za-z0-9_/$][A-Za-z0-9_/$.@+=-]*/y
const singleQuoted = /'((?:[^']|'')*)'/y
const doubleQuoted = /"([^"\\]*)"/y
const flowKey = /([A-Za-z][A-Za-z0-9]*): +/y
const opening = / */y
const separator = / *, */y

// The core schema of YAML 1.2, section 10.3.2, takes these for something else than text; of numbers only the plain ones are read here.
const wholeNumber = /^(?:0|[1-9][0-9]{0,14})$/
const otherThanText =
  /^(?:null|Null|NULL|true|True|TRUE|false|False|FALSE|[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)$/

/** A value that ends with its line. */
function inline(text: string, plain: RegExp): unknown {
  const reader = new Reader(text)
  const value = flow(reader, plain)
  if (!reader.isAtEnd) throw new NotPlain()
  return value
}

class Reader {
  readonly #text: string
  #position = 0

  constructor(text: string) {
    this.#text = text
    this.take(opening)
  }

  get isAtEnd(): boolean {
    return this.#position === this.#text.length
  }

  /** What a sticky pattern finds here, which is then behind; its group, where it has one. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#position = pattern.lastIndex
    return found[1] ?? found[0]
  }

  takeCharacter(character: string): boolean {
    if (this.#text[this.#position] !== character) return false
    this.#position += 1
    return true
  }
}

function flow(reader: Reader, plain: RegExp): unknown {
  if (reader.takeCharacter('[')) return flowList(reader)
  if (reader.takeCharacter('{')) return flowMapping(reader)
  const quoted = reader.take(singleQuoted)
  if (quoted !== undefined) return quoted.replaceAll("''", "'")
  return reader.take(doubleQuoted) ?? scalar(reader.take(plain))
}

function scalar(word: string | undefined): string | number | boolean {
  if (word === undefined) throw new NotPlain()
  if (!otherThanText.test(word)) return word
  if (word === 'true') return true
  if (word === 'false') return false
  if (wholeNumber.test(word)) return Number(word)
  throw new NotPlain()
}

function flowList(reader: Reader): unknown[] {
  const values: unknown[] = []
  reader.take(opening)
  do values.push(flow(reader, plainInFlow))
  while (reader.take(separator) !== undefined)
  return closed(reader, ']', values)
}

function flowMapping(reader: Reader): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  reader.take(opening)
  do {
    const key = reader.take(flowKey)
    if (key === undefined) throw new NotPlain()
    add(values, key, flow(reader, plainInFlow))
  } while (reader.take(separator) !== undefined)
  return closed(reader, '}', values)
}

function closed<Value>(reader: Reader, bracket: string, value: Value): Value {
  reader.take(opening)
  if (!reader.takeCharacter(bracket)) throw new NotPlain()
  return value
}
