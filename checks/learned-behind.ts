import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, holders } from './ends.ts'
import { NOT_BGP } from './learned-route.ts'
import { onceALook } from './once.ts'
import { readBirdRoute } from './read/bird-route.ts'
import { readFib, type FibRoute } from './read/fib.ts'
import { refusedRoute } from './refused-route.ts'
import { bgpPeers } from './sessions.ts'
import { readFrom, unable } from './tool.ts'

/** One whose socket is elsewhere says so at once. One that takes its time, on a busy machine or as it hangs, has not been asked. */
const BIRD_MS = 5_000

export interface WaysTo {
  /** No way but the default route, or none at all: then whatever says so. */
  readonly route: FibRoute | undefined
  readonly refusal: string | undefined
  /** The machine at each next hop; the address, where nobody has it. */
  readonly nodes: readonly string[]
  readonly evidence: readonly [Evidence, ...Evidence[]]
}

const once = onceALook<WaysTo>()

/** The route that a router would take to the address, with all its next hops, and who they are. */
export function waysTo(bench: Bench, router: string, address: string): Promise<WaysTo> {
  return once(bench, `${router} ${address}`, async () => {
    const place = bench.place(router)
    const asked = await place.exec(['ip', '-j', '-d', 'route', 'get', 'fibmatch', address])
    if (asked.exitCode !== 0) {
      const { because, refusal, evidence } = await refusedRoute(place, router, address, asked)
      return { route: undefined, refusal: because ?? `${router} refuses to send to ${address} ("${refusal}")`, nodes: [], evidence }
    }
    const [route] = readFrom(asked, readFib)
    if (route === undefined) throw new CouldNotLook(`${router} names no route to ${address}`, asked)
    const namespaces = await allNamespaces(bench)
    const nodes = route.gateways.map(gateway => holders(namespaces, gateway)[0]?.namespace.node ?? gateway)
    return { route, refusal: undefined, nodes: [...new Set(nodes)], evidence: [asked] }
  })
}

/**
 * `tor has learned by BGP that 203.0.113.240 is behind node2 and node3 at once`: one route of its kernel has a next hop at each of them,
 * made by a routing daemon that is in session with them. Others may be there too.
 */
export function learnedBehind(router: string, address: string, nodes: readonly string[]): Check {
  return {
    claim: `${router} has learned by BGP that ${address} is behind ${list(nodes)}${nodes.length > 1 ? ' at once' : ''}`,
    look: bench => look(bench, router, address, nodes),
  }
}

async function look(bench: Bench, router: string, address: string, wanted: readonly string[]): Promise<Verdict> {
  const [ways, sessions] = await Promise.all([waysTo(bench, router, address), bgpPeers(bench, router)])
  const { route, refusal, nodes } = ways
  const evidence: readonly [Evidence, ...Evidence[]] = [...ways.evidence, sessions.evidence]
  const alone = sessions.peers.length === 0 ? `; ${router} speaks BGP with nobody` : ''
  if (route === undefined) return fail(`${refusal ?? ''}${alone}`, ...evidence)
  if (route.type !== 'unicast') return fail(`${router} has the route \`${route.type} ${route.destination}\`${alone}`, ...evidence)
  if (route.gateways.length === 0) return fail(`${router} takes ${address} to be on ${list(route.devices)} itself, by the route to ${route.destination} (proto ${route.protocol})${alone}`, ...evidence)
  const maker = NOT_BGP[route.protocol]
  if (maker !== undefined) return fail(`${router} sends ${address} to ${list(nodes)} by the route to ${route.destination} (proto ${route.protocol}), which is not learned: ${maker}${alone}`, ...evidence)
  const missing = wanted.filter(node => !nodes.includes(node))
  if (missing.length > 0) {
    const told = await Promise.all(missing.map(async node => ({ node, spoken: await inSession(bench, sessions.peers, node) })))
    const silent = told.find(({ spoken }) => !spoken)
    const why = silent === undefined ? `though it speaks BGP with ${list(missing)}` : `and does not speak BGP with ${silent.node}`
    return fail(`${router} sends ${address} to ${list(nodes)} alone, ${why}`, ...evidence)
  }
  const silent = (await Promise.all(wanted.map(async node => ({ node, spoken: await inSession(bench, sessions.peers, node) })))).find(({ spoken }) => !spoken)
  if (silent !== undefined) return fail(`${router} has the route to ${route.destination} via ${list(nodes)} (proto ${route.protocol}), but does not speak BGP with ${silent.node}: nobody there would take it back`, ...evidence)
  if (route.protocol !== 'bird') return pass(...evidence)
  // BIRD writes its routes of every origin with one number. Where it can be asked, it knows better.
  const bird = await bench.place(router).exec(['birdc', '-r', 'show', 'route', 'for', address, 'all'], { timeoutMs: BIRD_MS })
  if (bird.exitCode === undefined) throw unable(bird)
  const chosen = bird.exitCode === 0 ? readFrom(bird, readBirdRoute) : undefined
  if (chosen !== undefined && chosen.source !== 'BGP') return fail(`BIRD on ${router} has the route to ${chosen.destination} from its protocol ${chosen.protocol} (${chosen.source}), not by BGP`, bird, ...evidence)
  return pass(...evidence, bird)
}

async function inSession(bench: Bench, peers: readonly string[], node: string): Promise<boolean> {
  const own = (await bench.namespaces(node)).find(namespace => namespace.own)
  const held = own?.links.flatMap(link => link.addresses).map(address => address.split('/')[0]) ?? []
  return peers.some(peer => held.includes(peer))
}
