/** The reference of clients: what they need, and where a test plays or runs them. */
import type { ClientRow } from './client-rows.ts'
import { escapeCell, table } from './markdown.ts'

export function clientsPage(rows: readonly ClientRow[]): string {
  return [
    '# Clients',
    'What clients need that goes beyond the RFCs, or that servers have often got wrong. curl, lftp, ftplib of Python, basic-ftp, rclone, wget and ftpput of busybox are run in the tests, over all kinds of connections that they have. Others are played: their lines are sent as they send them, and the answers are read as they read them. The last column is where.',
    table(
      ['client', 'needs', 'how it is here', 'tested in'],
      rows.map(({ client, need, answer, proof }) => [
        client,
        escapeCell(need),
        escapeCell(answer),
        `[${proof.file.split('/').at(-1)}](../../${proof.file})`,
      ]),
    ),
  ].join('\n\n')
}
