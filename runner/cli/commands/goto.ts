import { findStep, startAfresh } from '../../engine/session.ts'
import { session } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { json, remark } from '../print.ts'

/** Fresh nodes, brought to the beginning of a step by the solutions of those before it; without a step, of the lab. */
export async function goTo(name: string | undefined, options: { readonly json?: true }): Promise<number> {
  const at = await session()
  const step = name === undefined ? undefined : findStep(at.loaded, name).id
  await interruptible(signal => startAfresh(at, { say: remark }, signal, step))
  remark(`${at.loaded.slug} has fresh nodes, at ${step === undefined ? 'its beginning' : `the beginning of ${step}`}`)
  if (options.json) json({ lab: at.loaded.slug, step: step ?? null })
  return 0
}
