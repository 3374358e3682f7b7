// The result: what was seen, and what was found out, as one trace.
import type { Cause, Trace, TraceEnd } from '../../core/trace.ts'
import type { Evidence } from '../../core/verdict.ts'
import { trackOf } from './decide.ts'
import { askedBy, hopsOf, notesOf } from './path.ts'
import { refusalIn } from './rules/refused.ts'
import type { Scene } from './scene.ts'
import { holders, owns, type Space } from './spaces.ts'

export function conclude(scene: Scene, cause: Cause | undefined, evidence: readonly Evidence[] = [], ms = 0): Trace {
  const { id: _id, inode: _inode, nonce: _nonce, number: _number, served: _served, ...probe } = scene.probe
  const end = (address: string, name: string | undefined, space: Space | undefined): TraceEnd => ({ name: name ?? space?.name ?? address, address, place: space?.place })
  const owner = owns(scene.sender, probe.to) ? scene.sender : holders(scene.spaces, probe.to)[0]?.space
  return {
    probe,
    from: end(scene.source ?? probe.source ?? '', probe.names?.from, scene.sender), to: end(probe.to, probe.names?.to, owner),
    outcome: scene.answered ? 'answered' : scene.unsent !== undefined ? 'not-sent' : refusalIn(scene) !== undefined ? 'refused' : 'lost',
    arrived: scene.answered || trackOf(scene).way === 'back' || cause?.way === 'back',
    there: hopsOf(scene.there, askedBy(scene)), back: hopsOf(scene.back), cause, notes: notesOf(scene), evidence, ms: Math.round(ms),
  }
}
