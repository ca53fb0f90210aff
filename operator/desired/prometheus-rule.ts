/** PrometheusRule: alerts for what a person has to do something about. */
import type { Blueprint } from './blueprint.ts'
import { claimName } from './claim.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { passiveRange, portsOf } from './ports.ts'

type Alert = {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: 'critical' | 'warning' | 'info' }
  readonly annotations: { readonly summary: string; readonly description: string }
}
export type PrometheusRuleFields = {
  readonly spec: { readonly groups: readonly { readonly name: string; readonly rules: readonly Alert[] }[] }
}

export function prometheusRule(blueprint: Blueprint): Built<PrometheusRuleFields> | undefined {
  const { metadata, spec } = blueprint.server
  if (spec.monitoring.prometheusRule === 'Disabled' || !blueprint.served.prometheusRule) return undefined
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: metadataOf(blueprint, metadata.name, { labels: spec.monitoring.labels }),
    spec: { groups: [{ name: `ftp-server-${metadata.name}`, rules: alerts(blueprint) }] },
  }
}

function alerts({ server, rollout, certificate }: Blueprint): readonly Alert[] {
  const { name, namespace } = server.metadata
  const { limits, passive } = server.spec
  const ports = portsOf(passiveRange(passive, { replica: 0, half: 'a', rollout })).length
  const claim = claimName(server)
  // The label that the PodMonitor takes over from the pods.
  const pods = `namespace="${namespace}",app_kubernetes_io_instance="${name}"`
  const who = `The FTP server ${namespace}/${name}`
  return [
    ...(server.spec.suspend || server.spec.replicas === 0
      ? []
      : [
          {
            alert: 'FtpServerDown',
            expr: `absent(up{${pods}} == 1)`,
            for: '5m',
            labels: { severity: 'critical' },
            annotations: {
              summary: 'FTP server is down',
              description: `${who} has had no pod that answers for 5 minutes.`,
            },
          } as const,
        ]),
    {
      alert: 'FtpServerConfigurationRejected',
      expr: `max by (namespace, pod) (ftp_configuration_problems{${pods}}) > 0`,
      for: '10m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'FTP server refuses a part of its configuration',
        description: `${who} has {{ $value }} errors in its configuration or lists of users; the last good version of these parts is in force. The log of pod {{ $labels.pod }} and the conditions of the FtpServer say which.`,
      },
    },
    ...(certificate.kind === 'none'
      ? []
      : [
          {
            alert: 'FtpServerCertificateExpires',
            expr: `min by (namespace, pod) (ftp_certificate_expiry_timestamp_seconds{${pods}}) - time() < ${warningSeconds(server)}`,
            for: '1h',
            labels: { severity: 'critical' },
            annotations: {
              summary: 'Certificate of the FTP server was not renewed',
              description: `The certificate of ${namespace}/${name} expires in {{ $value | humanizeDuration }}.`,
            },
          } as const,
        ]),
    {
      alert: 'FtpServerSessionsNearLimit',
      expr: `sum by (namespace, pod) (ftp_sessions{${pods}}) > ${Math.floor(limits.maxSessions * 0.9)}`,
      for: '5m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'FTP server has nearly as many sessions as it takes',
        description: `{{ $labels.pod }} has {{ $value }} sessions; it takes ${limits.maxSessions} (spec.limits.maxSessions).`,
      },
    },
    {
      alert: 'FtpServerPassivePortsExhausted',
      expr: `sum by (namespace, pod) (increase(ftp_passive_ports_exhausted_total{${pods}}[10m])) > 0`,
      for: '2m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'FTP server has no passive port left',
        description: `Clients of {{ $labels.pod }} get 425 because others with the same address have all ${ports} passive ports. TLS whose session is resumed shares them, addresses of clients that reach the server do; or more replicas, or a wider spec.passive.portsPerReplica; or a firewall keeps clients from connecting to them.`,
      },
    },
    {
      alert: 'FtpServerTransfersFail',
      expr: `sum by (namespace) (rate(ftp_transfers_total{${pods},result!~"complete|aborted"}[15m])) / sum by (namespace) (rate(ftp_transfers_total{${pods}}[15m])) > 0.2`,
      for: '15m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'Many transfers of the FTP server fail',
        description: `{{ $value | humanizePercentage }} of the transfers of ${namespace}/${name} fail. The log says why, transfer by transfer.`,
      },
    },
    {
      alert: 'FtpServerStrayDataConnections',
      expr: `sum by (namespace) (rate(ftp_stray_data_connections_total{${pods}}[10m])) > 0.1`,
      for: '15m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'Strangers connect to passive ports of the FTP server',
        description: `Data connections to ${namespace}/${name} come from other addresses than those of the sessions: somebody scans, or the network hides the addresses of clients (spec.passive.peerCheck).`,
      },
    },
    {
      alert: 'FtpServerLoginsFail',
      expr: `sum by (namespace) (rate(ftp_logins_total{${pods},result!="success"}[10m])) > 1`,
      for: '10m',
      labels: { severity: 'info' },
      annotations: {
        summary: 'Many failed logins at the FTP server',
        description: `{{ $value | humanize }} logins a second fail at ${namespace}/${name}: somebody guesses passwords, or a client has an old one.`,
      },
    },
    {
      alert: 'FtpServerFaults',
      expr: `sum by (namespace, pod) (increase(ftp_faults_total{${pods}}[15m])) > 0`,
      for: '0m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'FTP server met a defect of its own',
        description: `The log of {{ $labels.pod }} has what is to be reported.`,
      },
    },
    ...(claim === undefined
      ? []
      : [
          {
            alert: 'FtpServerVolumeFull',
            expr: `kubelet_volume_stats_available_bytes{namespace="${namespace}",persistentvolumeclaim="${claim}"} / kubelet_volume_stats_capacity_bytes{namespace="${namespace}",persistentvolumeclaim="${claim}"} < 0.1`,
            for: '5m',
            labels: { severity: 'warning' },
            annotations: {
              summary: 'Volume of the FTP server is nearly full',
              description: `{{ $value | humanizePercentage }} of the volume of ${namespace}/${name} is free; it can grow by spec.storage.claim.size.`,
            },
          } as const,
        ]),
  ]
}

// The operator and cert-manager renew when a third of the time is left: much less means that it failed.
function warningSeconds({ spec }: Blueprint['server']): number {
  const { selfSigned } = spec.tls
  const days = selfSigned === undefined ? 7 : Math.min(7, selfSigned.validityDays / 6)
  return Math.round(days * 86_400)
}
