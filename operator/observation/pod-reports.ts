/** Asks server pods what they say of themselves at `/status`. */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { probesPort } from '../desired/ports.ts'
import { readReport } from './live.ts'
import type { ServerReport } from './observation.ts'

// A change of users waits for it where a pod hangs.
const timeoutMilliseconds = 1000
const maxBytes = 4 * 1024 * 1024

/** What the server at an address says; undefined if it does not answer in time, or nonsense. Never rejects. */
export async function fetchReport(address: string, signal: AbortSignal): Promise<ServerReport | undefined> {
  const timed = AbortSignal.any([signal, AbortSignal.timeout(timeoutMilliseconds)])
  try {
    // Not undici: until it is connected it does not heed the signal, and a pod that has vanished lets it wait for 10 s.
    const request = get({ host: address, port: probesPort, path: '/status', agent: false, signal: timed })
    // Of an end in the midst of the answer both tell.
    request.on('error', () => undefined)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    if (response.statusCode !== 200) {
      response.destroy()
      return undefined
    }
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length
      if (bytes > maxBytes) return undefined
      chunks.push(chunk as Buffer)
    }
    return readReport(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  } catch {
    return undefined
  }
}
