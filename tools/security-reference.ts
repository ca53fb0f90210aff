/** The reference of security: each class of attack with its defence and the tests that show it. */
import type { AdvisoryReview } from './advisory-review.ts'
import { escapeCell, table } from './markdown.ts'
import type { SecurityRow } from './security-rows.ts'

export function securityPage(rows: readonly SecurityRow[], review: AdvisoryReview): string {
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
    ...advisories(review),
  ].join('\n\n')
}

function advisories({ date, newest, packages, others }: AdvisoryReview): readonly string[] {
  return [
    '## Packages and advisories',
    `\`npm audit\` asks the registry, and not every registry answers. So what is bundled was looked up by hand on ${date}, by name, in public issues, pull requests and advisory records; the newest of them were of ${newest}. None of the advisories below affects the version that is used. This is a look at what others have published. It is no audit of code, and no proof that there is nothing else; run \`npm audit --omit=dev\` where a registry answers it. A test fails when a package below is used in another version than was looked up.`,
    table(
      ['package', 'version', 'advisories, and the version that is free of each'],
      packages.map(each => [
        `\`${each.name}\``,
        each.version,
        each.advisories.map(({ id, fixedIn }) => `${id} (${fixedIn})`).join(', ') || 'none found',
      ]),
    ),
    `In the bundles as well, small and not looked up one by one: ${others.map(name => `\`${name}\``).join(', ')}.`,
  ]
}

function nameOf(file: string): string {
  return file.split('/').at(-1) ?? file
}
