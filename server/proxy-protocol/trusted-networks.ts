/** Networks of a configuration that is reloaded, parsed once. */
import { isIP } from 'node:net'
import { type Network, parseNetwork } from '../config/network.ts'

/** Nothing to close. */
export class TrustedNetworks {
  /** Made when it is needed: sessions have one each, and few have proxies. */
  #parsed: WeakMap<readonly string[], readonly Network[]> | undefined

  /** Whether one of the networks has the address. */
  have(address: string, networks: readonly string[]): boolean {
    // A connection that is gone already has no address.
    if (networks.length === 0 || isIP(address) === 0) return false
    this.#parsed ??= new WeakMap()
    let parsed = this.#parsed.get(networks)
    if (parsed === undefined) {
      parsed = networks.map(parseNetwork).filter(network => network !== undefined)
      this.#parsed.set(networks, parsed)
    }
    return parsed.some(network => network.contains(address))
  }
}
