/** The address that PASV tells a client: by configuration, by client network, or by a name that is resolved anew. */
import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import { type Network, parseNetwork } from '../../config/network.ts'
import type { ServerConfiguration } from '../../config/schema.ts'
import { canonicalAddress } from '../address.ts'

type PassiveConfiguration = ServerConfiguration['passive']
type Rule = { readonly networks: readonly Network[]; readonly address: string }
type Resolution = { readonly address: string | undefined; readonly checked: number }

export type AdvertisedAddressesOptions = {
  /** Resolves a host name to an IPv4 address; rejects where it has none. */
  readonly resolveName?: (name: string) => Promise<string>
  /** Milliseconds on any clock that does not go back. */
  readonly now?: () => number
}

const freshMilliseconds = 30_000
const resolveTimeoutMilliseconds = 5000
const longestCache = 128

/** One for the server: it remembers what host names resolved to. Nothing to close. */
export class AdvertisedAddresses {
  readonly #resolveName: (name: string) => Promise<string>
  readonly #now: () => number
  readonly #rules = new WeakMap<PassiveConfiguration, readonly Rule[]>()
  readonly #resolutions = new Map<string, Resolution>()
  readonly #running = new Map<string, Promise<string | undefined>>()

  constructor({ resolveName = resolveIPv4, now = () => performance.now() }: AdvertisedAddressesOptions = {}) {
    this.#resolveName = resolveName
    this.#now = now
  }

  /** What the configuration says for a client: `auto`, `pending`, an address or a name. */
  setting(passive: PassiveConfiguration, peer: string): string {
    let rules = this.#rules.get(passive)
    if (rules === undefined) {
      rules = passive.advertisedAddresses.map(readRule)
      this.#rules.set(passive, rules)
    }
    const rule = rules.find(({ networks }) => networks.some(network => network.contains(peer)))
    return rule?.address ?? passive.advertisedAddress
  }

  /** The IPv4 address that a setting stands for; undefined where it has none (yet). Never rejects, takes 5 s at most. */
  resolve(setting: string, local: string): string | undefined | Promise<string | undefined> {
    if (setting === 'pending') return undefined
    const literal = setting === 'auto' ? canonicalAddress(local) : setting
    if (isIPv4(literal)) return literal
    if (setting === 'auto') return undefined
    const known = this.#resolutions.get(setting)
    if (known !== undefined && this.#now() - known.checked < freshMilliseconds) return known.address
    let running = this.#running.get(setting)
    if (running === undefined) {
      running = this.#refresh(setting, known?.address).finally(() => this.#running.delete(setting))
      this.#running.set(setting, running)
    }
    return running
  }

  async #refresh(name: string, lastGood: string | undefined): Promise<string | undefined> {
    const address = await this.#resolveInTime(name).catch(() => lastGood)
    const [oldest] = this.#resolutions.keys()
    if (this.#resolutions.size >= longestCache && oldest !== undefined) this.#resolutions.delete(oldest)
    // A name that has never been resolved is asked for again at once: each PASV before waits in vain.
    if (address !== undefined) this.#resolutions.set(name, { address, checked: this.#now() })
    return address
  }

  async #resolveInTime(name: string): Promise<string> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('name resolution timed out')), resolveTimeoutMilliseconds)
    })
    try {
      return await Promise.race([this.#resolveName(name), timeout])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** The port a client is told to connect to, where ports are reached under other numbers. */
export function advertisedPort(passive: PassiveConfiguration, port: number): number {
  return passive.advertisedPorts.find(entry => entry.port === port)?.advertised ?? port
}

function readRule({ clients, address }: PassiveConfiguration['advertisedAddresses'][number]): Rule {
  return { networks: clients.map(parseNetwork).filter(network => network !== undefined), address }
}

async function resolveIPv4(name: string): Promise<string> {
  const { address } = await lookup(name, { family: 4 })
  return address
}
