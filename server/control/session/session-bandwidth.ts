/** The limits that a session's transfers are under, by the configuration in force. */
import { currentUser } from '../../auth/authenticator.ts'
import type { Configuration } from '../../config/configuration.ts'
import type { Rates } from '../../config/schema/bandwidth.ts'
import { Pace, type PaceLimits } from '../../data/rate/pace.ts'
import type { Services } from '../services.ts'
import type { Session } from './session.ts'
import type { SessionState } from './session-state.ts'

export type Direction = 'upload' | 'download'

type Parts = { readonly services: Services; readonly state: SessionState }

/** Paces of one session. */
export class SessionBandwidth {
  readonly #paces: Readonly<Record<Direction, Pace>>

  constructor({ services, state }: Parts) {
    const paceOf = (direction: Direction): Pace => {
      let known:
        | {
            readonly configuration: Configuration
            readonly login: Session['login']
            readonly limits: PaceLimits | undefined
          }
        | undefined
      return new Pace(services.bandwidth, () => {
        const [inForce, { login }] = [services.configuration(), state.session]
        if (known?.configuration === inForce && known.login === login) return known.limits
        known = { configuration: inForce, login, limits: limitsOf(direction, state.session, inForce) }
        return known.limits
      })
    }
    this.#paces = { upload: paceOf('upload'), download: paceOf('download') }
  }

  of(direction: Direction): Pace {
    return this.#paces[direction]
  }
}

const fields = { upload: 'uploadBytesPerSecond', download: 'downloadBytesPerSecond' } as const

function limitsOf(
  direction: Direction,
  { login, listener }: Session,
  configuration: Configuration,
): PaceLimits | undefined {
  if (login.state !== 'logged-in' || login.isProbe === true) return undefined
  const { name } = login.user
  const { bandwidth, listeners } = configuration.server
  const own = currentUser(login.user, configuration)?.bandwidth
  const rateOf = (...rates: readonly (Rates | undefined)[]): number | undefined =>
    rates.map(each => each?.[fields[direction]]).find(rate => rate !== undefined)
  const perSession = rateOf(own?.perSession, bandwidth.perSession)
  const ofUser = rateOf(own, bandwidth.perUser)
  const ofListener = rateOf(listeners.find(each => each.name === listener.name)?.bandwidth)
  const shared = [
    ...(ofUser === undefined ? [] : [{ key: `user ${direction} ${name}`, bytesPerSecond: ofUser }]),
    ...(ofListener === undefined
      ? []
      : [{ key: `listener ${direction} ${listener.name}`, bytesPerSecond: ofListener }]),
  ]
  return perSession === undefined && shared.length === 0 ? undefined : { perSession, shared }
}
