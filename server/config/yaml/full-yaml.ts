/** All of YAML, and what is wrong with what is none: for the few texts that are not of the plain kind. It is loaded when the first one comes. */
import { type Document, type ErrorCode, LineCounter, parseDocument, visit } from 'yaml'
import { type ParsedYaml, refused } from './parsed-yaml.ts'

export function parseFullYaml(text: string): ParsedYaml {
  const lines = new LineCounter()
  try {
    // The parser would warn of keys that are collections, on stderr and with their text.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
    const mistakes = [...document.errors, ...document.warnings]
    if (mistakes.length > 0) {
      const violations = mistakes
        .slice(0, 20)
        .map(({ code, pos }) => ({ path: place(lines, pos[0]), message: words[code] }))
      return { parsed: false, violations }
    }
    const dangling = text.includes('*') ? danglingAlias(document) : undefined
    if (dangling !== undefined) return refused(place(lines, dangling), words.BAD_ALIAS)
    return { parsed: true, value: document.toJS({ maxAliasCount }) }
  } catch (error) {
    // toJS has a ReferenceError for too many aliases; a RangeError is the end of the stack.
    if (error instanceof RangeError) return refused('', 'must be YAML that is nested less deeply')
    return refused('', 'must be YAML with at most a few aliases')
  }
}

// An alias of aliases of aliases grows without bound ("billion laughs").
const maxAliasCount = 100

/** Offset of an alias without an anchor before it: the parser finds out only when the value is made, and does not say where. */
function danglingAlias(document: Document.Parsed): number | undefined {
  const anchors = new Set<string>()
  let offset: number | undefined
  visit(document, {
    Node: (_, node) => {
      if ('anchor' in node && node.anchor !== undefined) anchors.add(node.anchor)
    },
    Alias: (_, alias) => {
      if (anchors.has(alias.source)) return undefined
      offset = alias.range?.[0] ?? 0
      return visit.BREAK
    },
  })
  return offset
}

function place(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `line ${line}, column ${col}`
}

const words: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'must be YAML: an alias can have no anchor or tag',
  BAD_ALIAS:
    'must be YAML: an alias must name an anchor before it (a text that begins with `*` or `&` must be in quotes)',
  BAD_COLLECTION_TYPE: 'must be YAML: the tag does not go with this kind of value',
  BAD_DIRECTIVE:
    'must be YAML: only the directives `%YAML` and `%TAG` are known (a text that begins with `%` must be in quotes)',
  BAD_DQ_ESCAPE: 'must be YAML: this escape after `\\` is not known within double quotes',
  BAD_INDENT: 'must be YAML: the indentation must be that of the lines it belongs to',
  BAD_PROP_ORDER: 'must be YAML: anchors and tags must stand right before their value',
  BAD_SCALAR_START: 'must be YAML: a text that begins with this character must be in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'must be YAML: a value with `: ` in it must be in quotes, and a mapping begins on a line of its own',
  BLOCK_IN_FLOW: 'must be YAML: no list or mapping by indentation can stand within `[]` or `{}`',
  DUPLICATE_KEY: 'must be YAML: each key must be there only once',
  IMPOSSIBLE: 'must be YAML',
  KEY_OVER_1024_CHARS: 'must be YAML: a key must have at most 1024 characters',
  MISSING_CHAR: 'must be YAML: a quote, bracket, comma, colon or space is missing here or before',
  MULTILINE_IMPLICIT_KEY: 'must be YAML: a key must be on one line, and followed by `:`',
  MULTIPLE_ANCHORS: 'must be YAML: a value can have one anchor',
  MULTIPLE_DOCS: 'must be one YAML document, without a second one after `---`',
  MULTIPLE_TAGS: 'must be YAML: a value can have one tag',
  NON_STRING_KEY: 'must be YAML: keys must be text',
  RESOURCE_EXHAUSTION: 'must be YAML that is nested less deeply',
  TAB_AS_INDENT: 'must be YAML: the indentation must be of spaces, not tabs',
  TAG_RESOLVE_FAILED: 'must be YAML: this tag is not known',
  UNEXPECTED_TOKEN: 'must be YAML: this cannot stand here; see the quotes, brackets and indentation before it',
}
