import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    globalSetup: ['test/cluster/setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // One node, one set of ports: the files take turns.
    fileParallelism: false,
    // A cluster has moods of its own: node ports are drawn by chance, and kube-proxy is a moment late now and then.
    retry: 1,
  },
})
