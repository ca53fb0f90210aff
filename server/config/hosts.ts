/** Virtual hosts in force (RFC 7151): what their names stand for, and who may log in there. */
import type { CertificateFiles, Configuration, Host, Problem, User } from './configuration.ts'
import type { ServerConfiguration } from './schema.ts'

/** By each of their names, in lower case. `certificates` are by directory below `tls/`. */
export function hostsInForce(
  { hosts, banner, messages }: ServerConfiguration,
  certificates: ReadonlyMap<string, CertificateFiles>,
): ReadonlyMap<string, Host> {
  const byName = new Map<string, Host>()
  for (const { name, aliases, root, users, certificate, ...rest } of hosts) {
    const files = certificate === undefined ? undefined : certificates.get(certificate)
    const texts = { banner: rest.banner ?? banner, welcome: rest.welcome ?? messages.welcome }
    const host = { name: name.toLowerCase(), root, users, ...texts, certificate: files }
    for (const each of [name, ...aliases]) byName.set(each.toLowerCase(), host)
  }
  return byName
}

/** Hosts that name a certificate which is not there: until it is, they have the server's. */
export function missingCertificates(
  { hosts }: ServerConfiguration,
  certificates: ReadonlyMap<string, CertificateFiles>,
): readonly Problem[] {
  return hosts.flatMap(({ certificate }, index) => {
    if (certificate === undefined || certificates.has(certificate)) return []
    const message =
      'must be a directory below `tls/` with a certificate in `tls.crt` and its key in `tls.key`; until then the host has the server’s certificate'
    return [{ file: 'server.yaml', path: `hosts[${index}].certificate`, message }]
  })
}

/** The host of that name; undefined if there is none, or nobody has named one. */
export function hostNamed({ hosts }: Configuration, name: string | undefined): Host | undefined {
  return name === undefined || hosts.size === 0 ? undefined : hosts.get(name.toLowerCase())
}

/** Where somebody logs in: at a host, at the server itself (undefined), or at a host that was named and is `removed` since. */
export type Place = Host | 'removed' | undefined

/** Where a session is that has named a host, or none. */
export function placeOf({ host }: { readonly host: string | undefined }, configuration: Configuration): Place {
  return host === undefined ? undefined : (hostNamed(configuration, host) ?? 'removed')
}

/** Whether a user may log in there. */
export function takesUser(host: Place, { hosts = [] }: Pick<User, 'hosts'>): boolean {
  if (host === 'removed') return false
  if (hosts.length > 0) return host !== undefined && hosts.includes(host.name)
  return host === undefined || host.users === 'all'
}

/** The text for a user who has logged in there. */
export function welcomeAt(place: Place, { welcome }: User, { server }: Configuration): string | undefined {
  if (welcome !== undefined) return welcome
  return place === undefined || place === 'removed' ? server.messages.welcome : place.welcome
}

/** The user as the place has it: with a home below the host’s root. */
export function userAt(host: Place, user: User): User {
  if (host === undefined || host === 'removed' || host.root === '/') return user
  return { ...user, home: homeAt(host, user) }
}

/** The user's home at each place where the user may log in, below the server's root. */
export function placesOf({ hosts }: Configuration, user: Pick<User, 'home' | 'hosts'>): readonly string[] {
  const places = [undefined, ...new Set(hosts.values())].filter(place => takesUser(place, user))
  return [...new Set(places.map(place => homeAt(place, user)))]
}

function homeAt(host: Host | undefined, { home }: Pick<User, 'home'>): string {
  if (host === undefined || host.root === '/') return home
  return home === '/' ? host.root : `${host.root}${home}`
}
