/** The server that was given no configuration: what the environment says of its one user and its root, and what is printed of it. */
import { randomBytes } from 'node:crypto'
import { maxPasswordBytes } from './auth/password-hash.ts'
import type { Configuration, Credential } from './config/configuration.ts'
import { type EmbeddedSettings, embeddedConfiguration, embeddedVariables, problemOf } from './config/embedded.ts'
import { passwordFileCredential } from './config/users/users.ts'
import { ConfigurationError } from './configuration-source.ts'
import { messageOf } from './error-message.ts'
import { makeDirectories } from './storage/local/directories/make-directories.ts'

type Surroundings = {
  /** The value of an environment variable; none if it is absent or empty. */
  readonly variable: (name: string) => string | undefined
  readonly readFile: (path: string) => Promise<Uint8Array>
}

type EmbeddedServer = {
  readonly configuration: Configuration
  /** For whoever has started it. */
  readonly greeting: string
}

/** Throws a ConfigurationError where the environment makes no sense. */
export async function embeddedServer(surroundings: Surroundings): Promise<EmbeddedServer> {
  const settings: EmbeddedSettings = Object.fromEntries(
    Object.entries(embeddedVariables).map(([setting, name]) => [setting, surroundings.variable(name)]),
  )
  const given = await givenCredential(surroundings)
  const password = randomBytes(10).toString('hex')
  const { configuration, problems } = embeddedConfiguration(settings, given ?? { kind: 'password', password })
  if (configuration === undefined) throw new ConfigurationError(problems)
  await makeRoot(configuration.server.root)
  return { configuration, greeting: greeting(configuration, given === undefined ? password : undefined) }
}

/** Either variable may have a password or its hash. */
async function givenCredential({ variable, readFile }: Surroundings): Promise<Credential | undefined> {
  const file = variable('FTP_SERVER_PASSWORD_FILE')
  if (file !== undefined) {
    const credential = passwordFileCredential(await contentOf(file, readFile))
    if (credential.kind === 'refused') throw refused('FTP_SERVER_PASSWORD_FILE', credential.message)
    return credential
  }
  const password = variable('FTP_SERVER_PASSWORD')
  if (password === undefined) return undefined
  const credential = passwordFileCredential(Buffer.from(password))
  if (credential.kind !== 'refused') return credential
  throw refused('FTP_SERVER_PASSWORD', `must be a password of 1 to ${maxPasswordBytes} bytes in one line, or its hash`)
}

async function contentOf(file: string, readFile: Surroundings['readFile']): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw refused('FTP_SERVER_PASSWORD_FILE', `must name a password file that can be read: ${messageOf(error)}`)
  }
}

async function makeRoot(root: string): Promise<void> {
  try {
    await makeDirectories(root, 0o777)
  } catch (error) {
    throw refused(embeddedVariables.root, `must be a directory, or one that can be made: ${messageOf(error)}`)
  }
}

function refused(variable: string, message: string): ConfigurationError {
  return new ConfigurationError([problemOf(variable, message)])
}

function greeting({ server, users }: Configuration, generatedPassword: string | undefined): string {
  const [listener] = server.listeners
  const [user = ''] = users.keys()
  const host = urlHost(listener?.addresses[0] ?? '')
  const url = `ftp://${host}:${listener?.port}`
  const password = generatedPassword ?? 'PASSWORD'
  return `
FTP server at ${url}, TLS by AUTH TLS with a self-signed certificate
  user       ${user}
  password   ${generatedPassword === undefined ? 'as given' : `${generatedPassword}   (generated; shown only now)`}
  directory  ${server.root}
  status     http://${host}:${server.probes.port}/status

Try it:
  curl --ssl-reqd --insecure --user ${quoted(`${user}:${password}`)} ${url}/
  lftp -e 'set ssl:verify-certificate no' -u ${quoted(`${user},${password}`)} ${url}

`
}

function urlHost(address: string): string {
  if (['::', '0.0.0.0'].includes(address)) return 'localhost'
  return address.includes(':') ? `[${address}]` : address
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return /^[\w.,:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
