/** A pod through which tests connect, so that they come with an address that is not the node's. Needs a route to pods. */
import { applyYaml, image, kubectl } from './cluster.ts'
import type { Place } from './sessions.ts'

const port = 8021

// One line says where to, `+` that it is there; from then on bytes go both ways.
const program = `
const { connect, createServer } = require('node:net')
createServer({ allowHalfOpen: true }, client => {
  client.on('error', () => {})
  client.once('data', line => {
    const [host, port] = line.toString().trim().split(' ')
    const server = connect({ host, port, allowHalfOpen: true }, () => {
      client.write('+')
      client.pipe(server)
      server.pipe(client)
    })
    server.on('error', () => client.destroy())
    client.on('error', () => server.destroy())
  })
}).listen(${port})
`

/** Resolves when it answers. It goes with its namespace. */
export async function startProxy(namespace: string): Promise<Place & { readonly name: string }> {
  const name = 'proxy'
  await applyYaml({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name,
          image,
          command: ['/usr/local/bin/node', '-e', program],
          readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  })
  await kubectl(['-n', namespace, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s'])
  return { name, host: await kubectl(['-n', namespace, 'get', 'pod', name, '-o', 'jsonpath={.status.podIP}']), port }
}
