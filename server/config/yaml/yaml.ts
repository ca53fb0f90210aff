/** YAML, and JSON as part of it, with mistakes in our words: those of the parser quote the text, which may hold secrets. */
import { createRequire as requireFrom } from 'node:module'
import type * as FullYaml from './full-yaml.ts'
import { type ParsedYaml, refused } from './parsed-yaml.ts'
import { parsePlainYaml } from './plain-yaml.ts'

/** Parses one document. Null if it has comments only. */
export function parseYaml(text: string): ParsedYaml {
  if (text.trim() === '') return refused('', 'must not be empty; `{}` stands for nothing but defaults')
  // JSON is read far quicker by its own parser; what that does not take, the other explains.
  if (/^\s*\{/.test(text)) {
    try {
      return { parsed: true, value: JSON.parse(text) }
    } catch {}
  }
  const plain = parsePlainYaml(text)
  if (plain !== undefined) return { parsed: true, value: plain.value }
  return fullYaml().parseFullYaml(text)
}

/** Most programs that read YAML never need it, and it takes longer to load than they to start. */
function fullYaml(): typeof FullYaml {
  return requireFrom(import.meta.url)(moduleFile(import.meta.url))
}

// The bundle is one directory of `.mjs` files.
function moduleFile(moduleUrl: string): string {
  return moduleUrl.endsWith('.ts') ? './full-yaml.ts' : './full-yaml.mjs'
}
