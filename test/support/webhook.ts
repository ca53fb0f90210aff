/** An HTTP server that takes events, as a test tells it to. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CloudEvent } from '../../server/events/event.ts'

export type Received = {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Of structured mode. */
  readonly event: CloudEvent
}

/** A status to answer with, `hang` for no answer, or `reset` for a broken connection. */
export type Behaviour = number | 'hang' | 'reset'

export type Webhook = {
  readonly port: number
  readonly url: string
  /** Events that were answered with a status below 300, in their order. */
  readonly taken: Received[]
  /** All requests. */
  readonly asked: Received[]
  behaviour: Behaviour
  close(): Promise<void>
}

export async function startWebhook(port = 0): Promise<Webhook> {
  const asked: Received[] = []
  const taken: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const received = { headers: request.headers, body, event: JSON.parse(body) as CloudEvent }
      asked.push(received)
      if (webhook.behaviour === 'hang') return
      if (webhook.behaviour === 'reset') return request.socket.resetAndDestroy()
      if (webhook.behaviour < 300) taken.push(received)
      response.writeHead(webhook.behaviour).end('thank you')
    })
    request.on('error', () => undefined)
  })
  await listen(server, port)
  const webhook: Webhook = {
    port: (server.address() as AddressInfo).port,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    asked,
    taken,
    behaviour: 204,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return webhook
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}
