/** Walks the table of commands: what each answers before login, without its argument, with one too many, in the wrong state, and when all is well. */
import { readdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { commands } from '../../server/commands/index.ts'
import { siteCommands } from '../../server/commands/site.ts'
import type { Command } from '../../server/control/command.ts'
import { expectAnswer, titleOf } from '../support/conformance/answer.ts'
import { layOut, type Row } from '../support/conformance/conformance.ts'
import { extensionRows, siteRows } from '../support/conformance/extensions.ts'
import { fileRows } from '../support/conformance/files.ts'
import { sessionRows } from '../support/conformance/session.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { connected, loggedIn } from '../support/sessions.ts'

const rows: Readonly<Record<string, Row>> = { ...sessionRows, ...fileRows, ...extensionRows }
/** RFC 4217, RFC 2389 and others: what may come before login. ADAT and its kin answer that no exchange has begun. */
const openVerbs =
  'USER PASS ACCT REIN QUIT SYST STAT HELP NOOP AUTH ADAT PBSZ PROT CCC MIC CONF ENC FEAT OPTS LANG HOST CLNT CSID'

let server: TestServer

beforeAll(async () => {
  server = await startServer({ server: { hosts: [{ name: 'ftp.example.com', aliases: ['www.example.com'] }] } })
})
beforeEach(() => layOut(server.root))
afterAll(() => server.stop())

describe('the table of commands', () => {
  it('has the verbs that are expected, and no others', () => {
    expect(commands.flatMap(({ verbs }) => verbs).toSorted()).toEqual(Object.keys(rows).toSorted())
    expect(siteCommands.flatMap(({ verbs }) => verbs).toSorted()).toEqual(Object.keys(siteRows).toSorted())
  })

  it('is all that the folder holds', async () => {
    const folder = new URL('../../server/commands/', import.meta.url)
    const names = await readdir(folder, { recursive: true })
    const files = names.filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    const imported = new Set<string>()
    const inTable = new Set<unknown>([...commands, ...siteCommands])
    for (const file of files) {
      const url = new URL(file, folder)
      const source = await readFile(url, 'utf8')
      for (const [, path] of source.matchAll(/ from '(\.[^']+)'/g)) imported.add(new URL(String(path), url).href)
      const exported = Object.values((await import(url.href)) as Record<string, unknown>)
      for (const value of exported) if (isCommand(value)) expect(inTable, file).toContain(value)
    }
    expect(files.filter(file => file !== 'index.ts' && !imported.has(new URL(file, folder).href))).toEqual([])
  })

  it('lets before login only what needs no login', () => {
    const open = commands.filter(({ needs }) => needs === 'nothing').flatMap(({ verbs }) => verbs)
    expect(open.toSorted()).toEqual(openVerbs.split(' ').toSorted())
  })
})

for (const [verb, row] of Object.entries(rows))
  walk(
    verb,
    row,
    commands.find(({ verbs }) => verbs.includes(verb)),
  )
for (const [verb, row] of Object.entries(siteRows)) {
  walk(
    `SITE ${verb}`,
    row,
    siteCommands.find(({ verbs }) => verbs.includes(verb)),
  )
}

function walk(verb: string, row: Row, command: Command | undefined): void {
  describe(`${verb} (${row.rfc})`, () => {
    it('names the RFC it comes from', () => {
      expect(command?.rfc).toContain(row.rfc)
    })

    it(`before login, in clear text: ${row.stranger.send} → ${row.stranger.code}`, async () => {
      const client = await connected(server)
      expect((await client.send(row.stranger.send)).code).toBe(row.stranger.code)
      // Whether somebody is logged in is looked at before the argument is.
      if (command?.needs !== 'nothing') expect((await client.send(`${verb} \x01`)).code).toBe(530)
    })

    if (command?.argument === 'required') {
      it('without its argument: 501', async () => {
        const client = await loggedIn(server)
        expect((await client.send(verb)).code).toBe(501)
        expect((await client.send(`${verb} `)).code).toBe(501)
      })
    }

    if (command?.argument === 'none') {
      it('with an argument: 501', async () => {
        const client = await loggedIn(server)
        expect((await client.send(`${verb} x`)).code).toBe(501)
        expect((await client.send('NOOP')).code).toBe(200)
      })
    }

    for (const one of row.cases) {
      if (one.over !== 'tls') it(titleOf(one, 'in clear text'), () => expectAnswer(server, one, 'clear'))
      if (one.over !== 'clear') it(titleOf(one, 'under TLS'), () => expectAnswer(server, one, 'tls'))
    }
  })
}

function isCommand(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && 'verbs' in value && 'run' in value
}
