// The reply came home, and is not taken.
import type { Rule } from '../decide.ts'
import { filteredIn } from '../filters.ts'
import { nameOf } from '../say.ts'
import { owns } from '../spaces.ts'

/** It comes from somebody who was not asked: what rewrote the request did not see the reply. */
export const bypassed: Rule = ({ there, back, sender, probe }, { way }) => {
  const reply = back.findLast(sight => sight.space === sender && sight.frame.direction === 'in' && !sight.bystander)
  if (way !== 'back' || reply === undefined || reply.packet.from === probe.to || !owns(sender, reply.packet.to)) return undefined
  // The sender rewrote it itself, before any interface saw it, and rewrites the answer after: so it has to look at its door.
  if (there[0]?.space === sender && there[0].frame.direction === 'out' && there[0].packet.to === reply.packet.from) return undefined
  const rewriter = there.find(sight => sight.packet.to !== probe.to)?.space
  const where = rewriter ?? reply.space
  return {
    kind: 'reply-not-rewritten', where: where.place, way: 'back',
    sentence: `the reply comes from ${reply.packet.from}, and ${nameOf(sender)} asked ${probe.to}: ${rewriter === undefined ? 'it was rewritten on the way there only' : `${nameOf(rewriter)} rewrote the request, and the reply passed it by`}`,
    evidence: [`asked: ${probe.to}`, `answered: ${reply.packet.from}`],
  }
}

/** It came to the sender's door, as it should be. */
export const home: Rule = (scene, { way, last }) => {
  if (way !== 'back' || last === undefined || last.space !== scene.sender || last.frame.direction !== 'in' || last.bystander || !owns(scene.sender, last.packet.to)) return undefined
  const strict = scene.changed(scene.sender, 'TcpExtIPReversePathFilter')
  if (strict !== undefined) {
    return { kind: 'reverse-path-filter', where: scene.sender.place, way, sentence: `${nameOf(scene.sender)} drops it: rp_filter on ${last.device.name} is 1, and the way back to ${last.packet.from} is another`, evidence: [`TcpExtIPReversePathFilter ${strict}`] }
  }
  return filteredIn(scene, scene.sender, { way, devices: [last.device.name] })
}
