import { defineConfig } from 'vitest/config'

// Real nodes under load: a test waits for what it awaits, and gives up late.
const patience = { testTimeout: 240_000, hookTimeout: 300_000, expect: { poll: { timeout: 60_000, interval: 100 } } }

// A test on real nodes shares two processors with others, and there are thousands of such tests: were each right 9,999 times in
// 10,000, every fourth run would still end for nothing. So what fails is tried once more, and the reporter names what passed only
// then, for it is a defect all the same. A property is not tried again: what it has found wrong once it may not find twice.
const onceMore = { count: 1, condition: /^(?!Property failed)/ }

export default defineConfig({
  test: {
    reporters: ['default', './test/reporter.ts'],
    projects: [
      { test: { ...patience, retry: onceMore, name: 'together', include: ['test/**/*.test.ts'], exclude: ['test/**/*.alone.test.ts'], pool: 'forks', maxWorkers: 2, sequence: { groupOrder: 0 } } },
      // What compares the whole host before and after must be the only one to change it. What escapes, or is left behind, once is a
      // failure, whatever the next time shows.
      { test: { ...patience, name: 'alone', include: ['test/**/*.alone.test.ts'], pool: 'forks', maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } } },
    ],
  },
})
