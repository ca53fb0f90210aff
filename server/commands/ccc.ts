import type { OpenCommand } from '../control/command.ts'
import { mayHaveTls } from '../control/gates.ts'
import { reply } from '../control/reply.ts'

/** RFC 4217 section 5 CCC: the control connection goes back to clear text; the protection of data stays. */
export const ccc: OpenCommand = {
  verbs: ['CCC'],
  syntax: 'CCC',
  rfc: 'RFC 4217 section 5',
  summary: 'Takes the control connection back to clear text.',
  argument: 'none',
  needs: 'nothing',
  offered: ({ configuration, session }) => mayHaveTls(session) && configuration.server.tls.clearCommandChannel,
  features: () => ['CCC'],
  run({ session, configuration }) {
    if (session.protection !== 'tls')
      return { kind: 'reply', reply: reply(533, 'The control connection is in clear text already.') }
    if (!configuration.server.tls.clearCommandChannel)
      return { kind: 'reply', reply: reply(534, 'The control connection must stay protected.') }
    // The password that is to come would go in clear text.
    if (session.login.state !== 'logged-in') return { kind: 'reply', reply: reply(534, 'Log in first, under TLS.') }
    return { kind: 'reply', reply: reply(200, 'The control connection goes back to clear text.'), then: 'stop-tls' }
  },
}
