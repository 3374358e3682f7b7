import type { Bench, Check, Place } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { allNamespaces, holders } from './ends.ts'
import { PROBE } from './exchange.ts'
import { readNeighbours } from './read/neighbours.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { readFrom, tool } from './tool.ts'

/** A proxy takes up to 0.8 s to answer (net.ipv4.neigh.default.proxy_delay). Any answer ends the waiting. */
const ARP_MS = 900

/**
 * `node1 sends 10.244.2.2 via 192.168.1.12`, by what the kernel answers. A route without a gateway is as good
 * when the neighbour that it resolves to is the owner of `via`: on-link routes, with proxy ARP at the other side.
 */
export function routeVia(place: string, destination: string, via: string): Check {
  return { claim: `${place} sends ${destination} via ${via}`, look: bench => look(bench, place, destination, via) }
}

async function look(bench: Bench, name: string, destination: string, via: string): Promise<Verdict> {
  const place = bench.place(name)
  const asked = await place.exec(['ip', '-j', 'route', 'get', destination])
  if (asked.exitCode !== 0) {
    const { because, refusal, evidence } = await refusedRoute(place, name, destination, asked)
    return fail(because ?? `${name} refuses to send to ${destination} ("${refusal}")`, ...evidence)
  }
  const { gateway, device, local } = readFrom(asked, readRoute)
  if (gateway === via) return pass(asked)
  if (gateway !== undefined) return fail(`${name} sends ${destination} via ${gateway} (${device})`, asked)
  if (local) return fail(`${destination} is ${name}'s own address`, asked)
  const owners = holders(await allNamespaces(bench), via)
  const known = await neighbour(place, destination, device)
  const evidence: readonly Evidence[] = known.evidence
  const onLink = `${name} takes ${destination} to be on ${device} itself, without a gateway`
  if (known.mac === undefined) return fail(`${onLink}, and nobody answers there`, asked, ...evidence)
  if (owners.some(({ link }) => link.mac === known.mac)) return pass(asked, ...evidence)
  return fail(`${onLink}, and ${known.mac} answers there, which is not ${via}`, asked, ...evidence)
}

/** The neighbour's MAC; a packet is sent first if nobody has asked for it yet. */
export async function neighbour(place: Place, address: string, device: string): Promise<{ readonly mac: string | undefined; readonly evidence: readonly Evidence[] }> {
  // Asked of one device, ip leaves its name out of the answer.
  const show = () => tool(place, ['ip', '-j', 'neigh', 'show', 'to', address], neighbours => readNeighbours(neighbours).find(one => one.device === device))
  const now = await show()
  const known = now.value
  if (known?.mac !== undefined) return { mac: known.mac, evidence: [now.evidence] }
  await place.exec([PROBE, 'ask', '--timeout-ms', String(ARP_MS)], { stdin: `udp ${address} 9 neighbour\n` })
  const then = await show()
  return { mac: then.value?.mac, evidence: [then.evidence] }
}
