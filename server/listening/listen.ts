/** Listening on a local address, also where the machine has no IPv6. */
import type { Server } from 'node:net'
import type { Violation } from '../config/validate.ts'

/** The system does not let us listen there. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly #where: string
  readonly #isAddressAtFault: boolean

  constructor(address: string, port: number, cause: Error & { readonly code: unknown }) {
    const where = `${address} port ${port} can't be listened on (${cause.message})`
    super(where, { cause })
    this.#where = where
    this.#isAddressAtFault = cause.code === 'EADDRNOTAVAIL' || cause.code === 'EAFNOSUPPORT'
  }

  /** What is to be changed in a configuration, where `path` leads to `port` and `addresses`. */
  violation(path: string): Violation {
    return this.#isAddressAtFault
      ? { path: `${path}.addresses`, message: `must be an address of this machine: ${this.#where}` }
      : { path: `${path}.port`, message: `must be another port: ${this.#where}` }
  }
}

/** Resolves when the server listens; rejects with a ListenError. */
export async function listenOn(server: Server, port: number, address: string): Promise<void> {
  try {
    await listen(server, port, address)
  } catch (error) {
    if (!isSystemError(error)) throw error
    // `::` stands for every address; a machine without IPv6 has only those of IPv4.
    if (address === '::' && (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL'))
      return listenOn(server, port, '0.0.0.0')
    throw new ListenError(address, port, error)
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function isSystemError(error: unknown): error is Error & { readonly code: unknown } {
  return error instanceof Error && 'code' in error
}
