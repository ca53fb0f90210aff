/** What Prometheus sees: names and units by its conventions, and labels that only ever have few values. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { Durations } from './durations.ts'
import { Tally } from './tally.ts'

export type Metrics = ReturnType<typeof createMetrics>

export type MetricsOptions = {
  readonly version: string
  /** Version of Node. */
  readonly runtime: string
  /** Verbs of the command table: what a client makes up must not make series. */
  readonly verbs: Iterable<string>
}

/** A registry of its own, so that two servers in one process count apart. */
export function createMetrics({ version, runtime, verbs }: MetricsOptions) {
  const registry = new Registry()
  // How late the event loop is, is looked at ten times a second: a hundred times, as by default, takes most of what a process at rest takes.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 })
  const counter = <Label extends string = never>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: `ftp_${name}`, help, labelNames, registers: [registry] })
  /** A counter of what happens with every command or file. */
  const tally = (name: string, help: string, first: string, second?: string): Tally => {
    const counts = new Tally()
    new Counter({
      name: `ftp_${name}`,
      help,
      labelNames: second === undefined ? [first] : [first, second],
      registers: [registry],
      collect() {
        counts.take((amount, one, other) =>
          this.inc(second === undefined || other === '' ? { [first]: one } : { [first]: one, [second]: other }, amount),
        )
      },
    })
    return counts
  }
  /** The same for what rises and falls. */
  const level = (name: string, help: string, label: string): Tally => {
    const counts = new Tally()
    new Gauge({
      name: `ftp_${name}`,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        counts.take((amount, one) => this.inc({ [label]: one }, amount))
      },
    })
    return counts
  }
  /** A gauge of what changes with every file, which is set when Prometheus asks. */
  const reading = (name: string, help: string): { value: number } => {
    const current = { value: 0 }
    new Gauge({
      name: `ftp_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(current.value)
      },
    })
    return current
  }
  const gauge = <Label extends string = never>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name: `ftp_${name}`, help, labelNames, registers: [registry] })
  const durations = (name: string, help: string, bounds: readonly number[], label?: string): Durations =>
    new Durations({ name: `ftp_${name}`, help, bounds, registry, ...(label !== undefined && { label }) })

  new Gauge({
    name: 'ftp_build_info',
    help: 'Version of the server and of Node; always 1.',
    labelNames: ['version', 'node'],
    registers: [registry],
    // Of several processes as of one.
    aggregator: 'first',
  }).set({ version, node: runtime }, 1)
  const knownVerbs = new Set(verbs)

  return {
    registry,
    /** The verb as a label: `unknown` if the table does not have it. */
    verbLabel: (verb: string) => (knownVerbs.has(verb) ? verb : 'unknown'),

    sessions: level('sessions', 'Control connections that are open.', 'listener'),
    sessionsTotal: tally('sessions_total', 'Control connections that were accepted.', 'listener'),
    connectionsRefused: counter(
      'connections_refused_total',
      'Control connections that were refused.',
      'listener',
      'reason',
    ),
    logins: tally(
      'logins_total',
      'Attempts to log in: `success`, or why it failed; by virtual host, where one was named.',
      'result',
      'host',
    ),
    commands: tally('commands_total', 'Commands that were answered, by the code of the reply.', 'verb', 'code'),
    commandDuration: durations(
      'command_duration_seconds',
      'Time from a command to its (last) reply, transfers included.',
      [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    ),
    transfersActive: reading('transfers_active', 'Transfers that are running.'),
    transfers: tally('transfers_total', 'Transfers that ended.', 'direction', 'result'),
    transferBytes: tally('transfer_bytes_total', 'Bytes moved by transfers, as they move.', 'direction'),
    transferResultBytes: tally(
      'transfer_result_bytes_total',
      'Bytes moved by transfers that ended, by how they ended.',
      'direction',
      'result',
    ),
    transferDuration: durations(
      'transfer_duration_seconds',
      'Duration of transfers.',
      [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600],
      'direction',
    ),
    incompleteUploads: counter(
      'incomplete_uploads_total',
      'Uploads that were not answered with 226, by why: how the transfer ended, or what the storage refused.',
      'reason',
    ),
    stalePartialsRemoved: counter(
      'stale_partials_removed_total',
      'Atomic uploads that had broken off, and were removed because nobody went on with them.',
    ),
    homesRemoved: counter('homes_removed_total', 'Homes that were ordered to be removed, and are gone.'),
    homesNotRemoved: counter(
      'homes_not_removed_total',
      'Times that a home could not be removed as it was ordered, each reason once.',
    ),
    stalledVolumes: gauge(
      'stalled_volumes',
      'Volumes that have answered nothing for too long, such as NFS whose server is gone.',
    ),
    passivePortsInUse: reading('passive_ports_in_use', 'Passive ports on which sessions wait for their clients.'),
    passivePortsExhausted: counter(
      'passive_ports_exhausted_total',
      'PASV and EPSV that were answered with 425, because no port was free in time.',
    ),
    descriptorsExhausted: counter(
      'descriptors_exhausted_seconds_total',
      'Seconds in which a process had no descriptor left, and closed connections that came.',
    ),
    strayDataConnections: counter(
      'stray_data_connections_total',
      'Connections to passive ports from others than the client.',
    ),
    tlsFailures: counter('tls_failures_total', 'TLS handshakes that failed.', 'channel'),
    offences: counter(
      'offences_total',
      'What counted against clients: failed logins and abuse of the protocol.',
      'offence',
    ),
    bans: counter('bans_total', 'Clients that were banned by this server, by what they did last.', 'offence'),
    bansActive: gauge('bans_active', 'Bans in force, those given by other servers included.'),
    eventsSpooled: counter('events_spooled_total', 'Events that were written to the spool.'),
    eventsSent: counter('events_sent_total', 'Events that a sink has taken.', 'sink'),
    eventFailures: counter(
      'event_failures_total',
      'Attempts to send an event that failed: `retry`, or `refused` where the sink does not take this event.',
      'sink',
      'consequence',
    ),
    eventsDropped: counter(
      'events_dropped_total',
      'Events that are lost, by why; for one sink, or for all where that is empty.',
      'reason',
      'sink',
    ),
    eventSpoolBytes: gauge('event_spool_bytes', 'Size of the spool of events when it was written to last.'),
    relaysActive: gauge('relays_active', 'Data connections that are being relayed to other servers.'),
    relays: counter(
      'relays_total',
      'Data connections that were relayed to other servers, by how they ended.',
      'result',
    ),
    relayFailures: counter(
      'relay_failures_total',
      'Connections for passive ports of other servers that were not relayed, by why.',
      'reason',
    ),
    relayBytes: counter('relay_bytes_total', 'Bytes that were relayed: `to-owner`, `to-client`.', 'direction'),
    handovers: counter(
      'handovers_total',
      'Data connections that other servers have handed over: `taken`, or why not.',
      'result',
    ),
    faults: counter('faults_total', 'Defects of the server that came to light; see the log.'),

    workers: gauge('workers', 'Processes that serve sessions beside the first one; 0 if that serves them itself.'),
    workerDeaths: counter('worker_deaths_total', 'Processes that ended by themselves, with their sessions.'),
    workerSilences: counter(
      'worker_silences_total',
      'Times a process did not answer: metrics and status were given without its news, or it was killed.',
      'consequence',
    ),

    users: gauge('users', 'Users in force.'),
    configurationReloads: counter('configuration_reloads_total', 'Attempts to load the configuration.', 'result'),
    configurationLastSuccess: gauge(
      'configuration_last_success_timestamp_seconds',
      'When the configuration in force was loaded.',
    ),
    configurationInfo: gauge('configuration_info', 'Hash of the configuration in force; always 1.', 'hash'),
    configurationProblems: gauge(
      'configuration_problems',
      'Errors that the files had when they were last read; 0 if all of them are in force.',
    ),
    certificateExpiry: gauge('certificate_expiry_timestamp_seconds', 'When the TLS certificate in use expires.'),
  }
}
