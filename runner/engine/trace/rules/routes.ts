// What a namespace's tables say of a destination.
import { refusing } from '../../../../checks/read/facts.ts'
import type { Route } from '../../../../checks/read/route.ts'
import type { Cause } from '../../../core/trace.ts'
import type { Scene } from '../scene.ts'
import { addressesOf, covering, holders, owns, type Device, type Space } from '../spaces.ts'
import { nameOf } from '../say.ts'
import { linkOf } from '../link-path.ts'

/** As `ip route get` is asked: what passes through is asked with where it came from. */
export function question(to: string, through?: { readonly from: string; readonly device: string }): string {
  return through === undefined ? to : `${to} from ${through.from} iif ${through.device}`
}

export function routeOf(scene: Scene, space: Space, asked: string): Route | { readonly refusal: string } | undefined {
  return scene.facts(space)?.routed.get(asked)
}

/** What a namespace sends itself: its rules may ask for the source, which it has by then. */
export function ownQuestion(space: Space, to: string, from: string | undefined): string {
  return from === undefined || !owns(space, from) ? to : `${to} from ${from}`
}

export function ownRouteOf(scene: Scene, space: Space, to: string, from: string | undefined): ReturnType<typeof routeOf> {
  return routeOf(scene, space, ownQuestion(space, to, from)) ?? routeOf(scene, space, to)
}

/** The sender's address, or a likely one. */
export function sourceFor(scene: Scene, space: Space): string {
  return scene.source ?? space.devices.filter(device => device.name !== 'lo').flatMap(addressesOf)[0] ?? '0.0.0.0'
}

/** The namespace finds no way: because a route or rule says so, or because what would give it one is down or has no address. */
export function noRoute(scene: Scene, space: Space, { from, to, device, way, evidence }: {
  readonly from: string; readonly to: string; readonly device?: Device; readonly way: 'there' | 'back'; readonly evidence: readonly string[]
}): Cause {
  const cause = (kind: Cause['kind'], sentence: string): Cause => ({ kind, where: space.place, way, sentence, evidence })
  const facts = scene.facts(space)
  const special = facts === undefined ? undefined : refusing(facts, { from, to, ...(device === undefined ? {} : { device: device.name }) })
  if (special !== undefined) {
    return cause('route-says-no', /^from |^to /.test(special) ? `${nameOf(space)} has the rule \`${special}\`, which refuses ${to}` : `${nameOf(space)} has the route \`${special}\``)
  }
  const down = space.devices.find(one => !one.up && one.name !== 'lo' && covering(one, to) !== undefined)
    // Whatever its address: with its only way out down nothing has a route.
    ?? (space.devices.every(one => one.name === 'lo' || !one.up) ? space.devices.find(one => one.name !== 'lo' && one.addresses.length > 0) : undefined)
  if (down !== undefined) {
    return cause(down.kind === 'bridge' ? 'bridge-down' : 'link-down', `${nameOf(space)} has no route to ${to}: ${down.name}, which has ${covering(down, to) ?? down.addresses[0] ?? 'an address'}, is down`)
  }
  // Whoever has it is on a bridge of this very namespace, which has no address.
  const bare = holders(scene.spaces, to).flatMap(owner => [...linkOf(scene.spaces, owner)])
    .find(one => one.space === space && one.kind === 'bridge' && addressesOf(one).length === 0)
  if (bare !== undefined) return cause('no-address', `${nameOf(space)} has no route to ${to}: ${bare.name}, the bridge that it is on, has no address`)
  // The kernel forgets the routes by a link that goes down: which they were, nobody can tell any more.
  const tunnel = space.devices.find(one => !one.up && one.vxlan !== undefined)
  return cause('no-route', `${nameOf(space)} has no route to ${to}${tunnel === undefined ? '' : `; its tunnel ${tunnel.name} is down, and what is down has no routes`}`)
}
