import { randomBytes, randomInt } from 'node:crypto'
import type { Bench, Check, Namespace, Place } from '../runner/core/bench.ts'
import { OF_A_LOOK } from '../runner/core/observed.ts'
import { broadcastOf, formatAddress, networkOf, parseCidr } from '../runner/core/ipv4.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, endsOf, holders, ownerOf, type NamedEnd, type Owner } from './ends.ts'
import { ask } from './exchange.ts'
import { say, whyNot } from './explain.ts'
import type { Reaching } from './reaches.ts'
import { readReady, type Answer } from './read/probe.ts'
import { start } from '../runner/core/running.ts'
import { translation } from './translation.ts'

const TOOL = '/usr/local/lib/hardway/fresh-pod'

/**
 * `a new pod on node1 is reached by red and green at once, without another command`: one that the check makes, on
 * the bridge that has the gateway's address, and that is gone again when it has looked.
 */
export function freshPod(node: string, gateway: string, from: readonly string[] | Readonly<Record<string, string>>, { keepingAddress = false }: Reaching = {}): Check {
  const ends = endsOf(from)
  return {
    claim: `a new pod on ${node} is reached by ${list(ends.map(end => end.name))} at once, without another command${keepingAddress ? `, and sees ${ends.length === 1 ? 'its' : 'each one\'s'} own address` : ''}`,
    look: bench => look(bench, node, gateway, ends, keepingAddress),
  }
}

async function look(bench: Bench, node: string, gateway: string, ends: readonly NamedEnd[], keepingAddress: boolean): Promise<Verdict> {
  const clients: { readonly end: NamedEnd; readonly owner: Owner }[] = []
  for (const end of ends) {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return fail(owner.because, ...owner.evidence)
    clients.push({ end, owner })
  }
  return withFreshPod(bench, node, gateway, async ({ own, bridge, address, port }) => {
    const asked = await Promise.all(clients.map(async ({ end, owner: { namespace } }) =>
      ({ end, namespace, ...await ask(namespace, [{ address, port, nonce: randomBytes(12).toString('hex') }]) })))
    const evidence = asked.map(one => one.evidence)
    const failed = asked.find(one => one.asked.some(({ answer }) => answer.kind !== 'ok'))
    if (failed === undefined) {
      for (const { end, namespace, asked: got, evidence: seen } of keepingAddress ? asked : []) {
        const other = got.flatMap(({ answer }) => answer.kind === 'ok' && answer.peer !== answer.own ? [answer] : [])[0]
        if (other === undefined) continue
        const rule = await translation(bench, [...new Set([namespace.node, node])], { from: other.own, to: address }, [seen, own.evidence])
        return fail(`a new pod with the address ${address} on ${bridge} of ${node} sees ${other.peer} instead of ${other.own}, the address of ${end.name}: ${rule.because}`, ...rule.evidence)
      }
      return pass(own.evidence, ...evidence)
    }
    const answer: Answer = failed.asked.find(one => one.answer.kind !== 'ok')?.answer ?? { kind: 'timeout' }
    const why = await whyNot(bench, failed.namespace, failed.end, { name: 'the new pod', address, named: true }, 'udp')
    return fail(`${failed.end.name} does not reach a new pod with the address ${address} on ${bridge} of ${node} (${say(answer)})${why === undefined ? '' : `: ${why.sentence}`}`, failed.evidence, own.evidence, ...why?.evidence ?? [])
  })
}

export interface FreshPod {
  /** The namespace of its node. */
  readonly own: Namespace
  readonly bridge: string
  readonly address: string
  /** Where it answers, by TCP and UDP. */
  readonly port: number
  /** Asks from within. */
  readonly place: Place
}

/** A pod that is there while something is looked at. Fails where it would have no gateway or no address. */
export async function withFreshPod(bench: Bench, node: string, gateway: string, work: (pod: FreshPod) => Promise<Verdict>): Promise<Verdict> {
  const own = (await bench.namespaces(node)).find(one => one.own)
  if (own === undefined) throw new CouldNotLook(`${node} has no namespace of its own`)
  const bridge = own.links.find(link => link.kind === 'bridge' && link.addresses.some(held => held.split('/')[0] === gateway))
  if (bridge === undefined) return fail(`no bridge of ${node} has the address ${gateway}: a new pod would have no gateway`, own.evidence)
  const held = bridge.addresses.find(one => one.split('/')[0] === gateway) ?? ''
  const address = await freeAddress(bench, held)
  if (address === undefined) return fail(`${held} on ${bridge.name} leaves no address for another pod`, own.evidence)
  const link = OF_A_LOOK + randomBytes(3).toString('hex')
  const pod = await start(own.place, [TOOL, link, bridge.name, address, gateway], output => readReady(output) !== undefined)
  try {
    const [plain = ''] = address.split('/')
    const pid = /^pod (\d+)$/m.exec(pod.output())?.[1] ?? '0'
    const place: Place = {
      name: `${node}, in a new pod`,
      exec: (argv, options) => own.place.exec(['nsenter', `--net=/proc/${pid}/ns/net`, '--', ...argv], options),
    }
    return await work({ own, bridge: bridge.name, address: plain, port: readReady(pod.output()) ?? 0, place })
  } finally {
    await pod.stop()
    // Killed, it could not tidy up; the kernel does in a moment, this does now.
    await own.place.exec(['ip', 'link', 'del', link])
  }
}

/** One that nobody has, far from those that people give away first. */
async function freeAddress(bench: Bench, bridge: string): Promise<string | undefined> {
  const cidr = parseCidr(bridge)
  if (cidr === undefined || cidr.prefix > 29) return undefined
  const namespaces = await allNamespaces(bench)
  const [first, last] = [networkOf(cidr) + 2, broadcastOf(cidr) - 1]
  for (let tries = 0; tries < 50; tries++) {
    // Within the last quarter, and never far from the bridge's own address in a wide range.
    const low = Math.max(first, Math.min(last, networkOf(cidr) + 255) - 64)
    const address = formatAddress(randomInt(low, Math.min(last, low + 64) + 1))
    if (holders(namespaces, address).length === 0) return `${address}/${cidr.prefix}`
  }
  return undefined
}
