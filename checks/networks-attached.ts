import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { asks, joins, linksOf, misled, playground, refusal, type Rail } from './networks.ts'
import { readJson, record, records, text } from './read/json.ts'

/** An address that is on no rail. */
const ELSEWHERE = '198.51.100.1'

/**
 * `a pod that asks for rail0, …, rail7 has net1, …, net8, each on its own rail and with its own address; eth0 stays the way
 * out, and its address the pod's`.
 */
export function networksAttached(node: string, rails: readonly Rail[]): Check {
  const [first, last] = [rails[0], rails.at(-1)]
  if (first === undefined || last === undefined) throw new Error('expected a rail at least')
  return {
    claim: `a pod of ${node} that asks for ${first.network} to ${last.network} has ${first.interface} to ${last.interface}, each on its own rail and with its own address; eth0 stays its way out, and eth0's address the pod's`,
    look: bench => playground(bench, node, async ground => {
      const { at } = ground
      const of = await asks(at, rails.map(({ network }) => network).join(', '))
      const added = await joins(ground, of)
      if ('because' in added) return refusal(added)
      const { links, evidence } = await linksOf(at, of.name)
      const seen = [evidence, ...added.evidence] as const
      const own = links.find(({ name }) => name === 'eth0')
      if (own === undefined) return fail('it has no eth0', ...seen)
      for (const { interface: name, address } of rails) {
        const link = links.find(one => one.name === name)
        if (link === undefined) return fail(`it has ${links.map(one => one.name).join(', ')}, and no ${name}`, ...seen)
        if (!link.up) return fail(`${name} is there, and down`, ...seen)
        const held = link.addresses.filter(one => !one.includes(':'))
        if (held.join(' ') !== address) return fail(`${name} has ${held.join(', ') || 'no address'}, and has to have ${address}`, ...seen)
      }
      const { frames, evidence: heard } = await at.heard(of.name)
      const wrong = misled(frames, new Map(rails.map(rail => [rail.interface, rail.device])))
      if (wrong !== undefined) return fail(wrong, heard, ...seen)
      // All questions in one, and an answer a line; a second default route would be asked now and then.
      const gateways = rails.map(({ address }) => address.replace(/\.\d+\/\d+$/, '.1'))
      const asked = await at.place.exec(['ip', '-j', '-n', of.name, '-force', '-batch', '-'], {
        stdin: ['route show default', `route get ${ELSEWHERE}`, ...gateways.map(gateway => `route get ${gateway}`)].map(line => `${line}\n`).join(''),
      })
      const answers = asked.stdout.split('\n').filter(Boolean).map(line => records(readJson(line)))
      const [defaults, out, ...rest] = answers
      if (defaults === undefined || out === undefined) throw new CouldNotLook(`${at.place.name}: the pod's routes could not be read`, asked)
      const ways = defaults.flatMap(route => [text(route['dev']), ...records(route['nexthops'] ?? []).map(hop => text(hop['dev']))]).filter(dev => dev !== undefined)
      const other = ways.find(dev => dev !== 'eth0')
      if (other !== undefined) return fail(`it has a default route by ${other}${ways.includes('eth0') ? ' beside that of eth0' : ''}: what is on no rail has to leave by eth0`, asked, ...seen)
      if (text(record(out[0])['dev']) !== 'eth0') return fail('it has no way out by eth0', asked, ...seen)
      for (const [index, { interface: name }] of rails.entries()) {
        const by = text(record(rest[index]?.[0])['dev'])
        if (by !== name) return fail(`what it sends to ${gateways[index] ?? ''} leaves by ${by ?? 'no interface'}, and has to leave by ${name}`, asked, ...seen)
      }
      const told = added.result.ips.map(({ address }) => address)
      const kubernetes = own.addresses.map(one => one.split('/')[0])
      if (told.length === 0 || !told.every(address => kubernetes.includes(address))) return fail(`the runtime is told ${told.join(', ') || 'no address'} for the pod, and eth0 has ${kubernetes.filter(one => one?.includes(':') === false).join(', ')}`, ...seen)
      return pass(heard, asked, ...seen)
    }),
  }
}
