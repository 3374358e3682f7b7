// The closing line that scripts read, the reason for each test that was not run, and which passed at the second time only.
import type { Reporter, TestModule } from 'vitest/node'

export default class Counts implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      // A file that could not even be loaded has tests that nobody counted.
      if (module.state() === 'failed' && module.errors().length > 0) count.failed++
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'pending') count.failed++
        else count[result.state]++
        if (test.diagnostic()?.flaky === true) process.stdout.write(`at the second time only: ${test.fullName} (at first: ${result.errors?.[0]?.message ?? 'no reason'})\n`)
        if (result.state === 'skipped') process.stdout.write(`skipped: ${test.fullName}${result.note === undefined ? '' : ` (${result.note})`}\n`)
      }
    }
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)
  }
}
