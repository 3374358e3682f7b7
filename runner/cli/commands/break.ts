import { randomInt } from 'node:crypto'
import { Usage } from '../../core/mistake.ts'
import { breakLab } from '../../engine/break.ts'
import { session } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { clock } from '../mending.ts'
import { coloured, json, paint, remark, result, statusCode } from '../print.ts'
import { overall } from '../../core/verdict.ts'

export const SEEDS = 10_000

/** One fault of the lab's stock, done to a finished lab; which one, it does not say. */
export async function breakCommand(options: { readonly seed?: string; readonly json?: true }): Promise<number> {
  const seed = options.seed === undefined ? randomInt(SEEDS) : Number(options.seed)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Usage('--seed takes a whole number')
  const at = await session()
  const lab = at.loaded.slug
  remark('looking for something to break …')
  const broke = await interruptible(signal => breakLab(at, seed, signal))
  const style = paint(coloured(process.stderr))
  if (broke.kind === 'already') {
    remark(`something is broken since ${clock(broke.since)} already: find it first. \`npx lab check\` says what does not hold, \`npx lab diff\` helps a little at a time.`)
    return 1
  }
  if (broke.kind === 'unfinished') {
    const status = overall(broke.steps.map(step => step.status))
    remark(`only a finished lab can be broken, and of ${lab} this ${status === 'unknown' ? 'could not be looked at' : 'does not hold'}:`)
    for (const step of broke.steps) remark(`  ${step.id}  ${style('dim', step.title)}`)
    remark('`npx lab solve --all` finishes it for you')
    return statusCode(status)
  }
  if (broke.residue) remark('note: another fault was tried on your network before and came to nothing; `npx lab diff --object` shows what it left')
  const of = at.loaded.lesson.steps.reduce((sum, step) => sum + (at.loaded.lab.steps[step.id]?.checks.length ?? 0), 0)
  if (options.json) json({ lab, seed, failing: broke.claims.length, claims: of })
  else {
    result(`Something in ${lab} is broken now. Find it, and mend it.`)
    result(`\`npx lab check\` says what does not hold, \`npx lab watch\` when all does. Again the same: \`npx lab break --seed ${seed}\``)
  }
  return 0
}
