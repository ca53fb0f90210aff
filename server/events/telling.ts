/** Telemetry that makes events of what it is told, beside its lines and metrics. */
import type { Telemetry } from '../telemetry/telemetry.ts'
import { banHappening, changeHappening, kindOfChange, loginFailureHappening, transferHappening } from './event.ts'
import type { EventMaker } from './event-maker.ts'

export function tellingTelemetry(telemetry: Telemetry, events: EventMaker): Telemetry {
  return {
    ...telemetry,
    transferEnded(session, record) {
      const recorded = telemetry.transferEnded(session, record)
      if (record.direction === 'listing' || !events.wants(record.direction)) return recorded
      const happening = transferHappening(session, record)
      return happening && events.tell(happening)
    },
    fileChanged(session, user, change) {
      const recorded = telemetry.fileChanged(session, user, change)
      return events.wants(kindOfChange[change.kind]) ? events.tell(changeHappening(session, user, change)) : recorded
    },
    loginFailed(session, user, reason) {
      telemetry.loginFailed(session, user, reason)
      // Nobody waits for it: who guesses passwords must not be able to hold anything up.
      if (events.wants('login-failed')) void events.tell(loginFailureHappening(session, user, reason))
    },
    banned(ban) {
      telemetry.banned(ban)
      if (events.wants('ban')) void events.tell(banHappening(ban))
    },
  }
}
