/** Takes connections that other servers hand over: who proves by its header to know the secret is believed whom it speaks for, once. */
import type { Socket } from 'node:net'
import { plainAddress } from '../config/network.ts'
import { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import { longestProxyHeader, parseProxyHeader } from '../proxy-protocol/header.ts'
import { SeenNonces } from './seen-nonces.ts'
import { readSignedHeader } from './signed-header.ts'
import type { HandoverFailure, RelayTelemetry } from './telemetry.ts'

/** Gives a connection to the session that waits for it on the port, as if it had come there from the address. Resolves to whether anybody waits; if not, it is the caller's to close. */
export type TakeRelayed = (port: number, first: FirstBytes, address: string) => Promise<boolean>

export type HandoversOptions = {
  readonly secrets: () => readonly string[]
  /** For the header. */
  readonly timeoutSeconds: () => number
  readonly take: TakeRelayed
  readonly telemetry: Pick<RelayTelemetry, 'handedOver' | 'handoverRefused'>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** Whose header is not there yet. */
const mostUnknown = 256

export class Handovers {
  readonly #options: HandoversOptions
  readonly #seen = new SeenNonces()
  readonly #unknown = new Set<Socket>()

  constructor(options: HandoversOptions) {
    this.#options = options
  }

  /** A paused socket that was not read. */
  async receive(socket: Socket): Promise<void> {
    socket.on('error', ignore)
    const from = plainAddress(socket.remoteAddress ?? '')
    if (this.#unknown.size >= mostUnknown) return this.#refuse(socket, 'too-many', from)
    this.#unknown.add(socket)
    const timer = setTimeout(() => socket.destroy(), this.#options.timeoutSeconds() * 1000)
    const first = new FirstBytes(socket)
    await first.read(bytes => bytes.length >= longestProxyHeader.v2 || parseProxyHeader(bytes).kind !== 'incomplete')
    clearTimeout(timer)
    this.#unknown.delete(socket)
    const header = this.#read(first)
    if (typeof header === 'string') return this.#refuse(socket, header, from)
    if (!(await this.#options.take(header.port, first, header.client))) {
      this.#options.telemetry.handoverRefused('not-awaited', header.client)
      return void socket.resetAndDestroy()
    }
    this.#options.telemetry.handedOver()
  }

  /** Ends what has not said who it is. */
  close(): void {
    for (const socket of this.#unknown) socket.destroy()
  }

  #read(first: FirstBytes): { readonly client: string; readonly port: number } | HandoverFailure {
    const parsed = parseProxyHeader(first.bytes)
    if (parsed.kind !== 'header') return 'no-header'
    const { secrets, now = Date.now } = this.#options
    const header = readSignedHeader(first.bytes.subarray(0, parsed.length), secrets())
    if (header.kind === 'unsigned') return 'unsigned'
    const verdict = this.#seen.take(header, now())
    if (verdict !== 'fresh') return verdict
    first.drop(parsed.length)
    const { source, destination } = header.ends
    return { client: source.address, port: destination.port }
  }

  #refuse(socket: Socket, reason: HandoverFailure, from: string): void {
    // Not like an end, which a client that was relayed would take for that of its file.
    if (!socket.destroyed) socket.resetAndDestroy()
    this.#options.telemetry.handoverRefused(reason, from)
  }
}

function ignore(): void {}
