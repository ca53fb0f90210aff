import { hostNamed } from '../config/hosts.ts'
import { parseHost } from '../control/asked-host.ts'
import type { Context, OpenCommand, Outcome } from '../control/command.ts'
import { greeting, reply } from '../control/reply.ts'
import { canonicalAddress } from '../data/address.ts'

/** RFC 7151 HOST: names the virtual host that the login and the certificate are for. It may come again until somebody is logged in. */
export const host: OpenCommand = {
  verbs: ['HOST'],
  syntax: 'HOST <SP> <hostname>',
  rfc: 'RFC 7151 section 3',
  summary: 'Names the virtual host to log in at.',
  argument: 'required',
  needs: 'nothing',
  offered: ({ session, configuration }) => configuration.hosts.size > 0 && session.login.state !== 'logged-in',
  features: () => ['HOST'],
  run({ session, configuration }, argument) {
    if (session.login.state === 'logged-in')
      return { kind: 'reply', reply: reply(503, 'Already logged in: the host is chosen before.') }
    const asked = parseHost(argument.trim())
    if (asked === undefined)
      return { kind: 'reply', reply: reply(501, 'The host must be a name, or an address in brackets.') }
    return asked.kind === 'name'
      ? byName(asked.name, { session, configuration })
      : byAddress(asked.address, { session, configuration })
  },
}

type Where = Pick<Context, 'session' | 'configuration'>

const unknown: Outcome = { kind: 'reply', reply: reply(504, 'There is no such host here.') }
const other: Outcome = { kind: 'reply', reply: reply(504, 'The TLS handshake was for another host.') }

function byName(name: string, { session, configuration }: Where): Outcome {
  const found = hostNamed(configuration, name)
  if (found === undefined) return unknown
  // RFC 7151 section 3.3: under TLS it is the host that was named in the handshake, or that was named by nobody there.
  if (session.serverName !== undefined && hostNamed(configuration, session.serverName) !== found) return other
  return chosen(found.name, found.banner)
}

/** An address is no virtual host, but the server itself, where it is what the client is connected to. */
function byAddress(address: string, { session, configuration }: Where): Outcome {
  if (configuration.hosts.size === 0 || address !== canonicalAddress(session.local.address)) return unknown
  if (hostNamed(configuration, session.serverName) !== undefined) return other
  return chosen(undefined, configuration.server.banner)
}

// RFC 7151 section 3.2: what was agreed on before, such as the language, was with another host.
function chosen(name: string | undefined, banner: string): Outcome {
  return {
    kind: 'reply',
    reply: greeting(banner),
    session: { host: name, language: undefined, login: { state: 'awaiting-user' } },
  }
}
