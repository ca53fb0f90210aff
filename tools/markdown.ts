/** Pieces of Markdown. */

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** For a cell of a table: a bar would end it, and `<SP>` would be taken for HTML. */
export function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}

/** Text with code in backquotes. */
export function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
