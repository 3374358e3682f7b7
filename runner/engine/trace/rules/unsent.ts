// The sender's own kernel refuses, with a number that says why.
import type { Cause } from '../../../core/trace.ts'
import type { Rule } from '../decide.ts'
import { filteredIn } from '../filters.ts'
import { deviceIn, nameOf } from '../say.ts'
import { noRoute, sourceFor } from './routes.ts'

const [EPERM, EMSGSIZE, ENETDOWN, EINVAL, EACCES, EHOSTUNREACH, ENETUNREACH] = [1, 90, 100, 22, 13, 113, 101]

export const unsent: Rule = (scene, { last }) => {
  const { unsent: refusal, sender, probe } = scene
  if (refusal === undefined) return undefined
  const where = sender.place
  const cause = (rest: Pick<Cause, 'kind' | 'sentence'>): Cause => ({ where, way: 'there', evidence: [`send: ${refusal.text}`], ...rest })
  if (refusal.errno === EPERM) {
    return filteredIn(scene, sender, { way: 'there' }) ?? cause({ kind: 'filtered', sentence: `${nameOf(sender)} may not send it: a filter on its way out says no` })
  }
  if (refusal.errno === EMSGSIZE) {
    const device = sender.devices.find(one => one.name === (last?.device.name ?? routeDevice(scene)))
    return cause({ kind: 'too-big', sentence: `${nameOf(sender)} cannot send it: ${probe.size ?? 'its'} bytes are more than ${device === undefined ? 'the way takes' : `the ${device.mtu} that ${deviceIn(device)} takes`}` })
  }
  if ([ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENETDOWN].includes(refusal.errno)) {
    const found = noRoute(scene, sender, { from: sourceFor(scene, sender), to: probe.to, way: 'there', evidence: [`send: ${refusal.text}`] })
    // These have other reasons too: a broadcast, for example.
    if (found.kind !== 'no-route' || ![EACCES, EINVAL].includes(refusal.errno)) return found
  }
  return cause({ kind: 'unknown', sentence: `${nameOf(sender)} could not send it: ${refusal.text}` })
}

function routeDevice(scene: Parameters<Rule>[0]): string | undefined {
  const answer = scene.facts(scene.sender)?.routed.get(scene.probe.to)
  return answer !== undefined && 'device' in answer ? answer.device : undefined
}
