/** Metrics of the pods of an FtpServer, through the API server: that works wherever kubectl does. */
import { kubectl } from './cluster.ts'
import { podsOf } from './pods.ts'

type Server = { readonly namespace: string; readonly name: string }

/** The sum of a metric over all its labels that contain the text, and over all pods. */
export async function metricOverAll(server: Server, name: string, label = ''): Promise<number> {
  const pods = await podsOf(server.namespace, server.name)
  const values = await Promise.all(pods.map(pod => metricOf(server.namespace, pod.name, name, label)))
  return values.reduce((sum, value) => sum + value, 0)
}

export async function metricOf(namespace: string, pod: string, name: string, label = ''): Promise<number> {
  const text = await kubectl(['get', '--raw', `/api/v1/namespaces/${namespace}/pods/${pod}:8080/proxy/metrics`])
  const lines = text.split('\n').filter(line => line.startsWith(name) && line.includes(label))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
