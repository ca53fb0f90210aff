/** Where `relay` breaks a rule over several fields: paths, none if it holds. Pure. */
import type { ServerConfiguration } from './schema.ts'

type Range = { readonly first: number; readonly last: number }

export function missingRelaySecret({ relay: { secretFile, port, ports } }: ServerConfiguration): readonly string[] {
  return secretFile === undefined && (port !== undefined || ports.length > 0) ? ['relay.secretFile'] : []
}

export function takenRelayPort(server: ServerConfiguration): readonly string[] {
  const { port, ports } = server.relay
  if (port === undefined) return []
  return [...rangesOf(server), ...ports].some(({ first, last }) => first <= port && port <= last) ? ['relay.port'] : []
}

export function backwardRelayRanges({ relay: { ports } }: ServerConfiguration): readonly string[] {
  return ports.flatMap(({ first, last }, index) => (last < first ? [`relay.ports[${index}].last`] : []))
}

export function sharedRelayRanges(server: ServerConfiguration): readonly string[] {
  const { ports } = server.relay
  const own = rangesOf(server)
  return ports.flatMap((range, index) =>
    [...own, ...ports.slice(0, index)].some(({ first, last }) => first <= range.last && range.first <= last)
      ? [`relay.ports[${index}]`]
      : [],
  )
}

/** What the server listens on itself. */
function rangesOf({ passive, listeners, probes }: ServerConfiguration): readonly Range[] {
  const single = [...listeners, ...(probes.enabled ? [probes] : [])]
  return [passive.ports, ...single.map(({ port }) => ({ first: port, last: port }))]
}
