/** What comes of a text that should be YAML. */
import type { Violation } from '../validate.ts'

export type ParsedYaml =
  | { readonly parsed: true; readonly value: unknown }
  | { readonly parsed: false; readonly violations: readonly Violation[] }

export function refused(path: string, message: string): ParsedYaml {
  return { parsed: false, violations: [{ path, message }] }
}
