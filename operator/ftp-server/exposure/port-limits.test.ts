import { expect, test } from 'vitest'
import { ftpServer, observe } from '../../../test/operator/samples.ts'
import { portLimits } from './port-limits.ts'

type Row = readonly [service: string, provider: string | undefined, ports: number, expected: string]

const rows: readonly Row[] = [
  ['{ type: NodePort }', 'aws', 1000, 'True NoLoadBalancer'],
  ['{}', undefined, 21, 'Unknown LoadBalancerUnknown'],
  ['{}', 'kind', 21, 'Unknown LoadBalancerUnknown'],
  ['{ loadBalancerClass: service.k8s.aws/nlb }', undefined, 50, 'True WithinLimits'],
  ['{ loadBalancerClass: service.k8s.aws/nlb }', undefined, 51, 'False TooManyPorts'],
  ['{ loadBalancerClass: eks.amazonaws.com/nlb }', undefined, 61, 'False TooManyPorts'],
  ['{ loadBalancerClass: example.com/other }', 'azure', 1000, 'Unknown LoadBalancerUnknown'],
  ['{ annotations: { service.beta.kubernetes.io/aws-load-balancer-type: nlb-ip } }', 'aws', 51, 'False TooManyPorts'],
  ['{}', 'aws', 51, 'True WithinLimits'],
  // A quota that can be raised.
  ['{}', 'aws', 101, 'Unknown TooManyPorts'],
  ['{}', 'azure', 300, 'True WithinLimits'],
  ['{}', 'azure', 301, 'False TooManyPorts'],
  ['{ annotations: { metallb.io/loadBalancerIPs: 192.0.2.21 } }', 'azure', 301, 'Unknown LoadBalancerUnknown'],
  ['{}', 'gce', 100, 'True WithinLimits'],
  ['{ annotations: { cloud.google.com/l4-rbs: enabled } }', undefined, 101, 'False TooManyPorts'],
  ['{ loadBalancerClass: networking.gke.io/l4-regional-external }', undefined, 101, 'False TooManyPorts'],
]

test.each(rows)('%s on %s with %d ports: %4$s', (service, provider, ports, expected) => {
  const server = ftpServer(`{ service: ${service}, storage: { emptyDir: {} } }`)
  const { status, reason, message } = portLimits(observe(server, { provider }), ports)
  expect(`${status} ${reason}`).toBe(expected)
  if (reason === 'WithinLimits' || reason === 'TooManyPorts') expect(message).toContain(`${ports} ports`)
})
