import { defineConfig } from 'vitest/config'

/** The tests that take long: those of test/soak, and others with the times that are asked for instead of shorter ones. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts', 'test/operator/api-faults.test.ts'],
    env: { SOAK: '1' },
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Times and memory are measured.
    fileParallelism: false,
  },
})
