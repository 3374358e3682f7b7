import type { Check, Place } from '../runner/core/bench.ts'
import { broadcastOf, contains, networkOf, parseAddress, parseCidr, type Cidr } from '../runner/core/ipv4.ts'
import { CouldNotLook, fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { add, attachment, withNetwork, type Added, type Attachment } from './cni.ts'
import { readLinks } from './read/links.ts'
import { readPing } from './read/ping.ts'
import { tool, unable } from './tool.ts'

/**
 * `a pod that joins the network of node1 gets the interface that was asked for, an address of 10.244.1.0/26, and a way to
 * node1 and back; and what the plugin prints of it is true`. The interface and the pod have names that nobody knows before;
 * and another pod is given an eth0, as most are.
 */
export function cniJoins(node: string, range: string): Check {
  const within = parseCidr(range)
  if (within === undefined) throw new Error(`expected a range, for example 10.244.1.0/24, and got ${range}`)
  return {
    claim: `a pod that joins the network of ${node} gets the interface that was asked for, an address of ${range}, and a way to ${node} and back; and what is printed of it is true`,
    look: bench => withNetwork(bench, node, async (network, { place, address, pods }) => {
      const of = attachment()
      await pods(of.name)
      const added = await add(place, network, of)
      if ('because' in added) return fail(added.because, ...added.evidence)
      const links = await tool(place, ['ip', '-j', '-d', '-n', of.name, 'addr'], readLinks)
      const seen = [links.evidence, ...added.evidence] as const
      const wrong = untrue(added, of, within, links.value)
      if (wrong !== undefined) return fail(wrong, ...seen)
      // Every node has an eth0 of its own, and what is made there under that name fails.
      const usual = { ...attachment(), ifname: 'eth0' }
      await pods(usual.name)
      const second = await add(place, network, usual)
      if ('because' in second) return fail(`asked for eth0: ${second.because}`, ...second.evidence)
      const [own] = added.result.ips
      const [there, back] = await Promise.all([ping(place, of.name, address), ping(place, undefined, own?.address ?? '')])
      if (!there.answered) return fail(`the pod does not reach ${address}, the address of ${node}: ${there.because}`, there.evidence, ...seen)
      if (!back.answered) return fail(`${node} does not reach the pod by ${own?.address ?? ''}, the address that was printed: ${back.because}`, back.evidence, ...seen)
      return pass(there.evidence, back.evidence, ...seen)
    }),
  }
}

/** What the result says and the kernel does not, or what it has to say and does not. */
function untrue({ result }: Added, of: Attachment, range: Cidr, links: ReturnType<typeof readLinks>): string | undefined {
  const link = links.find(({ name }) => name === of.ifname)
  const others = links.filter(({ name }) => name !== 'lo').map(({ name }) => name)
  if (link === undefined) return `CNI_IFNAME was ${of.ifname}, and the pod has ${others.length === 0 ? 'no interface' : others.join(', ')}`
  if (!link.up) return `${of.ifname} is there, and down`
  const index = result.interfaces.findIndex(({ name, sandbox: where }) => name === of.ifname && where === of.netns)
  if (index < 0) return `the result has no interface ${of.ifname} with the sandbox ${of.netns ?? ''}: ${JSON.stringify(result.json['interfaces'] ?? 'no interfaces').slice(0, 200)}`
  const mac = result.interfaces[index]?.mac
  if (mac !== undefined && mac !== link.mac) return `the result says that ${of.ifname} has the MAC ${mac}, and it has ${link.mac ?? 'none'}`
  const told = result.ips.filter(ip => ip.interface === index)
  if (told.length === 0) return `the result has no address for interface ${index}, ${of.ifname}: ${JSON.stringify(result.json['ips'] ?? 'no ips').slice(0, 200)}`
  for (const { address, prefix } of told) {
    const held = link.addresses.find(one => one.split('/')[0] === address)
    if (held === undefined) return `the result says that ${of.ifname} has ${address}, and it has ${link.addresses.filter(one => !one.includes(':')).join(', ') || 'no address'}`
    if (held !== `${address}/${prefix}`) return `the result says ${address}/${prefix}, and ${of.ifname} has ${held}`
    const number = parseAddress(address) ?? 0
    if (!contains(range, number)) return `${address} is not of the range of the node`
    if (number === networkOf(range) || number === broadcastOf(range)) return `${address} is no address for a machine: it is the first or the last of the range`
  }
  const held = link.addresses.filter(one => !one.includes(':') && !told.some(({ address }) => one.startsWith(`${address}/`)))
  return held.length === 0 ? undefined : `${of.ifname} has ${held.join(', ')} too, of which the result says nothing`
}

/** From the node itself, or from a pod of it. */
export async function ping(place: Place, pod: string | undefined, to: string): Promise<{ readonly answered: boolean; readonly because: string; readonly evidence: Evidence }> {
  // Until the first answer, for two seconds: some may be lost while a bridge learns that it has a port.
  const evidence = await place.exec([...pod === undefined ? [] : ['ip', 'netns', 'exec', pod], 'ping', '-n', '-c', '1', '-i', '0.2', '-w', '2', to])
  if (evidence.exitCode === undefined) throw new CouldNotLook('ping does not end', evidence)
  if (evidence.exitCode > 1 && !/Network is unreachable|No route to host/.test(evidence.stderr)) throw unable(evidence)
  const answered = evidence.exitCode === 0 || readPing(evidence.stdout).kind === 'answered'
  const said = /(Destination [^\n]*Unreachable|Network is unreachable|No route to host)/.exec(evidence.stdout + evidence.stderr)?.[1]
  return { answered, because: said ?? 'no answer', evidence }
}
