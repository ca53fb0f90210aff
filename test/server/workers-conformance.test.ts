/** The conformance tables again, on a server of two worker processes: each case in both of them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectAnswer, titleOf } from '../support/conformance/answer.ts'
import { type Case, layOut, type Row } from '../support/conformance/conformance.ts'
import { extensionRows } from '../support/conformance/extensions.ts'
import { fileRows } from '../support/conformance/files.ts'
import { sessionRows } from '../support/conformance/session.ts'
import { startServer, type TestServer } from '../support/server.ts'

const rows: Readonly<Record<string, Row>> = { ...sessionRows, ...fileRows, ...extensionRows }

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    server: {
      workers: 2,
      limits: { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 },
      hosts: [{ name: 'ftp.example.com', aliases: ['www.example.com'] }],
    },
  })
})
beforeEach(() => layOut(server.root))
afterAll(async () => {
  const served = server.log().flatMap(({ msg, worker }) => (msg === 'logged in' ? [worker] : []))
  await server.stop()
  expect(new Set(served)).toEqual(new Set([1, 2]))
})

for (const [verb, row] of Object.entries(rows)) {
  describe(verb, () => {
    for (const one of row.cases) {
      if (one.over !== 'tls') it(titleOf(one, 'in clear text'), () => expectAnswers(one, 'clear'))
      if (one.over !== 'clear') it(titleOf(one, 'under TLS'), () => expectAnswers(one, 'tls'))
    }
  })
}

/** Workers take turns while both are idle. */
async function expectAnswers(one: Case, over: 'clear' | 'tls'): Promise<void> {
  await expectAnswer(server, one, over)
  await layOut(server.root)
  await expectAnswer(server, one, over)
}
