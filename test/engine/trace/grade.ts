// Compares what the tracer says with what was done.
import type { Trace } from '../../../runner/core/trace.ts'
import type { Arrives, Dies, Fault } from './faults.ts'

/** `unknown`: it said that it does not know, which blames nobody. */
export type Grade = { readonly grade: 'right' | 'unknown' } | { readonly grade: 'wrong'; readonly because: string }

export function grade({ truth }: Fault, trace: Trace): Grade {
  const because = 'arrives' in truth ? amissWhole(truth, trace) : amissBroken(truth, trace)
  if (because === undefined) return { grade: 'right' }
  return trace.cause?.kind === 'unknown' && !('arrives' in truth) ? { grade: 'unknown' } : { grade: 'wrong', because }
}

function amissWhole({ note }: Arrives, { outcome, cause, notes }: Trace): string | undefined {
  if (cause !== undefined) return `nothing is wrong, and it says: ${cause.sentence}`
  if (outcome !== 'answered') return `it is answered, and it says: ${outcome}`
  const said = notes.map(({ sentence }) => sentence)
  return note === undefined || said.some(sentence => note.test(sentence)) ? undefined : `it does not remark ${note}: ${said.join('; ') || 'no remark'}`
}

function amissBroken({ kind, at, says, way }: Dies, { cause, outcome, arrived }: Trace): string | undefined {
  if (cause === undefined) return `it is broken, and it says: ${outcome}`
  const said = `it says ${cause.kind} at ${cause.where}, ${cause.way}: ${cause.sentence}`
  if (!kind.includes(cause.kind)) return `it is ${kind.join(' or ')}; ${said}`
  if (!at.includes(cause.where)) return `it is at ${at.join(' or ')}; ${said}`
  if (cause.way !== (way ?? 'there')) return `it is on the way ${way ?? 'there'}; ${said}`
  if (way === 'back' && !arrived) return `it arrived; ${said}, and that it did not arrive`
  return says.test(cause.sentence) ? undefined : `the sentence does not have ${says}; ${said}`
}
