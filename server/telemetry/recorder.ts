/** Turns what happens into lines of the log and into metrics. */
import type { Logger } from 'pino'
import type { Problem } from '../config/configuration.ts'
import { isProbeSession, type Session } from '../control/session/session.ts'
import type { Metrics } from './metrics.ts'
import type { Telemetry, TransferRecord } from './telemetry.ts'
import { shownName, shownPath } from './text.ts'
import type { TransferLog } from './xferlog.ts'

export type RecorderOptions = {
  readonly logger: Logger
  readonly metrics: Metrics
  /** Writes lines of transfers in another format, where that is wanted. */
  readonly transferLog?: Pick<TransferLog, 'write'>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** The telemetry of a running server. Sessions and refusals are logged quietly: probes of load balancers are among them. */
export function createTelemetry({ logger, metrics, transferLog, now = Date.now }: RecorderOptions): Telemetry {
  const quietly = limitRepeats(now)
  return {
    connectionRefused(listener, address, reason, detail) {
      metrics.connectionsRefused.inc({ listener, reason })
      const suppressed = quietly(`${listener} ${reason}`)
      if (suppressed !== undefined) logger.warn({ listener, address, reason, detail, suppressed }, 'connection refused')
    },
    sessionOpened(session) {
      metrics.sessions.add(1, session.listener.name)
      metrics.sessionsTotal.add(1, session.listener.name)
      if (logger.isLevelEnabled('debug')) logger.debug(about(session), 'session opened')
    },
    sessionClosed(session, reason) {
      metrics.sessions.add(-1, session.listener.name)
      const level = session.login.state === 'logged-in' && !isProbeSession(session) ? 'info' : 'debug'
      if (!logger.isLevelEnabled(level)) return
      logger[level]({ ...about(session), reason, durationSeconds: (now() - session.started) / 1000 }, 'session closed')
    },
    loggedIn(session, user, method) {
      metrics.logins.add(1, 'success', session.host)
      if (!logger.isLevelEnabled('info')) return
      logger.info({ ...about(session), user: shownName(user), method, protection: session.protection }, 'logged in')
    },
    probeLoggedIn(session) {
      metrics.sessions.add(-1, session.listener.name)
      if (logger.isLevelEnabled('debug')) logger.debug(about(session), 'probe logged in')
    },
    probeLoggedOut(session) {
      metrics.sessions.add(1, session.listener.name)
    },
    loginFailed(session, user, reason) {
      metrics.logins.add(1, reason, session.host)
      logger.warn({ ...about(session), user: shownName(user), reason }, 'login failed')
    },
    command(session, verb, code, durationSeconds) {
      const label = metrics.verbLabel(verb)
      metrics.commands.add(1, label, code)
      metrics.commandDuration.add(durationSeconds)
      // Most commands are not logged: nothing is put together for them.
      if (logger.isLevelEnabled('debug')) {
        logger.debug({ ...about(session), verb: label, code, durationSeconds }, 'command')
      }
    },
    transferStarted() {
      metrics.transfersActive.value += 1
    },
    transferMoved(_session, direction, bytes) {
      metrics.transferBytes.add(bytes, direction)
    },
    transferEnded(session, transfer) {
      const { direction, bytes, outcome, durationSeconds } = transfer
      metrics.transfersActive.value -= 1
      metrics.transfers.add(1, direction, outcome)
      metrics.transferResultBytes.add(bytes, direction, outcome)
      metrics.transferDuration.add(durationSeconds, direction)
      const level = outcome === 'storage-failed' ? 'warn' : 'info'
      const isWritten = transferLog?.write(session, transfer, now()) === true
      if (!isWritten && logger.isLevelEnabled(level)) logger[level](aboutTransfer(session, transfer), 'transfer ended')
      if (direction !== 'upload' || outcome === 'complete') return undefined
      const { user, path, verb, code } = transfer
      const reason = transfer.storageError ?? outcome
      metrics.incompleteUploads.inc({ reason })
      const told = { user: shownName(user), path: shownPath(path), reason, verb, bytes, code }
      logger.warn({ ...about(session), ...told }, 'upload incomplete')
      return undefined
    },
    fileChanged() {
      return undefined
    },
    eventsSpooled(count, bytes) {
      metrics.eventsSpooled.inc(count)
      metrics.eventSpoolBytes.set(bytes)
    },
    eventsDropped(reason, count, sink) {
      metrics.eventsDropped.inc({ reason, sink: sink ?? '' }, count)
      const suppressed = quietly(`events ${reason} ${sink ?? ''}`)
      if (suppressed !== undefined) logger.warn({ reason, sink, count, suppressed }, 'events are lost')
    },
    eventSent(sink, attempt) {
      metrics.eventsSent.inc({ sink })
      if (attempt > 1) logger.info({ sink, attempt }, 'sink takes events again')
    },
    eventFailed(sink, reason, retrySeconds) {
      metrics.eventFailures.inc({ sink, consequence: retrySeconds === undefined ? 'refused' : 'retry' })
      const suppressed = quietly(`event ${sink} ${retrySeconds === undefined}`)
      if (suppressed === undefined) return
      logger.warn({ sink, reason: shownName(reason), retrySeconds, suppressed }, 'event not taken by its sink')
    },
    eventSpoolTrouble(directory, error) {
      if (error === undefined) logger.info({ directory }, 'events are kept again')
      else {
        const reason = error instanceof Error ? error.message : 'unknown'
        logger.error({ directory, reason }, 'events can’t be kept, and are lost')
      }
    },
    eventsTakenOver(count) {
      logger.info({ count }, 'events taken over')
    },
    stalePartialsRemoved(count) {
      metrics.stalePartialsRemoved.inc(count)
      logger.info({ count }, 'stale partial uploads removed')
    },
    homeRemoved(user, home, removed) {
      metrics.homesRemoved.inc()
      logger.info({ user, home: shownPath(home), removed }, 'home removed')
    },
    homeNotRemoved(user, home, reason) {
      metrics.homesNotRemoved.inc()
      logger.warn({ user, home: shownPath(home), reason }, 'home not removed')
    },
    volumeStalled(directory) {
      metrics.stalledVolumes.inc()
      logger.error({ directory }, 'volume does not answer')
    },
    volumeAnswering(directory) {
      metrics.stalledVolumes.dec()
      logger.info({ directory }, 'volume answers again')
    },
    strayDataConnection(session, address, port) {
      metrics.strayDataConnections.inc()
      const suppressed = quietly('stray')
      if (suppressed === undefined) return
      logger.warn({ ...about(session), from: address, passivePort: port, suppressed }, 'stray data connection')
    },
    tlsFailed(session, channel, message) {
      metrics.tlsFailures.inc({ channel })
      const suppressed = quietly(`tls ${channel}`)
      if (suppressed === undefined) return
      logger.warn({ ...about(session), channel, reason: shownName(message), suppressed }, 'TLS handshake failed')
    },
    offended(offence) {
      metrics.offences.inc({ offence })
    },
    banned({ client, from, until, count, offence }) {
      metrics.bans.inc({ offence })
      const ends = new Date(until).toISOString()
      logger.warn({ client, offence, count, seconds: Math.round((until - from) / 1000), until: ends }, 'client banned')
    },
    banEnded({ client, count }, reason) {
      logger.info({ client, count, reason }, 'ban ended')
    },
    bansTakenOver(count) {
      logger.info({ count }, 'bans taken over')
    },
    bansInForce(count) {
      metrics.bansActive.set(count)
    },
    banFilesIgnored(directory, files) {
      logger.warn({ directory, files: files.slice(0, maxListedProblems).map(shownName) }, 'files of bans ignored')
    },
    banSharing(directory, error) {
      if (error === undefined) logger.info({ directory }, 'bans are kept and shared again')
      else
        logger.warn(
          { directory, reason: error instanceof Error ? error.message : 'unknown' },
          'bans are kept in memory only',
        )
    },
    relayBegun() {
      metrics.relaysActive.inc()
    },
    relayEnded(result, { toOwner, toClient }) {
      metrics.relaysActive.dec()
      metrics.relays.inc({ result })
      metrics.relayBytes.inc({ direction: 'to-owner' }, toOwner)
      metrics.relayBytes.inc({ direction: 'to-client' }, toClient)
    },
    relayFailed(reason, client, port) {
      metrics.relayFailures.inc({ reason })
      const suppressed = quietly(`relay ${reason}`)
      if (suppressed === undefined) return
      logger.warn({ reason, address: client, passivePort: port, suppressed }, 'data connection not relayed')
    },
    handedOver() {
      metrics.handovers.inc({ result: 'taken' })
    },
    handoverRefused(reason, from) {
      metrics.handovers.inc({ result: reason })
      const suppressed = quietly(`handover ${reason}`)
      if (suppressed !== undefined) logger.warn({ reason, from, suppressed }, 'relayed data connection refused')
    },
    passivePortsExhausted(reason) {
      metrics.passivePortsExhausted.inc()
      const suppressed = quietly('passive ports')
      if (suppressed !== undefined) logger.warn({ reason, suppressed }, 'no passive port is free')
    },
    descriptorsExhausted() {
      metrics.descriptorsExhausted.inc()
      const suppressed = quietly('descriptors')
      if (suppressed !== undefined) logger.warn({ suppressed }, 'no descriptors left; connections are closed unseen')
    },
    passivePortsInUse(count) {
      metrics.passivePortsInUse.value = count
    },
    reloaded(hash, users, problems) {
      metrics.configurationReloads.inc({ result: 'success' })
      metrics.configurationLastSuccess.set(now() / 1000)
      metrics.configurationInfo.reset()
      metrics.configurationInfo.set({ hash }, 1)
      metrics.configurationProblems.set(problems.length)
      metrics.users.set(users)
      const level = problems.length > 0 ? 'warn' : 'info'
      logger[level]({ hash, users, ...listed(problems) }, 'configuration in force')
    },
    reloadFailed(problems) {
      metrics.configurationReloads.inc({ result: 'failure' })
      metrics.configurationProblems.set(problems.length)
      logger.error(listed(problems), 'configuration refused; the last good one stays in force')
    },
    listeningChanged(problems) {
      metrics.configurationProblems.set(problems.length)
      if (problems.length === 0) logger.info('all ports are open')
      else logger.warn(listed(problems), 'other ports can be listened on than before')
    },
    workerStarted(worker, pid) {
      metrics.workers.inc()
      logger.info({ worker, pid }, 'worker started')
    },
    workerEnded(worker, { how, lostSessions, expected }, replacedInSeconds) {
      metrics.workers.dec()
      if (expected) return logger.info({ worker, how }, 'worker ended')
      metrics.workerDeaths.inc()
      logger.error({ worker, how, lostSessions, replacedInSeconds }, 'worker died')
    },
    workerSilent(worker, consequence) {
      metrics.workerSilences.inc({ consequence })
      logger.warn({ worker, consequence }, 'worker does not answer')
    },
    certificateExpires(time) {
      metrics.certificateExpiry.set(time / 1000)
      logger.info({ expires: new Date(time).toISOString() }, 'certificate in use')
    },
    fault(error, session) {
      metrics.faults.inc()
      const err = error instanceof Error ? error : new Error(String(error))
      logger.error({ ...(session && about(session)), err }, 'fault')
    },
  }
}

function about({ id, listener, peer, login, host }: Session) {
  return {
    session: id,
    listener: listener.name,
    address: peer.address,
    port: peer.port,
    ...(host !== undefined && { host }),
    ...(login.state === 'logged-in' && { user: login.user.name }),
  }
}

function aboutTransfer(session: Session, { user, path, outcome, ...record }: TransferRecord) {
  return { ...about(session), user: shownName(user), path: shownPath(path), result: outcome, ...record }
}

/** Hosts are a closed set: what a client names is one only if the configuration has it. */
const maxListedProblems = 100

function listed(problems: readonly Problem[]) {
  if (problems.length === 0) return {}
  return { problemCount: problems.length, problems: problems.slice(0, maxListedProblems) }
}

const repeatSeconds = 1
const maxRemembered = 64

/** For what a stranger can cause as fast as the network allows: how many of the kind were left out since the last line, or undefined if this one is to be left out. */
function limitRepeats(now: () => number): (kind: string) => number | undefined {
  const kinds = new Map<string, { last: number; suppressed: number }>()
  return kind => {
    const time = now()
    const seen = kinds.get(kind)
    if (seen && Math.abs(time - seen.last) < repeatSeconds * 1000) {
      seen.suppressed += 1
      return undefined
    }
    if (kinds.size >= maxRemembered) kinds.clear()
    kinds.set(kind, { last: time, suppressed: 0 })
    return seen?.suppressed ?? 0
  }
}
