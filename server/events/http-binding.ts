/** An event as an HTTP request: the HTTP protocol binding of CloudEvents 1.0. Pure. */
import type { CloudEvent } from './event.ts'

export type EventRequest = { readonly headers: Readonly<Record<string, string>>; readonly body: string }

export function requestOf(event: CloudEvent, mode: 'structured' | 'binary'): EventRequest {
  if (mode === 'structured') {
    return { headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' }, body: JSON.stringify(event) }
  }
  const { data, datacontenttype, ...attributes } = event
  return {
    headers: {
      'content-type': datacontenttype,
      ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, headerValue(value)])),
    },
    body: JSON.stringify(data),
  }
}

// HTTP protocol binding, section 3.1.3.2: all but printable ASCII, and space, double quote and percent, as percent-encoded UTF-8.
function headerValue(text: string): string {
  return text.replace(/[^!#$&-~]/gu, character =>
    Array.from(Buffer.from(character), byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
