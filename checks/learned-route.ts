import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { onceALook } from './once.ts'
import { readBirdRoute } from './read/bird-route.ts'
import { readFib, type FibRoute } from './read/fib.ts'
import { refusedRoute } from './refused-route.ts'
import { bgpPeers } from './sessions.ts'
import { rangeOf, someOf } from './some-of.ts'
import { readFrom, unable } from './tool.ts'

/** Who put a route there, by iproute2's names, when it was no BGP: the kernel, people, other protocols. 196: FRR's static routes. */
export const NOT_BGP: Readonly<Record<string, string>> = {
  kernel: 'the kernel made it with an address', boot: 'somebody typed it', static: 'somebody typed it', unspec: 'nobody says who made it',
  ra: 'IPv6 discovered it', redirect: 'an ICMP redirect made it', dhcp: 'DHCP made it', keepalived: 'keepalived made it',
  ospf: 'OSPF made it', isis: 'IS-IS made it', rip: 'RIP made it', eigrp: 'EIGRP made it', babel: 'Babel made it', 196: 'somebody typed it into FRR',
}

/** One whose socket is elsewhere says so at once. One that takes its time, on a busy machine or as it hangs, has not been asked. */
const BIRD_MS = 5_000

/**
 * `node1 has learned by BGP that 10.244.2.0/26 is behind 192.168.1.12`: addresses all over the range are sent there, by
 * routes that a routing daemon made which holds a BGP session. "Established" alone says nothing of the kernel's table.
 */
export function learnedRoute(node: string, range: string, via: string): Check {
  const cidr = rangeOf(range)
  // A mesh and what comes after it claim the same: one look answers it once.
  const once = onceALook<Verdict>()
  return {
    claim: `${node} has learned by BGP that ${range} is behind ${via}`,
    look: bench => once(bench, '', () => look(bench, node, someOf(cidr), via)),
  }
}

async function look(bench: Bench, node: string, addresses: readonly string[], via: string): Promise<Verdict> {
  const place = bench.place(node)
  const [sessions, ...asked] = await Promise.all([
    bgpPeers(bench, node),
    // Not what the kernel would do, but the route that it would do it by: only that has a protocol.
    ...addresses.map(address => place.exec(['ip', '-j', '-d', 'route', 'get', 'fibmatch', address])),
  ])
  const evidence: Evidence[] = [sessions.evidence]
  const makers = new Set<string>()
  const alone = sessions.peers.length === 0 ? `; ${node} speaks BGP with nobody` : ''
  for (const [index, one] of asked.entries()) {
    const address = addresses[index] ?? ''
    evidence.unshift(one)
    if (one.exitCode !== 0) {
      const { because, refusal, evidence: seen } = await refusedRoute(place, node, address, one)
      return fail(`${because ?? `${node} refuses to send to ${address} ("${refusal}")`}${alone}`, ...seen, sessions.evidence)
    }
    const [route] = readFrom(one, readFib)
    if (route === undefined) throw new CouldNotLook(`${node} names no route to ${address}`, one)
    makers.add(route.protocol)
    const wrong = wrongRoute(node, address, route, via)
    if (wrong !== undefined) return fail(`${wrong}${alone}`, one, sessions.evidence)
    if (sessions.peers.length === 0) return fail(`${node} has the route to ${route.destination} (proto ${route.protocol}), but speaks BGP with nobody: nobody would take it back`, one, sessions.evidence)
  }
  if (!makers.has('bird')) return pass(sessions.evidence, ...evidence)
  // BIRD writes its routes of every origin with one number. Where it can be asked, it knows better.
  const bird = await place.exec(['birdc', '-r', 'show', 'route', 'for', addresses[0] ?? '', 'all'], { timeoutMs: BIRD_MS })
  if (bird.exitCode === undefined) throw unable(bird)
  const chosen = bird.exitCode === 0 ? readFrom(bird, readBirdRoute) : undefined
  if (chosen !== undefined && chosen.source !== 'BGP') return fail(`BIRD on ${node} has the route to ${chosen.destination} from its protocol ${chosen.protocol} (${chosen.source}), not by BGP`, bird, ...evidence)
  return pass(sessions.evidence, ...evidence, bird)
}

function wrongRoute(name: string, address: string, { type, gateways, devices, protocol, destination }: FibRoute, wanted: string): string | undefined {
  if (type !== 'unicast') return `${name} has the route \`${type} ${destination}\``
  const how = `by the route to ${destination} (proto ${protocol})`
  if (gateways.length === 0) return `${name} takes ${address} to be on ${list(devices)} itself, ${how}`
  const other = gateways.find(gateway => gateway !== wanted)
  if (other !== undefined) return `${name} sends ${address} via ${other}, ${how}`
  const maker = NOT_BGP[protocol]
  return maker === undefined ? undefined : `${name} sends ${address} via ${wanted}, but ${how} it is not learned: ${maker}`
}
