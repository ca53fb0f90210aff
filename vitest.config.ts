import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['server/**/*.test.ts', 'operator/**/*.test.ts', 'tools/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/cluster/**', 'test/soak/**', 'node_modules/**'],
    // Most of the long ones wait: on a machine of two cores one file at a time would take twice as long.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // They end what hangs, on a machine that is busy as well, and after the deadlines in the tests: those tell more.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
