/** The external metrics API for a test: a pod that serves the sum of the sessions of a server’s pods, as they tell it themselves. */

import { selfSigned } from '../certificates.ts'
import { eventually } from '../eventually.ts'
import { applyYaml, image, kubectl } from './cluster.ts'

const name = 'external-metrics'
const apiService = 'v1beta1.external.metrics.k8s.io'
const group = '/apis/external.metrics.k8s.io/v1beta1'

// What prometheus-adapter and KEDA do by way of a Prometheus.
const program = `
const https = require('node:https')
const { readFileSync } = require('node:fs')
const account = '/var/run/secrets/kubernetes.io/serviceaccount/'
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, NAMESPACE, CERTIFICATE, KEY } = process.env
const list = path => new Promise((resolve, reject) => {
  const headers = { authorization: 'Bearer ' + readFileSync(account + 'token', 'utf8') }
  https.get({ host, port, path, headers, ca: readFileSync(account + 'ca.crt'), timeout: 5000 }, response => {
    let text = ''
    response.on('data', part => { text += part }).on('end', () => resolve(JSON.parse(text)))
  }).on('error', reject)
})
const sessionsOf = async address => {
  const signal = AbortSignal.timeout(3000)
  const text = await fetch('http://' + address + ':8080/metrics', { signal }).then(answer => answer.text(), () => '')
  return [...text.matchAll(/^ftp_sessions(?:\\{.*\\})? (\\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
}
const sum = async instance => {
  const { items } = await list('/api/v1/namespaces/' + NAMESPACE + '/pods?labelSelector=app.kubernetes.io%2Finstance%3D' + instance)
  const counts = await Promise.all(items.flatMap(({ status }) => status.podIP ? [sessionsOf(status.podIP)] : []))
  return counts.reduce((all, count) => all + count, 0)
}
const answer = async url => {
  const { pathname, searchParams } = new URL(url, 'https://localhost')
  if (pathname === '${group}') {
    const resource = { name: 'ftp_sessions', singularName: '', namespaced: true, kind: 'ExternalMetricValueList', verbs: ['get'] }
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'external.metrics.k8s.io/v1beta1', resources: [resource] }
  }
  if (pathname !== '${group}/namespaces/' + NAMESPACE + '/ftp_sessions') return undefined
  const instance = /^app_kubernetes_io_instance=(.+)$/.exec(searchParams.get('labelSelector') ?? '')?.[1]
  const value = String(await sum(instance))
  const item = { metricName: 'ftp_sessions', metricLabels: {}, timestamp: new Date().toISOString(), value }
  return { kind: 'ExternalMetricValueList', apiVersion: 'external.metrics.k8s.io/v1beta1', metadata: {}, items: [item] }
}
https.createServer({ cert: CERTIFICATE, key: KEY }, (request, response) => {
  answer(request.url).then(
    body => response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {})),
    error => response.writeHead(500).end(String(error)),
  )
}).listen(6443)
`

/** Whether somebody else serves these metrics in the cluster, of whom there can be only one. */
export async function isServedByOthers(): Promise<boolean> {
  const found = await kubectl(['get', 'apiservice', apiService, '--ignore-not-found', '-o', 'name'])
  return found !== ''
}

/** Resolves when the API server passes questions on to it. An API that does not answer holds up the deletion of all namespaces: whoever starts it closes it. */
export async function startExternalMetrics(namespace: string): Promise<{ close(): Promise<void> }> {
  const { certificate, key } = await selfSigned(name)
  const metadata = { name, namespace }
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name }
  await applyYaml(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: role,
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: name }, ports: [{ port: 443, targetPort: 6443 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      // By this name NetworkPolicies of servers let it in.
      metadata: { ...metadata, labels: { app: name, 'app.kubernetes.io/name': 'prometheus' } },
      spec: {
        serviceAccountName: name,
        terminationGracePeriodSeconds: 0,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name,
            image,
            command: ['/usr/local/bin/node', '-e', program],
            env: Object.entries({ NAMESPACE: namespace, CERTIFICATE: certificate, KEY: key }).map(
              ([variable, value]) => ({ name: variable, value }),
            ),
            readinessProbe: { tcpSocket: { port: 6443 }, periodSeconds: 1 },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    },
  )
  await kubectl(['-n', namespace, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s'])
  const close = async () => {
    await kubectl(['delete', 'apiservice', apiService, '--ignore-not-found'])
    await kubectl(['-n', namespace, 'delete', 'pod', name, '--ignore-not-found'])
  }
  try {
    await applyYaml({
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: apiService },
      spec: {
        group: 'external.metrics.k8s.io',
        version: 'v1beta1',
        service: { name, namespace },
        insecureSkipTLSVerify: true,
        groupPriorityMinimum: 100,
        versionPriority: 100,
      },
    })
    await eventually(() => kubectl(['get', '--raw', group]), 'the API server passes questions on', 60_000)
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}
