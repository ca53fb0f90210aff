import fc from 'fast-check'
import { Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { Durations } from './durations.ts'

const bounds = [0.001, 0.5, 2]
const about = { name: 'waited_seconds', help: 'Time that was waited.' }
const seconds = fc.oneof(fc.constantFrom(...bounds), fc.double({ min: 0, max: 3, noNaN: true }))

test('tells what a histogram of prom-client would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(seconds), async observed => {
      const [ours, theirs] = [new Registry(), new Registry()]
      const durations = new Durations({ ...about, bounds, registry: ours })
      const histogram = new Histogram({ ...about, buckets: [...bounds], registers: [theirs] })
      for (const each of observed) {
        durations.add(each)
        histogram.observe(each)
      }
      expect(await ours.metrics()).toBe(await theirs.metrics())
      expect(await ours.getMetricsAsJSON()).toEqual(await theirs.getMetricsAsJSON())
    }),
  )
})

test('tells the same by a label', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('upload', 'download'), seconds)), async observed => {
      const [ours, theirs] = [new Registry(), new Registry()]
      const durations = new Durations({ ...about, bounds, label: 'direction', registry: ours })
      const histogram = new Histogram({
        ...about,
        buckets: [...bounds],
        labelNames: ['direction'],
        registers: [theirs],
      })
      for (const [direction, each] of observed) {
        durations.add(each, direction)
        histogram.observe({ direction }, each)
      }
      expect(await ours.metrics()).toBe(await theirs.metrics())
      expect(await ours.getMetricsAsJSON()).toEqual(await theirs.getMetricsAsJSON())
    }),
  )
})

test('goes on where it was after it has been asked', async () => {
  const registry = new Registry()
  const durations = new Durations({ ...about, bounds, registry })
  durations.add(0.4)
  await registry.metrics()
  durations.add(60)
  expect(await registry.metrics()).toMatch(/_bucket{le="2"} 1\n.*_bucket{le="\+Inf"} 2\n.*_sum 60.4\n.*_count 2\n/s)
})
