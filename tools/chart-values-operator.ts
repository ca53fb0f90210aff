/** The values of the chart `ftp-operator`. */
import { flag, list, objectName, oneOf, record, text, textLike, whole } from '../operator/api/fields.ts'
import {
  annotationsValue,
  globalValue,
  image,
  kubernetesObjects,
  labelsValue,
  nameFields,
  nameOrNothing,
  podFields,
  podMonitor,
  serviceAccount,
} from './chart-values-fields.ts'

const network = textLike(/^[0-9a-fA-F.:]+\/[0-9]{1,3}$/, { maxLength: 64, description: 'A network in CIDR notation.' })

export const operatorChartValues = record(
  {
    ...nameFields,
    image: image('ftp-operator'),
    serverImage: text({
      maxLength: 512,
      default: '',
      description: 'Image of the FTP servers, with its tag or digest. The operator’s own, which has both, if empty.',
    }),
    replicas: whole({
      minimum: 0,
      maximum: 10,
      default: 1,
      description: 'Pods of the operator. One of them leads, the others stand by.',
    }),
    namespaces: list(objectName('A namespace.'), {
      maxItems: 256,
      default: [],
      description:
        'Namespaces whose FtpServers and FtpUsers are looked after, with a Role in each. All namespaces, with a ClusterRole, if empty.',
    }),
    clusterNetworks: list(network, {
      maxItems: 64,
      default: [],
      description:
        'Networks of the pods of the cluster, such as `10.244.0.0/16`. Clients from there are told the address of the Service within the cluster.',
    }),
    workers: whole({ minimum: 1, maximum: 64, default: 4, description: 'FtpServers that are worked on at once.' }),
    logLevel: oneOf(['debug', 'info', 'warn', 'error'], { default: 'info', description: 'Lowest level of the log.' }),
    leaderElection: record(
      { enabled: flag({ default: true, description: 'Needed for more than one pod, and while pods are replaced.' }) },
      { description: 'Leader election by a Lease in the namespace of the release, named as its Deployment.' },
    ),
    crds: record(
      {
        enabled: flag({ default: true, description: 'Whether the chart installs and upgrades the definition.' }),
        keep: flag({
          default: true,
          description: 'Whether it stays when the release is uninstalled, and with it all FtpServers.',
        }),
      },
      { description: 'The CustomResourceDefinition of FtpServer.' },
    ),
    rbac: record(
      {
        create: flag({ default: true, description: 'Whether the chart makes the roles of the operator.' }),
        nodes: flag({
          default: true,
          description:
            'Whether the operator may read nodes, for the addresses of Services of type `NodePort` and of `hostNetwork`. Takes a ClusterRole.',
        }),
        aggregate: flag({
          default: true,
          description:
            'Whether the usual roles `view`, `edit` and `admin` take in FtpServers and FtpUsers. Takes ClusterRoles.',
        }),
      },
      { description: 'Who may do what.' },
    ),
    serviceAccount,
    podDisruptionBudget: record(
      { enabled: flag({ default: true, description: 'Whether there is one, with more than one replica.' }) },
      { description: 'A PodDisruptionBudget: one pod at a time is evicted.' },
    ),
    networkPolicy: record(
      {
        enabled: flag({ default: true, description: 'Whether there is one. It lets in probes and metrics only.' }),
        metricsFrom: kubernetesObjects('Who may read the metrics: peers as in a NetworkPolicy. Anyone if empty.'),
        egress: kubernetesObjects(
          'Where the operator may connect to: rules as in a NetworkPolicy. They must let through the API server, DNS, and port 8080 of the server pods. Anywhere if empty.',
        ),
      },
      { description: 'A NetworkPolicy for the pods of the operator.' },
    ),
    monitoring: record(
      {
        podMonitor,
        prometheusRule: record(
          {
            enabled: flag({ default: false, description: 'Whether there is one, with alerts about the operator.' }),
            labels: labelsValue('Its labels, by which Prometheus selects it.'),
          },
          { description: 'A PrometheusRule of the Prometheus operator.' },
        ),
        dashboards: record(
          {
            enabled: flag({ default: false, description: 'Whether there is a ConfigMap with the dashboards.' }),
            namespace: nameOrNothing('Its namespace; that of the release if empty.'),
            labels: {
              ...labelsValue('Its labels, by which Grafana’s sidecar finds it.'),
              default: { grafana_dashboard: '1' },
            },
            annotations: annotationsValue('Its annotations, such as the folder in Grafana.'),
          },
          { description: 'Grafana dashboards of the operator and of all servers.' },
        ),
      },
      { description: 'Monitoring.' },
    ),
    ...podFields({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '256Mi' } }),
    extraArgs: list(text({ maxLength: 1024, description: 'An argument.' }), {
      maxItems: 64,
      default: [],
      description: 'Further arguments of the operator.',
    }),
    global: globalValue,
  },
  { description: 'Values of the chart ftp-operator.' },
)
