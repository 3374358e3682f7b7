// From what was seen to why: rules in the order in which they are tried, of which the first that knows decides. None guesses;
// where none knows, what is known is said.
import type { Cause } from '../../core/trace.ts'
import { bridged } from './rules/bridged.ts'
import { delivered } from './rules/delivered.ts'
import { complained } from './rules/errors.ts'
import { unanswered } from './rules/neighbours.ts'
import { refused } from './rules/refused.ts'
import { foreign, looping, routed } from './rules/routed.ts'
import { left, sizes } from './rules/sizes.ts'
import { bypassed, home } from './rules/reply.ts'
import { unsent } from './rules/unsent.ts'
import { tunnelled } from './rules/tunnels.ts'
import type { Scene } from './scene.ts'
import type { Sight } from './sights.ts'
import type { Space } from './spaces.ts'
import { deviceIn, listed, nameOf } from './say.ts'

/** Filters that have to tell of the packet before more can be said. */
export interface Needs {
  readonly space: Space
  readonly devices: readonly string[]
  readonly port?: number
  /** What is asked for comes only when a kernel asks again. */
  readonly patient?: true
}

/** Or who answers for others may take his time: it is to be waited for. */
export type Finding = Cause | { readonly needs: Needs } | { readonly needs: 'patience' }

/** The half of the way that was not finished, and how far it got. */
export interface Track {
  readonly way: 'there' | 'back'
  readonly sights: readonly Sight[]
  /** Undefined: it was seen nowhere. */
  readonly last: Sight | undefined
}

export type Rule = (scene: Scene, track: Track) => Finding | undefined

const RULES: readonly Rule[] = [
  // The sender's kernel would not let it out.
  unsent,
  // Somebody said that it is not wanted, or could not go on.
  refused, complained,
  // It goes round in a circle.
  looping,
  // The answer came, from somebody who was not asked; or came, and was not let in.
  bypassed, home,
  // It was for another MAC.
  foreign,
  // Somebody asked for a MAC, and got none.
  unanswered,
  // It is in a tunnel.
  tunnelled,
  // It arrived, and there is no answer.
  delivered,
  // It is too large for what comes next.
  sizes,
  // It is on a bridge; in a router; or left one, and was seen nowhere else.
  bridged, routed, left,
]

export function decide(scene: Scene): Finding | undefined {
  if (scene.answered) return undefined
  const track = trackOf(scene)
  for (const rule of RULES) {
    const found = rule(scene, track)
    if (found !== undefined) return found
  }
  return unknown(scene)
}

export function trackOf(scene: Scene): Track {
  const [way, sights] = scene.back.length > 0 ? ['back', scene.back] as const : ['there', scene.there] as const
  return { way, sights, last: sights.at(-1) }
}

/** What is known, where no rule knows why. */
export function unknown(scene: Scene): Cause {
  const { way, last } = trackOf(scene)
  const what = way === 'there' ? 'it' : 'the reply'
  if (last === undefined) {
    return { kind: 'unknown', where: scene.sender.place, way, sentence: `${nameOf(scene.sender)} sent ${what}, and ${what} was seen on none of its interfaces; no rule known here explains that`, evidence: [] }
  }
  const silent = scene.recorded.unruled.some(one => one.inode === last.space.inode && one.family === 'ip')
  const doors = scene.facts(last.space)?.doors ?? []
  const asked = [
    ...(scene.rules[last.space.inode] === undefined ? [] : [silent ? 'nftables there would not tell what its rules did' : 'no rule of a filter there dropped it']),
    // Programs and filters of tc may drop, rewrite and send elsewhere, and nobody is told.
    ...(doors.length === 0 ? [] : [`tc has filters or programs at ${listed(doors)}: what they do with a packet they tell nobody`]),
  ]
  const sentence = last.frame.direction === 'in'
    ? `${what} entered ${nameOf(last.space)} on ${last.device.name} and did not leave it; no rule known here explains that`
    : `${what} left by ${deviceIn(last.device)} and was seen nowhere after; no rule known here explains that`
  return { kind: 'unknown', where: last.space.place, way, sentence, evidence: asked }
}
