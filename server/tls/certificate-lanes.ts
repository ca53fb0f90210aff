/** The handshake lanes of a process: by certificate, as a server with virtual hosts has several. Nothing to close. */
import type { CertificateFiles } from '../config/configuration.ts'
import type { HandshakeOptions } from './handshake.ts'
import { HandshakeLanes } from './handshake-lanes.ts'

export class CertificateLanes {
  readonly #lanes = new Map<CertificateFiles, HandshakeLanes>()

  /** Those that all handshakes with these options share. */
  for(options: HandshakeOptions): HandshakeLanes {
    const known = this.#lanes.get(options.certificate)
    if (known?.serve(options) === true) return known
    const lanes = new HandshakeLanes(options)
    this.#lanes.set(options.certificate, lanes)
    return lanes
  }

  /** Forgets those of other certificates. */
  keep(certificates: ReadonlySet<CertificateFiles | undefined>): void {
    for (const certificate of this.#lanes.keys()) if (!certificates.has(certificate)) this.#lanes.delete(certificate)
  }
}
