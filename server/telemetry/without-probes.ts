/** Telemetry that leaves out what the probe user does (`probes.user`): it is no traffic of anybody's. */
import { isProbeSession } from '../control/session/session.ts'
import type { Telemetry } from './telemetry.ts'

/** That a login of it fails is told: whoever tries its password is somebody else. */
export function withoutProbes(telemetry: Telemetry): Telemetry {
  return {
    ...telemetry,
    command(session, ...told) {
      if (!isProbeSession(session)) telemetry.command(session, ...told)
    },
    transferStarted(session) {
      if (!isProbeSession(session)) telemetry.transferStarted(session)
    },
    transferMoved(session, ...told) {
      if (!isProbeSession(session)) telemetry.transferMoved(session, ...told)
    },
    transferEnded(session, record) {
      return isProbeSession(session) ? undefined : telemetry.transferEnded(session, record)
    },
  }
}
