// What a learner does with a lab from start to finish, by the commands that the lesson prints.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { printedSolution } from '../../runner/core/agree.ts'
import { parseLesson } from '../../runner/core/lesson.ts'
import type { Ran } from './lab.ts'
import { eventually } from './nodes.ts'

export type Run = (...args: readonly string[]) => Promise<Ran>

/** Fresh nodes do not pass; everything that is printed is typed through `lab exec`; then everything holds. */
export async function doesLab(run: Run, root: string, slug: string, provider: string): Promise<void> {
  const ok = (ran: Ran): void => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0)
  ok(await run('start', slug, '--no-watch', '--provider', provider))
  const fresh = await run('check', '--json')
  expect(fresh.code, fresh.stderr).toBe(1)
  const lesson = parseLesson(readFileSync(join(root, 'labs', slug, 'lesson.md'), 'utf8'), slug)
  for (const step of lesson.steps) {
    for (const block of printedSolution(step)) {
      if (block.kind === 'command') ok(await run('exec', block.place, '--', 'bash', '-ec', block.script))
      else if (block.kind === 'file') ok(await run('exec', block.node, '--', 'sh', '-c', 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', 'sh', block.path, block.content))
    }
  }
  // A network takes a moment to become what it was told to be.
  const done = await eventually(() => run('check', '--json'), ({ code }) => code === 0)
  const report = JSON.parse(done.stdout) as { steps: { status: string }[] }
  expect(report.steps.map(({ status }) => status)).toEqual(lesson.steps.map(() => 'pass'))
  ok(await run('stop'))
}
