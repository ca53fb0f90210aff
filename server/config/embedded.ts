/** The configuration of a server that was given none: one user, a local address, explicit TLS. */
import type { Configuration, Credential, Problem } from './configuration.ts'
import { formats, isUserName } from './formats.ts'
import { configurationHash, fileDigest } from './hash.ts'
import { brokenRules, serverRules } from './rules.ts'
import { roles } from './schema/permissions.ts'
import { type Violation, validateServer } from './validate.ts'

/** Settings as text, as the environment has them; what is absent has a default. */
export type EmbeddedSettings = {
  readonly address?: string | undefined
  readonly port?: string | undefined
  readonly root?: string | undefined
  /** `first-last`. */
  readonly passivePorts?: string | undefined
  readonly advertisedAddress?: string | undefined
  readonly probesPort?: string | undefined
  readonly user?: string | undefined
}

/** Environment variables that the settings come from, for error messages and documentation. */
export const embeddedVariables = {
  address: 'FTP_SERVER_ADDRESS',
  port: 'FTP_SERVER_PORT',
  root: 'FTP_SERVER_ROOT',
  passivePorts: 'FTP_SERVER_PASSIVE_PORTS',
  advertisedAddress: 'FTP_SERVER_ADVERTISED_ADDRESS',
  probesPort: 'FTP_SERVER_PROBES_PORT',
  user: 'FTP_SERVER_USER',
} as const satisfies Record<keyof EmbeddedSettings, string>

export type EmbeddedResult =
  | { readonly configuration: Configuration; readonly problems?: undefined }
  | { readonly configuration?: undefined; readonly problems: readonly Problem[] }

/** The one user sees the root directory as `/` and may do everything. */
export function embeddedConfiguration(settings: EmbeddedSettings, credential: Credential): EmbeddedResult {
  const {
    address = '127.0.0.1',
    port = '2121',
    root = './data',
    passivePorts = '20000-20009',
    advertisedAddress = 'auto',
    probesPort = '8080',
    user = 'user',
  } = settings
  const [, first = passivePorts, last = first] = /^([^-]*)-([^-]*)$/.exec(passivePorts) ?? []
  const written = {
    listeners: [{ name: 'ftp', port: number(port), addresses: [address] }],
    passive: { ports: { first: number(first), last: number(last) }, advertisedAddress },
    probes: { port: number(probesPort), addresses: [address] },
    root,
  }
  const result = validateServer(written)
  const violations = result.valid ? brokenRules(serverRules, result.value) : result.violations
  const problems = [...distinct(violations.map(environmentProblem)), ...problemsOfName(user)]
  if (!result.valid || problems.length > 0) return { problems }
  const digest = fileDigest(Buffer.from(JSON.stringify({ written, user })))
  return {
    configuration: {
      hash: configurationHash([{ path: 'environment', digest }]),
      server: result.value,
      users: new Map([
        [
          user,
          {
            name: user,
            credential,
            home: '/',
            permissions: new Set(roles['read-write']),
            paths: [],
            limits: {},
            allowedNetworks: [],
            tls: 'optional',
            disabled: false,
            expires: undefined,
          },
        ],
      ]),
      certificate: undefined,
      hosts: new Map(),
    },
  }
}

function problemsOfName(user: string): readonly Problem[] {
  if (isUserName(user)) return []
  return [problemOf(embeddedVariables.user, `must be ${formats['user-name']?.words}`)]
}

/** One variable may stand for several keys. */
function distinct(problems: readonly Problem[]): Iterable<Problem> {
  return new Map(problems.map(each => [`${each.path}\n${each.message}`, each])).values()
}

/** A violation, by the variable it comes from. */
export function environmentProblem({ path, message }: Violation): Problem {
  const source = Object.entries(sources).find(([start]) => path.startsWith(start))
  return problemOf(source === undefined ? path : embeddedVariables[source[1]], message)
}

/** What is wrong with a variable. */
export function problemOf(variable: string, message: string): Problem {
  return { file: 'environment', path: variable, message }
}

/** What the beginning of a path in the configuration comes from. */
const sources: Readonly<Record<string, keyof EmbeddedSettings>> = {
  'listeners[0].addresses': 'address',
  'listeners[0].port': 'port',
  'passive.ports': 'passivePorts',
  'passive.advertisedAddress': 'advertisedAddress',
  'probes.addresses': 'address',
  'probes.port': 'probesPort',
  root: 'root',
}

// What is no number stays as it is: the schema says what it must be.
function number(text: string): unknown {
  return /^\d+$/.test(text.trim()) ? Number(text) : text
}
