import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { commands } from '../server/commands/index.ts'
import { siteCommands } from '../server/commands/site.ts'
import { commandsPage } from './command-reference.ts'
import { rfcRows } from './rfc-rows.ts'

test.each(rfcRows.map(row => [row.rfc, row.feature, row.proof] as const))(
  '%s, %s: is proved where the row says',
  async (_rfc, _feature, { file, test: words }) => {
    expect(await readFile(new URL(`../${file}`, import.meta.url), 'utf8')).toContain(words)
  },
)

test('the page has each command of the RFCs, each synonym, and what else they ask for', () => {
  const page = commandsPage(commands, siteCommands, rfcRows)
  const verbs = `
    ABOR ACCT ALLO APPE CDUP CWD DELE HELP LIST MKD MODE NLST NOOP PASS PASV PORT PWD QUIT REIN REST RETR RMD RNFR RNTO SITE
    SMNT STAT STOR STOU STRU SYST TYPE USER XCUP XCWD XMKD XPWD XRMD AUTH ADAT CCC CONF ENC MIC PBSZ PROT FEAT OPTS EPRT EPSV
    LPRT LPSV LANG MDTM MLSD MLST SIZE MFMT MFCT MFF CLNT CHMOD
    HASH RANG MD5 XCRC XMD5 XSHA XSHA1 XSHA256 XSHA512 DSIZ AVBL CSID COMB RMDA PRET
    UTIME MKDIR RMDIR SYMLINK CPFR CPTO COPY QUOTA IDLE WHO UMASK`
  for (const verb of verbs.trim().split(/\s+/)) expect(page).toMatch(new RegExp(`\`${verb}\`.*\\| .*(RFC|draft)`))
  for (const { feature, rfc } of rfcRows) expect(page).toContain(`| ${rfc} | ${feature} | `)
})
