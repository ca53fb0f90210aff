/** The body of a watch: one JSON object a line. */
import { parseStatus, TransportError } from './api-error.ts'
import { apiVersionOf, type KubernetesObject, type ResourceKind } from './object.ts'

export type WatchEvent =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: KubernetesObject }
  /** No change: how far the watch has come. */
  | { readonly type: 'bookmark'; readonly resourceVersion: string }

/** Throws an {@link ApiError} for an event that is an error (410, say), and a {@link TransportError} for what is no event. */
export async function* parseWatchEvents(
  body: AsyncIterable<Uint8Array>,
  kind: ResourceKind,
): AsyncGenerator<WatchEvent, void, undefined> {
  for await (const line of lines(body)) {
    const event = parseEvent(line, kind)
    if (event !== undefined) yield event
  }
}

/** An object as the API server sent it, with the apiVersion and kind that items of lists lack. Throws if it has no name. */
export function parseObject(value: unknown, kind: ResourceKind): KubernetesObject {
  const metadata = isRecord(value) ? value['metadata'] : undefined
  if (!isRecord(value) || !isRecord(metadata) || typeof metadata['name'] !== 'string') {
    throw new TransportError('malformed', `what should be a ${kind.kind} has no metadata.name`)
  }
  return {
    ...value,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: metadata as KubernetesObject['metadata'],
  }
}

function parseEvent(line: string, kind: ResourceKind): WatchEvent | undefined {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch (cause) {
    throw new TransportError('malformed', `a line of the watch of ${kind.plural} is no JSON`, { cause })
  }
  if (!isRecord(event)) throw new TransportError('malformed', `a line of the watch of ${kind.plural} is no event`)
  const { type, object } = event
  switch (type) {
    case 'ADDED':
      return { type: 'added', object: parseObject(object, kind) }
    case 'MODIFIED':
      return { type: 'modified', object: parseObject(object, kind) }
    case 'DELETED':
      return { type: 'deleted', object: parseObject(object, kind) }
    case 'BOOKMARK': {
      const metadata = isRecord(object) ? object['metadata'] : undefined
      const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined
      return typeof version === 'string' ? { type: 'bookmark', resourceVersion: version } : undefined
    }
    case 'ERROR':
      throw parseStatus(500, object, `watch of ${kind.plural}`)
    default:
      throw new TransportError('malformed', `the watch of ${kind.plural} sent an event of type ${String(type)}`)
  }
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let pieces: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const line = Buffer.concat([...pieces, chunk.subarray(start, end)]).toString('utf8')
      pieces = []
      length = 0
      start = end + 1
      if (line.trim() !== '') yield line
    }
    if (start === chunk.length) continue
    pieces.push(chunk.subarray(start))
    length += chunk.length - start
    if (length > longestLineBytes) throw new TransportError('malformed', 'a line of the watch is too long')
  }
  if (length > 0) throw new TransportError('cut', 'the watch was cut in the middle of an event')
}

const newline = 0x0a
// etcd takes 1.5 MiB for an object; managed fields and JSON instead of protobuf make it several times that at worst.
const longestLineBytes = 32 * 1024 * 1024

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
