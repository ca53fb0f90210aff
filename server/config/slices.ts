/** Work on many items that leaves time for other work. */
import { setImmediate } from 'node:timers/promises'

/** Does something with each item, in slices that leave time for other work: 100,000 users must not hold up a transfer. */
export async function inSlices<Item>(items: Iterable<Item>, use: (item: Item) => void): Promise<void> {
  let end = performance.now() + sliceMilliseconds
  let used = 0
  for (const item of items) {
    use(item)
    used += 1
    if (used % itemsPerClock !== 0 || performance.now() < end) continue
    await setImmediate()
    end = performance.now() + sliceMilliseconds
  }
}

const sliceMilliseconds = 5
const itemsPerClock = 16
