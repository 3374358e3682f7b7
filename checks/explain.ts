// Why an exchange failed: follows the packet from hop to hop by what each kernel answers, and says only what was
// seen. The first reason found is the one; without any, it says how far the way is clear.
import type { Bench, Link, Namespace, Place } from '../runner/core/bench.ts'
import type { Evidence, NonEmpty } from '../runner/core/verdict.ts'
import { allNamespaces, holders, type Missing } from './ends.ts'
import { ask, type Exchange } from './exchange.ts'
import { readBridgeDrops } from './read/bridge-drops.ts'
import { readCounters, type Counters } from './read/counters.ts'
import { readHooks, readLegacyPolicies, type Hook } from './read/hooks.ts'
import { readNeighbours } from './read/neighbours.ts'
import { readPorts } from './read/ports.ts'
import { readRoute, type Route } from './read/route.ts'
import type { Answer } from './read/probe.ts'
import { refusedRoute } from './refused-route.ts'
import { readFrom, tool } from './tool.ts'

const MOST_HOPS = 8
/** Long enough for one packet to be dropped. */
const AGAIN_MS = 30

const known = new WeakMap<Bench, Map<string, Promise<Missing>>>()

/** The whole sentence about a failed exchange, and its evidence. Found once a look, so that all its checks say the same. */
export async function explain(bench: Bench, failed: Exchange): Promise<Missing> {
  const all = known.get(bench) ?? new Map<string, Promise<Missing>>()
  known.set(bench, all)
  const key = [failed.from, failed.to].map(({ name, address, place }) => `${name} ${address} ${place ?? ''}`).join(' > ')
  const explained = all.get(key) ?? find(bench, failed)
  all.set(key, explained)
  return explained
}

async function find(bench: Bench, failed: Exchange): Promise<Missing> {
  const { from, to, heard, tcp, udp } = failed
  const what = symptom(failed)
  const namespaces = await allNamespaces(bench)
  // UDP needs one packet to arrive: what the server heard tells a lost request from a lost reply.
  const way = heard === undefined
    ? new Way(namespaces, failed, to.address, from.address)
    : new Way(namespaces, failed, heard.from, to.address)
  const found = await way.follow(heard === undefined ? failed.client.namespace : failed.server.namespace)
  const half = heard === undefined || (tcp.kind === 'ok' || udp.kind === 'ok') ? '' : `: the request arrives, the reply does not: `
  const because = half === '' ? `${what}: ${found}` : `${what}${half}${found}`
  const [first, ...rest] = failed.evidence
  return { because, evidence: [first, ...rest, ...way.evidence] }
}

/** `red does not reach green: no answer`. */
export function symptom({ from, to, tcp, udp }: Exchange): string {
  const one = say(tcp)
  const other = say(udp)
  if (tcp.kind === 'ok') return `${from.name} reaches ${to.name} by TCP, but not by UDP (${other})`
  if (udp.kind === 'ok') return `${from.name} reaches ${to.name} by UDP, but not by TCP (${one})`
  return `${from.name} does not reach ${to.name} (${one === other ? one : `TCP: ${one}, UDP: ${other}`})`
}

function say(answer: Answer): string {
  switch (answer.kind) {
    case 'ok': return 'answered'
    case 'refused': return 'refused'
    case 'unreachable': return answer.reason.toLowerCase()
    case 'timeout': return 'no answer'
    case 'wrong': return `a wrong answer, ${JSON.stringify(answer.text)}`
  }
}

/** One direction of an exchange. */
class Way {
  readonly evidence: Evidence[] = []
  readonly #namespaces: readonly Namespace[]
  readonly #exchange: Exchange
  readonly #destination: string
  readonly #source: string
  constructor(namespaces: readonly Namespace[], exchange: Exchange, destination: string, source: string) {
    this.#namespaces = namespaces
    this.#exchange = exchange
    this.#destination = destination
    this.#source = source
  }

  async follow(start: Namespace): Promise<string> {
    const passed: Namespace[] = []
    let at = start
    let came: Link | undefined
    for (let hop = 0; hop < MOST_HOPS; hop++) {
      const name = nameOf(at)
      passed.push(at)
      if (at.links.some(link => link.addresses.some(held => held.split('/')[0] === this.#destination))) return this.#arrived(passed)
      const down = at.links.find(link => link.name !== 'lo' && link.addresses.length > 0 && !link.up)
      if (came !== undefined) {
        const refused = await this.#forwards(at, came)
        if (refused !== undefined) return refused
      }
      const route = await this.#route(at, came)
      if (typeof route === 'string') return down === undefined ? route : `${route}, and ${down.name} is down`
      const link = at.links.find(one => one.name === route.device)
      if (link === undefined) return `${name} sends it out of ${route.device}, which is gone`
      const next = route.gateway ?? this.#destination
      const cut = await this.#carrier(at, link)
      if (cut !== undefined) return cut
      const held = holders(this.#namespaces, next)
      const owner = held[0] ?? await this.#answersInPlace(at, link, next)
      if (owner === undefined) return `${name} sends it to ${next} on ${link.name}, and nobody has that address`
      if (typeof owner === 'string') return owner
      const lost = await this.#linkLost(at, link, next, owner)
      if (lost !== undefined) return lost
      if (passed.includes(owner.namespace)) return `${name} sends it back to ${nameOf(owner.namespace)}, and so on until its TTL ends`
      at = owner.namespace
      came = owner.link
    }
    return `it passes ${passed.map(nameOf).join(', ')} and still has not arrived`
  }

  /** Every table says that it gets there. */
  async #arrived(passed: readonly Namespace[]): Promise<string> {
    for (const namespace of passed) {
      const dropping = await this.#filters(namespace)
      if (dropping !== undefined) return dropping
    }
    for (const [index, one] of passed.entries()) {
      const next = passed[index + 1]
      // Two pods of one node, with nobody between them who routes: what joins them is in the node's own namespace.
      if (next === undefined || one.own || next.own || one.node !== next.node) continue
      const dropping = await this.#bridged(one.node)
      if (dropping !== undefined) return dropping
    }
    return `every route from ${passed.map(nameOf).join(' to ')} is there, and no kernel says why it went no further: a capture on each interface of the way shows where it ends`
  }

  /** Who else looks at the frames that a bridge of the node forwards. */
  async #bridged(node: string): Promise<string | undefined> {
    const own = this.#namespaces.find(one => one.node === node && one.own)
    if (own === undefined) return undefined
    const nft = await own.place.exec(['nft', '-j', 'list', 'ruleset'])
    const sysctl = await own.place.exec(['sysctl', '-n', 'net.bridge.bridge-nf-call-iptables'])
    const hook = nft.exitCode === 0 ? readFrom(nft, readHooks).find(one => one.hook === 'forward' && one.policy === 'drop') : undefined
    const [chain] = nft.exitCode === 0 ? readFrom(nft, readBridgeDrops) : []
    if (chain !== undefined) {
      this.evidence.push(nft)
      return `it stays on one bridge of ${node}, and ${chain} there drops frames`
    }
    // br_netfilter shows a bridged packet to iptables as if it were routed. ARP passes, and so the neighbour is known.
    if (hook === undefined || sysctl.stdout.trim() !== '1') return undefined
    this.evidence.push(sysctl, nft)
    return `it stays on one bridge of ${node}, but net.bridge.bridge-nf-call-iptables is 1, and ${hook.name} drops what no rule accepts (policy drop)`
  }

  async #route(at: Namespace, came: Link | undefined): Promise<Route | string> {
    const through = came === undefined || came.addresses.some(held => held.split('/')[0] === this.#source)
      ? [] : ['from', this.#source, 'iif', came.name]
    const evidence = await at.place.exec(['ip', '-j', 'route', 'get', this.#destination, ...through])
    if (evidence.exitCode === 0) {
      this.evidence.push(evidence)
      return readFrom(evidence, readRoute)
    }
    const { because, refusal, evidence: seen } = await refusedRoute(at.place, nameOf(at), this.#destination, evidence)
    this.evidence.push(...seen)
    const strict = because === undefined && came !== undefined ? await this.#reversePath(at, came) : undefined
    return because ?? strict ?? `${nameOf(at)} refuses to send it to ${this.#destination} ("${refusal}")`
  }

  /** Whether a hop passes on what is not its own, seen once more with its counters. */
  async #forwards(at: Namespace, came: Link): Promise<string | undefined> {
    // The kernel asks the interface that it came in by; ip_forward was written to each of them when it was set.
    const one = `net.ipv4.conf.${came.name.replaceAll('.', '/')}.forwarding`
    const sysctl = await at.place.exec(['sysctl', '-n', 'net.ipv4.ip_forward', one])
    this.evidence.push(sysctl)
    const [all, own] = sysctl.stdout.trim().split('\n')
    if (own !== '0') return undefined
    const said = `${all === '0' ? 'net.ipv4.ip_forward' : one} is 0`
    const counted = await this.#countAgain(at.place, 'IpInAddrErrors')
    return counted
      ? `${nameOf(at)} received it on ${came.name} and dropped it: ${said} (IpInAddrErrors ${counted})`
      : `${nameOf(at)} is the next hop, and does not forward: ${said}`
  }

  async #reversePath(at: Namespace, came: Link): Promise<string | undefined> {
    const sysctl = await at.place.exec(['sysctl', '-n', 'net.ipv4.conf.all.rp_filter', `net.ipv4.conf.${came.name.replaceAll('.', '/')}.rp_filter`])
    const back = await at.place.exec(['ip', '-j', 'route', 'get', this.#source])
    this.evidence.push(sysctl, back)
    // The kernel takes the larger of the two.
    if (Math.max(...sysctl.stdout.trim().split('\n').map(Number)) !== 1) return undefined
    const route = back.exitCode === 0 ? readFrom(back, readRoute) : undefined
    if (route?.device === came.name) return undefined
    const counted = await this.#countAgain(at.place, 'TcpExtIPReversePathFilter')
    return `${nameOf(at)} drops it: rp_filter on ${came.name} is 1, and the way back to ${this.#source} is ${route?.device ?? 'none'}${counted ? ` (TcpExtIPReversePathFilter ${counted})` : ''}`
  }

  async #filters(at: Namespace): Promise<string | undefined> {
    const ends = [this.#exchange.client.namespace, this.#exchange.server.namespace].includes(at)
    const drops = (hooks: readonly Hook[]): Hook | undefined => hooks.find(hook => hook.policy === 'drop' && (ends ? hook.hook !== 'forward' : hook.hook === 'forward'))
    const nft = await at.place.exec(['nft', '-j', 'list', 'ruleset'])
    let evidence = nft
    let dropping = nft.exitCode === 0 ? drops(readFrom(nft, readHooks)) : undefined
    if (dropping === undefined) {
      // In a user namespace nobody may read which of the older tables there are: this one is asked for by name,
      // and where it is not there it is made, empty. So it is asked last.
      evidence = await at.place.exec(['iptables-legacy-save', '-t', 'filter'])
      dropping = evidence.exitCode === 0 ? drops(readLegacyPolicies(evidence.stdout)) : undefined
    }
    if (dropping === undefined) return undefined
    this.evidence.push(evidence)
    return `the way is there, but in ${nameOf(at)} ${dropping.name} drops what no rule accepts (policy drop)`
  }

  /** What is wrong with the sender's own end of the link. */
  async #carrier(at: Namespace, link: Link): Promise<string | undefined> {
    if (!link.up) return `${link.name} in ${nameOf(at)} is down`
    if (link.state !== 'LOWERLAYERDOWN' && link.state !== 'DOWN') return undefined
    this.evidence.push(at.evidence)
    const other = this.#otherEnd(at, link)
    return other === undefined
      ? `${link.name} in ${nameOf(at)} has no carrier`
      : `${link.name} in ${nameOf(at)} has no carrier: its other end, ${other.link.name} in ${nameOf(other.namespace)}, is down`
  }

  /** What is wrong on the link between two hops. */
  async #linkLost(at: Namespace, link: Link, next: string, owner: { readonly namespace: Namespace; readonly link: Link }): Promise<string | undefined> {
    const theirs = `${owner.link.name} in ${nameOf(owner.namespace)}`
    if (!owner.link.up) return `${nameOf(at)} sends it to ${next}, and ${theirs} is down`
    // On a bridge the other end of each veth must be a port, and a port that forwards.
    for (const [namespace, end] of [[at, link], [owner.namespace, owner.link]] as const) {
      const outer = this.#otherEnd(namespace, end)
      // A veth that leads straight to the other has no bridge to be attached to.
      if (outer === undefined || !outer.namespace.own || outer.link === link || outer.link === owner.link) continue
      const where = `${outer.link.name}, the other end of ${end.name} in ${nameOf(namespace)},`
      if (!outer.link.up) return `${where} is down`
      if (outer.link.master === undefined) {
        // The node answers for addresses of its own on any interface, but a bridge's MAC is only on the bridge;
        // for others it answers where it is told to.
        if ((owner.namespace === outer.namespace && owner.link.kind !== 'bridge') || await this.#answersForOthers(outer.namespace, outer.link)) continue
        return `${where} is attached to no bridge`
      }
      const bridge = outer.namespace.links.find(one => one.name === outer.link.master)
      if (bridge !== undefined && !bridge.up) return `the bridge ${bridge.name} on ${outer.namespace.node} is down`
      const { value: ports, evidence } = await tool(outer.namespace.place, ['bridge', '-j', '-d', 'link'], readPorts)
      const port = ports.find(one => one.index === outer.link.index)
      if (port !== undefined && port.state !== 'forwarding') {
        this.evidence.push(evidence)
        return `${where} is a port of ${port.bridge} that is ${port.state}`
      }
      // The bridge itself, and so the node, is never isolated.
      const between = at !== outer.namespace && owner.namespace !== outer.namespace
      if (between && port?.isolated === true && ports.filter(one => one.isolated && one.bridge === port.bridge).length > 1) {
        this.evidence.push(evidence)
        return `${where} is an isolated port of ${port.bridge}: isolated ports do not talk to each other`
      }
    }
    if (await this.#answers(at, next)) return undefined
    return `${nameOf(at)} asks on ${link.name} who has ${next}, and nobody answers, though ${theirs} has it`
  }

  /** Whether the neighbour is known. One in vain stays known as in vain. */
  async #answers(at: Namespace, next: string): Promise<boolean> {
    const evidence = await at.place.exec(['ip', '-j', 'neigh', 'show', 'to', next])
    const neighbour = evidence.exitCode === 0 ? readFrom(evidence, readNeighbours).find(one => one.address === next) : undefined
    // No entry: nothing was sent that way yet, which says nothing about the link.
    if (neighbour === undefined || neighbour.mac !== undefined) return true
    this.evidence.push(evidence)
    return false
  }

  /** Who takes what is for an address that nobody has, as a pod's gateway at Calico; or why the other end of the cable does not. */
  async #answersInPlace(at: Namespace, link: Link, next: string): Promise<{ readonly namespace: Namespace; readonly link: Link } | string | undefined> {
    const other = this.#otherEnd(at, link)
    if (other === undefined || other.link.master !== undefined) return undefined
    const evidence = await at.place.exec(['ip', '-j', 'neigh', 'show', 'to', next])
    const neighbour = evidence.exitCode === 0 ? readFrom(evidence, readNeighbours).find(one => one.address === next) : undefined
    if (neighbour === undefined) return undefined
    this.evidence.push(evidence)
    if (neighbour.mac === other.link.mac) return other
    if (neighbour.mac !== undefined) return `${nameOf(at)} sends it to ${next}, which it takes to be ${neighbour.mac}, and the other end of ${link.name}, ${other.link.name} in ${nameOf(other.namespace)}, has another MAC`
    const asks = `${nameOf(at)} asks on ${link.name} who has ${next}, and nobody answers`
    if (!await this.#answersForOthers(other.namespace, other.link)) return `${asks}: nobody has it, and ${other.link.name} in ${nameOf(other.namespace)} does not answer for others (proxy_arp is 0)`
    // A proxy answers only for what it would itself send elsewhere.
    const route = await other.namespace.place.exec(['ip', '-j', 'route', 'get', next])
    this.evidence.push(route)
    return route.exitCode === 0 ? asks : `${asks}: ${nameOf(other.namespace)} answers for others, but has no route to ${next} itself`
  }

  async #answersForOthers(at: Namespace, link: Link): Promise<boolean> {
    const evidence = await at.place.exec(['sysctl', '-n', `net.ipv4.conf.${link.name.replaceAll('.', '/')}.proxy_arp`, 'net.ipv4.conf.all.proxy_arp'])
    this.evidence.push(evidence)
    return evidence.stdout.split('\n').includes('1')
  }

  #otherEnd(at: Namespace, link: Link): { readonly namespace: Namespace; readonly link: Link } | undefined {
    if (link.kind !== 'veth' || link.peerIndex === undefined) return undefined
    if (link.peerNamespace === undefined) {
      const peer = at.links.find(one => one.index === link.peerIndex)
      return peer === undefined ? undefined : { namespace: at, link: peer }
    }
    const peers = this.#namespaces.filter(one => one.node === at.node && one !== at).flatMap(namespace => namespace.links
      .filter(one => one.index === link.peerIndex && one.peerIndex === link.index && one.kind === 'veth').map(one => ({ namespace, link: one })))
    return peers.length === 1 ? peers[0] : undefined
  }

  /** Sends the same once more and tells what a counter did: `0 → 1`. */
  async #countAgain(place: Place, counter: string): Promise<string | undefined> {
    const { client, server, from, to, heard } = this.#exchange
    const [sender, receiver] = heard === undefined ? [client, to.address] : [server, from.address]
    const before = await counters(place)
    await ask(sender.namespace, [{ address: receiver, port: 9, nonce: 'explained' }], AGAIN_MS)
    const after = await counters(place)
    const [one, other] = [before, after].map(({ value }) => value.get(counter))
    if (one === undefined || other === undefined || other <= one) return undefined
    this.evidence.push(before.evidence, after.evidence)
    return `${one} → ${other}`
  }
}

function counters(place: Place): Promise<{ readonly value: Counters; readonly evidence: Evidence }> {
  return tool(place, ['cat', '/proc/net/snmp', '/proc/net/netstat'], readCounters)
}

/** `red` for `node1/red`: who a reader thinks of. */
export function nameOf(namespace: Namespace): string {
  return namespace.own ? namespace.node : namespace.named ?? namespace.place.name
}

/** Where a source address was changed, if the rules say so. */
export async function translation(bench: Bench, nodes: readonly string[], evidence: NonEmpty<Evidence>): Promise<Missing> {
  for (const node of nodes) {
    const place = bench.place(node)
    // The older tables last: see above.
    for (const argv of [['nft', '-s', 'list', 'ruleset'], ['iptables-legacy-save', '-t', 'nat']]) {
      const rules = await place.exec(argv)
      const rule = rules.stdout.split('\n').find(line => /\b(masquerade|snat)\b|-j (MASQUERADE|SNAT)\b/.test(line))
      if (rule !== undefined) return { because: `${node} has the rule \`${rule.trim().slice(0, 160)}\``, evidence: [...evidence, rules] }
    }
  }
  return { because: 'its source address was changed on the way', evidence }
}
