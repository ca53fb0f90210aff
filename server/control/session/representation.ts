/** How a session’s data is represented on the network: what TYPE, MODE and STRU have chosen, as the configuration lets them. */
import type { Configuration } from '../../config/configuration.ts'
import type { Encoding } from '../../data/encoding/encoding.ts'
import type { Session } from './session.ts'

type Settings = { readonly server: Pick<Configuration['server'], 'transfers'> }

/** The type that files really have. */
export function effectiveType({ type }: Pick<Session, 'type'>, { server }: Settings): Session['type'] {
  return server.transfers.ascii === 'off' ? 'image' : type
}

/** Undefined where data goes as it is. */
export function encodingOf({ mode, structure, deflateLevel }: Session, { server }: Settings): Encoding | undefined {
  if (mode === 'stream' && structure === 'file') return undefined
  const { level, maxRatio, maxTransfers } = server.transfers.deflate
  return { mode, structure, deflate: { level: deflateLevel ?? level, maxRatio, maxTransfers } }
}

/** Whether transfers have restart markers: offsets in the file, whatever is sent of it (RFC 959 section 3.5). */
export function hasMarkers({ mode }: Pick<Session, 'mode'>): boolean {
  return mode === 'block' || mode === 'compressed'
}

/** Whether what REST tells has a meaning: in ASCII the offset would count what is sent, which is not what lies in the file (RFC 3659 section 5.2). */
export function canRestart(session: Pick<Session, 'mode' | 'type'>, settings: Settings): boolean {
  return hasMarkers(session) || effectiveType(session, settings) === 'image'
}
