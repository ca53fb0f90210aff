/** Waiting for something that is about to be, instead of sleeping. */
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Resolves to the first result that is neither false nor undefined; rejects after the deadline. Errors count as not yet. The deadline is
 * to end what would never be, on a machine that is busy with other things as well: a shorter one would measure the machine.
 */
export async function eventually<Value>(
  probe: () => Value | false | undefined | Promise<Value | false | undefined>,
  what: string,
  deadlineMilliseconds = 30_000,
  pollMilliseconds = 5,
): Promise<Value> {
  const deadline = performance.now() + deadlineMilliseconds
  let last: unknown
  for (;;) {
    try {
      const value = await probe()
      if (value !== false && value !== undefined) return value
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`Not within ${deadlineMilliseconds} ms: ${what}`, { cause: last })
    await delay(pollMilliseconds)
  }
}
