/** Tries the way in to a server as a client would: one session to each replica, all its passive ports with it. */

import { probeUser } from '../desired/names.ts'
import { type Control, type ControlOptions, openControl, ProbeError } from './control.ts'
import type { Credential } from './credential.ts'
import { DialError } from './dial.ts'
import { isOffLimits as isNoPlaceOfClients } from './off-limits.ts'
import type { Outcome, PassiveAnswer, PortResult } from './outcome.ts'
import { tryRelays } from './relays.ts'
import type { ProbeTarget } from './target.ts'
import { extendedPassive, walk } from './walk.ts'

/** Sessions at once; each moves little. */
const mostAtOnce = 8
/** Connections for each replica, until all have been met: a Service sends them where it likes. */
const attemptsPerReplica = 12

/** Rejects with the signal's reason only. */
export async function probe(
  target: ProbeTarget,
  credential: Credential,
  signal: AbortSignal,
  isOffLimits = isNoPlaceOfClients,
): Promise<Outcome> {
  const { port } = target
  let unreachable: Outcome | undefined
  for (const address of target.addresses) {
    const outcome = await probeAt(address, target, credential, signal, isOffLimits)
    if (outcome.kind !== 'unreachable') return outcome
    unreachable ??= outcome
  }
  return unreachable ?? { kind: 'unreachable', address: '', port, message: 'no address is known' }
}

async function probeAt(
  address: string,
  target: ProbeTarget,
  credential: Credential,
  signal: AbortSignal,
  isOffLimits: (address: string) => boolean,
): Promise<Outcome> {
  const replicas = [...new Set(target.ports.map(({ replica }) => replica))]
  const left = new Set(replicas)
  const results: PortResult[] = []
  const pasv: PassiveAnswer[] = []
  let reached = address
  let attempts = attemptsPerReplica * replicas.length
  let fault: Outcome | undefined
  const { tls, port, fingerprint } = target
  const options = { host: address, port, tls, fingerprint, signal, isOffLimits }

  const worker = async (): Promise<void> => {
    while (left.size > 0 && attempts > 0 && fault === undefined) {
      attempts -= 1
      try {
        await visit(options)
      } catch (error) {
        signal.throwIfAborted()
        fault ??= faultOf(error, address, port)
      }
    }
  }
  const visit = async (how: ControlOptions): Promise<void> => {
    const control = await logIn(how, credential)
    try {
      reached = control.address
      const first = await extendedPassive(control)
      const replica = target.ports.find(({ outside }) => outside === first)?.replica
      // Another session is with that one already.
      if (replica !== undefined && !left.delete(replica)) return
      const wanted = target.ports.filter(each => each.replica === replica)
      const found = await walk(control, target, wanted, first, signal)
      results.push(...found.results)
      if (found.pasv !== undefined) pasv.push(found.pasv)
      if (replica === undefined) left.clear()
    } finally {
      control.close()
    }
  }
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, replicas.length) }, worker))
  // What went wrong at one replica does not hide what was found at the others.
  if (fault !== undefined && results.length === 0) return fault
  const relayFaults = await tryRelays(target, (host, at) => logIn({ ...options, host, port: at }, credential), signal)
  return {
    kind: 'tried',
    address,
    relayFaults,
    results: results.toSorted((one, two) => one.port - two.port),
    missed: [...left],
    reached,
    pasv,
  }
}

async function logIn(options: ControlOptions, { password }: Credential): Promise<Control> {
  const control = await openControl(options)
  try {
    const user = await control.send(`USER ${probeUser}`)
    const answer = user.code === 331 ? await control.send(`PASS ${password}`) : user
    if (answer.code !== 230) throw new ProbeError('nonsense', `the login is answered with ${answer.code}`)
    if (control.isSecure) {
      control.expect(await control.send('PBSZ 0'), 200)
      control.expect(await control.send('PROT P'), 200)
    }
    return control
  } catch (error) {
    control.close()
    throw error
  }
}

function faultOf(error: unknown, address: string, port: number): Outcome {
  if (error instanceof DialError) return { kind: 'unreachable', address, port, message: words[error.failure] }
  if (error instanceof ProbeError) {
    // Nobody is behind what has taken the connection, or it is no server of ours.
    const isBarred = error.kind === 'closed' || error.kind === 'silent'
    return isBarred
      ? { kind: 'unreachable', address, port, message: error.message }
      : { kind: 'refused', address, message: error.message }
  }
  throw error
}

const words = { refused: 'refused', timeout: 'no answer', unreachable: 'no way there' } as const
