/** Goes through the passive ports of one replica with one session: a byte over each. */
import { isIP, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type Control, ProbeError } from './control.ts'
import { addressesOf, DialError, dial, tryPort } from './dial.ts'
import type { Hops, PassiveAnswer, PortResult } from './outcome.ts'
import type { ProbePort, ProbeTarget } from './target.ts'

export type Walk = {
  readonly results: readonly PortResult[]
  /** Undefined where it tells none, as to clients with IPv6. */
  readonly pasv: PassiveAnswer | undefined
}

/** After so many failures without one port that works, the others will fare the same. */
const mostFailuresAtFirst = 4
/** How often a port may come again while others are taken. */
const mostRepeats = 10

/** The port that EPSV has given; the server gives this user no port twice before it has given all. Rejects with ProbeError. */
export async function extendedPassive(control: Control): Promise<number> {
  const { code, text } = await control.send('EPSV')
  const port = Number(/\(\|\|\|(\d{1,5})\|\)/.exec(text)?.[1])
  if (code === 425) throw new ProbeError('nonsense', 'EPSV is answered with 425: the server has no port to give')
  if (code !== 229 || !Number.isInteger(port)) throw new ProbeError('nonsense', `EPSV is answered with ${code}`)
  return port
}

/** `first` is what EPSV has given already. Rejects with ProbeError where the control connection fails. */
export async function walk(
  control: Control,
  target: ProbeTarget,
  wanted: readonly ProbePort[],
  first: number,
  signal: AbortSignal,
): Promise<Walk> {
  const byOutside = new Map(wanted.map(port => [port.outside, port]))
  const results = new Map<number, PortResult>()
  let outside = first
  let repeats = 0
  for (;;) {
    const port = byOutside.get(outside)
    if (port === undefined) {
      results.set(outside, { port: outside, outside, kind: 'unknown-port' })
      break
    }
    if (results.has(outside)) repeats += 1
    else results.set(outside, await tryPassive(control, target, port, signal))
    const failures = [...results.values()].filter(({ kind }) => kind !== 'works').length
    const isDone = results.size === wanted.length || repeats > mostRepeats
    if (isDone || results.get(outside)?.kind === 'lost') break
    if (failures >= mostFailuresAtFirst && failures === results.size) break
    outside = await extendedPassive(control)
  }
  const isLost = [...results.values()].some(({ kind }) => kind === 'lost')
  const pasv = isLost || control.address.includes(':') ? undefined : await askPassive(control, target, signal)
  return { results: [...results.values()], pasv }
}

/** What PASV tells, and a byte over it. */
async function askPassive(
  control: Control,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<PassiveAnswer | undefined> {
  const { code, text } = await control.send('PASV')
  const [, host = '', high, low] = /\((\d{1,3},\d{1,3},\d{1,3},\d{1,3}),(\d{1,3}),(\d{1,3})\)/.exec(text) ?? []
  if (code !== 227 || host === '') return undefined
  const told = host.replaceAll(',', '.')
  const port = Number(high) * 256 + Number(low)
  // What answers may be anything that somebody has named: it does not choose where the operator connects to.
  const isOwnPort = target.ports.some(({ outside }) => outside === port)
  if (!isOwnPort || !(await isExpected(told, control, target))) return { told, outcome: 'untried' }
  try {
    const socket = await dial(told, port, signal, { isOffLimits: control.isOffLimits })
    try {
      return { told, outcome: (await transfer(control, socket, signal)).kind }
    } finally {
      socket.destroy()
    }
  } catch (error) {
    if (error instanceof DialError) return { told, outcome: error.failure }
    throw error
  }
}

/** Where the server was reached, what it is to tell, and whatever a name of it stands for. */
async function isExpected(
  told: string,
  control: Control,
  { told: expected, addresses }: ProbeTarget,
): Promise<boolean> {
  if (told === control.address || expected.includes(told)) return true
  const names = addresses.filter(address => isIP(address) === 0)
  return (await Promise.all(names.map(addressesOf))).flat().includes(told)
}

async function tryPassive(
  control: Control,
  target: ProbeTarget,
  port: ProbePort,
  signal: AbortSignal,
): Promise<PortResult> {
  const about = { port: port.port, outside: port.outside }
  let socket: Socket
  try {
    socket = await dial(control.address, port.outside, signal)
  } catch (error) {
    if (!(error instanceof DialError)) throw error
    return { ...about, kind: error.failure, hops: await hopsTo(target, port, signal) }
  }
  try {
    return { ...about, ...(await transfer(control, socket, signal)) }
  } finally {
    socket.destroy()
  }
}

/** How near the server the same port answers, while it waits there. */
async function hopsTo({ clusterAddress }: ProbeTarget, port: ProbePort, signal: AbortSignal): Promise<Hops> {
  const [pod, service] = await Promise.all([
    port.podAddress === undefined ? undefined : tryPort(port.podAddress, port.port, signal),
    clusterAddress === undefined ? undefined : tryPort(clusterAddress, port.port, signal),
  ])
  return { pod, service }
}

type Transferred = { readonly kind: 'works'; readonly resumed: boolean | undefined } | Failed
type Failed = { readonly kind: 'lost' | 'not-resumed' | 'tls' | 'empty' }

/** A listing over a connection that has been made to the port that EPSV or PASV told. Rejects with ProbeError. */
export async function transfer(control: Control, socket: Socket, signal: AbortSignal): Promise<Transferred> {
  const lost = { kind: 'lost' } as const
  try {
    const opening = await control.send('MLSD')
    if (opening.code !== 150 && opening.code !== 125) return lost
    const data = control.isSecure ? await secured(control, socket) : socket
    if (data === undefined) {
      const { code } = await control.reply()
      return { kind: code === 522 ? 'not-resumed' : 'tls' }
    }
    // Not known any more once it is closed.
    const resumed = data instanceof TLSSocket ? data.isSessionReused() : undefined
    const bytes = await countBytes(data, signal)
    const { code } = await control.reply()
    if (code === 522) return { kind: 'not-resumed' }
    if (code !== 226) return lost
    return bytes === 0 ? { kind: 'empty' } : { kind: 'works', resumed }
  } catch (error) {
    // The server waits for somebody who has come elsewhere.
    if (error instanceof ProbeError && error.kind === 'silent') return lost
    throw error
  }
}

async function secured(control: Control, socket: Socket) {
  try {
    return await control.secureData(socket)
  } catch (error) {
    if (error instanceof ProbeError && error.kind === 'tls') return undefined
    throw error
  }
}

const dataMilliseconds = 5000
const mostBytes = 65_536

async function countBytes(socket: Socket, signal: AbortSignal): Promise<number> {
  let bytes = 0
  const timer = setTimeout(() => socket.destroy(), dataMilliseconds)
  const onAbort = (): void => void socket.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    for await (const chunk of socket) {
      bytes += (chunk as Buffer).length
      if (bytes > mostBytes) break
    }
  } catch {
    // The reply says what there is to say.
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
  return bytes
}
