/** Which kinds the API server knows: of other projects' kinds some clusters have none, and get them while we run. */
import type { Clock } from '../time/clock.ts'
import { hasReason } from './api-error.ts'
import { apiVersionOf, type ResourceKind } from './object.ts'
import type { CallOptions, Transport } from './transport.ts'

export type IsServed = (kind: ResourceKind, options?: CallOptions) => Promise<boolean>

/** Asks once for all kinds of a group and version, and keeps the answer for half a minute. */
export function createDiscovery(transport: Transport, clock: Clock): IsServed {
  const answers = new Map<
    string,
    { readonly plurals: Promise<ReadonlySet<string>>; readonly untilMilliseconds: number }
  >()

  async function ask(kind: ResourceKind): Promise<ReadonlySet<string>> {
    const path = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
    try {
      // Not the caller's signal: others may wait for the same answer.
      return parsePlurals(await transport.request({ method: 'GET', path, deadlineSeconds: 15, retry: true }))
    } catch (error) {
      if (hasReason(error, 'NotFound')) return new Set()
      throw error
    }
  }

  return async (kind, { signal } = {}) => {
    signal?.throwIfAborted()
    const key = apiVersionOf(kind)
    const now = clock.milliseconds()
    let answer = answers.get(key)
    if (answer === undefined || answer.untilMilliseconds <= now) {
      answer = { plurals: ask(kind), untilMilliseconds: now + keptMilliseconds }
      answers.set(key, answer)
      const asked = answer
      answer.plurals.catch(() => {
        if (answers.get(key) === asked) answers.delete(key)
      })
    }
    return (await answer.plurals).has(kind.plural)
  }
}

const keptMilliseconds = 30_000

function parsePlurals(answer: unknown): ReadonlySet<string> {
  const resources = (answer as { readonly resources?: unknown } | undefined)?.resources
  if (!Array.isArray(resources)) return new Set()
  return new Set(resources.map(resource => String((resource as { readonly name?: unknown }).name)))
}
