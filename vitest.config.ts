import { defineConfig } from 'vitest/config'

// Real nodes under load: a test waits for what it awaits, and gives up late.
const patience = { testTimeout: 240_000, hookTimeout: 300_000, expect: { poll: { timeout: 60_000, interval: 100 } } }

export default defineConfig({
  test: {
    reporters: ['default', './test/reporter.ts'],
    projects: [
      { test: { ...patience, name: 'together', include: ['test/**/*.test.ts'], exclude: ['test/**/*.alone.test.ts'], pool: 'forks', maxWorkers: 2, sequence: { groupOrder: 0 } } },
      // What compares the whole host before and after must be the only one to change it.
      { test: { ...patience, name: 'alone', include: ['test/**/*.alone.test.ts'], pool: 'forks', maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } } },
    ],
  },
})
