/** Why pods have not relayed, by what they count themselves. */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'

/** A pod that can't say in time does not count. */
const timeoutMilliseconds = 1000
const mostBytes = 4 * 1024 * 1024

/** Failures by reason: of relaying to others, or of taking what others relay. Undefined if the pod does not say. Rejects with the signal's reason only. */
export async function countFailures(
  what: 'relay_failures' | 'handovers',
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number> | undefined> {
  const text = await fetchText(address, port, signal)
  if (text === undefined) return undefined
  const lines = text.matchAll(new RegExp(`^ftp_${what}_total\\{reason="([a-z-]+)"\\} (\\d+)$`, 'gm'))
  const results = text.matchAll(new RegExp(`^ftp_${what}_total\\{result="([a-z-]+)"\\} (\\d+)$`, 'gm'))
  return new Map(
    [...lines, ...results]
      .map(([, reason = '', count]): [string, number] => [reason, Number(count)])
      .filter(([reason]) => reason !== 'taken'),
  )
}

async function fetchText(address: string, port: number, signal: AbortSignal): Promise<string | undefined> {
  const timed = AbortSignal.any([signal, AbortSignal.timeout(timeoutMilliseconds)])
  try {
    const request = get({ host: address, port, path: '/metrics', agent: false, signal: timed })
    // Of an end in the midst of the answer both tell.
    request.on('error', () => undefined)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length
      if (bytes > mostBytes) return undefined
      chunks.push(chunk as Buffer)
    }
    return response.statusCode === 200 ? Buffer.concat(chunks).toString('utf8') : undefined
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
