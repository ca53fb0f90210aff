/** Passive ports of the whole server: RFC 959 PASV, RFC 2428 EPSV, RFC 2577 section 8 (random ports). */
import { randomInt } from 'node:crypto'
import { createServer, isIP, type Server } from 'node:net'
import { DataChannelError } from './error.ts'
import { PassivePort, type PassivePortOptions } from './passive-port.ts'

export type PassiveListenOptions = PassivePortOptions & {
  /** Local address to bind to: that of the control connection. */
  readonly address: string
  /** First and last port of the range. */
  readonly first: number
  readonly last: number
}

/** The ports that a process tries first: every `of`-th. With others that use the same range it shares them so that they rarely try the same one. */
export type PortShare = { readonly index: number; readonly of: number }

export const wholeRange: PortShare = { index: 0, of: 1 }

/** Gives out ports of a range, one client each. The range is told anew each time: ports in use stay when it changes. */
export class PassivePorts {
  readonly #ports = new Map<number, PassivePort | 'opening'>()
  readonly #onCount: (portsInUse: number) => void
  readonly #share: () => PortShare

  /** Without a share all ports are alike. */
  constructor(onCount: (portsInUse: number) => void, share: () => PortShare = () => wholeRange) {
    this.#onCount = onCount
    this.#share = share
  }

  /** Ports that are listened on now. */
  get inUse(): number {
    return this.#ports.size
  }

  /** Opens a random free port. Rejects with DataChannelError `no-port` where there is none. */
  async listen(options: PassiveListenOptions): Promise<PassivePort> {
    for (const port of inOrder(options.first, options.last, this.#share())) {
      if (this.#ports.has(port)) continue
      this.#ports.set(port, 'opening')
      try {
        return await this.#open(port, options)
      } catch (error) {
        this.#ports.delete(port)
        // Another process has it, or it is privileged; anything else (no descriptors left) is no better on the next port.
        if (!hasCode(error, 'EADDRINUSE', 'EACCES')) throw new DataChannelError('no-port', { cause: error })
      }
    }
    throw new DataChannelError('no-port')
  }

  close(): void {
    for (const port of this.#ports.values()) if (port !== 'opening') port.close()
  }

  async #open(number: number, options: PassiveListenOptions): Promise<PassivePort> {
    const server = await bind(number, options.address)
    const release = () => {
      this.#ports.delete(number)
      this.#onCount(this.#ports.size)
    }
    const port = new PassivePort(server, number, options, release)
    this.#ports.set(number, port)
    this.#onCount(this.#ports.size)
    return port
  }
}

/** Each port of the range once, those of the share first. */
function* inOrder(first: number, last: number, { index, of }: PortShare): Generator<number> {
  if (of === 1) return yield* inRandomOrder(first, last)
  for (const port of inRandomOrder(first, last)) if (port % of === index) yield port
  for (const port of inRandomOrder(first, last)) if (port % of !== index) yield port
}

/** Each port of the range once. No list is made: a range may have 65,535 of them. */
function* inRandomOrder(first: number, last: number): Generator<number> {
  const count = last - first + 1
  if (count < 1) return
  const start = randomInt(count)
  let step = count === 1 ? 1 : randomInt(1, count)
  while (greatestCommonDivisor(step, count) !== 1) step = (step % (count - 1)) + 1
  for (let turn = 0; turn < count; turn++) yield first + ((start + turn * step) % count)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** Where the address cannot be bound to (a zone is missing, or it is somebody else's behind a proxy), any address of its family will do. */
async function bind(port: number, address: string): Promise<Server> {
  try {
    return await listenOn(port, address)
  } catch (error) {
    if (!hasCode(error, 'EADDRNOTAVAIL', 'EINVAL')) throw error
    return listenOn(port, isIP(address) === 6 ? '::' : '0.0.0.0')
  }
}

function listenOn(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    // Half-open, so that close_notify can follow the client's FIN; without delay, or small transfers wait 40 ms for Nagle's algorithm.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true })
    server.once('error', reject)
    server.listen({ port, host, backlog: 16, exclusive: true }, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some(code => code === error.code)
}
