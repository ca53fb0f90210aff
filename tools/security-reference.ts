/** The reference of security: each class of attack with its defence and the tests that show it. */
import { escapeCell, table } from './markdown.ts'
import type { SecurityRow } from './security-rows.ts'

export function securityPage(rows: readonly SecurityRow[]): string {
  return [
    '# Security',
    'What FTP servers have been attacked by, what stands against it here, and the tests that fail without it. What the server trusts and why is in [SECURITY.md](../../SECURITY.md).',
    table(
      ['', 'attack or failure', 'defence', 'tested by'],
      rows.map(({ attack, defence, proofs }, index) => [
        String(index + 1),
        escapeCell(attack),
        escapeCell(defence),
        proofs.map(({ file, title }) => `[${nameOf(file)}](../../${file}): ${escapeCell(title)}`).join('<br>'),
      ]),
    ),
  ].join('\n\n')
}

function nameOf(file: string): string {
  return file.split('/').at(-1) ?? file
}
