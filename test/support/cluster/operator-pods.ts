/** What the operator's pods say of themselves, read as a person would: by kubectl. */
import { kubectl } from './cluster.ts'

const selector = 'app.kubernetes.io/name=ftp-operator'

/** Names of the pods that are not on their way out. */
export async function operatorPods(namespace: string): Promise<readonly string[]> {
  const template = '{range .items[*]}{.metadata.name}={.metadata.deletionTimestamp}{"\\n"}{end}'
  const lines = await kubectl(['-n', namespace, 'get', 'pods', '-l', selector, '-o', `jsonpath=${template}`])
  return lines.split('\n').flatMap(line => (line.endsWith('=') ? [line.slice(0, -1)] : []))
}

/** The pods that lead. */
export async function leaders(namespace: string): Promise<readonly string[]> {
  const pods = await operatorPods(namespace)
  const metrics = await Promise.all(pods.map(pod => metricsOf(namespace, pod)))
  return pods.filter((_, index) => /^leader_election_master_status\{.*\} 1$/m.test(metrics[index] ?? ''))
}

/** Requests that the API server did not allow them, by their metrics and by their logs. */
export async function deniedRequests(namespace: string): Promise<readonly string[]> {
  const pods = await operatorPods(namespace)
  if (pods.length === 0) throw new Error(`no pod of the operator in ${namespace}`)
  const found = await Promise.all(
    pods.map(async pod => {
      const [metrics, log] = await Promise.all([metricsOf(namespace, pod), kubectl(['-n', namespace, 'logs', pod])])
      if (!metrics.includes('rest_client_requests_total{')) throw new Error(`${pod} counts no requests`)
      return [
        ...metrics.split('\n').filter(line => /^rest_client_requests_total\{.*code="40[13]"/.test(line)),
        ...log
          .split('\n')
          .filter(line => /\b40[13]\b.*\b(status|code)|"status":40[13]|forbidden|unauthorized/i.test(line)),
      ]
    }),
  )
  return found.flat()
}

async function metricsOf(namespace: string, pod: string): Promise<string> {
  return kubectl(['get', '--raw', `/api/v1/namespaces/${namespace}/pods/${pod}:8081/proxy/metrics`])
}
