// Addresses, and settings of the kernel.
import { networkOf, parseCidr } from '../../core/ipv4.ts'
import type { ObservedLink } from '../../core/observed.ts'
import type { Difference } from './difference.ts'
import type { NamespacePair } from './match.ts'
import { placeOf, wantedPlace, type Names } from './names.ts'
import { wantedRoutesOn } from './routes.ts'

export function addressDifferences(pair: NamespacePair, names: Names): readonly Difference[] {
  if (pair.want === undefined) return []
  const place = placeOf(pair)
  return pair.links.flatMap(({ have, want }): readonly Difference[] => {
    if (want === undefined) return []
    const name = have?.name ?? names.toHave(wantedPlace(pair), want.name)
    // The loopback's own address comes with it.
    const real = (link: Pick<ObservedLink, 'addresses'> | undefined): readonly string[] => (link?.addresses ?? []).filter(address => address !== '127.0.0.1/8')
    const missing = real(want).filter(address => !real(have).includes(address))
    const extra = real(have).filter(address => !real(want).includes(address))
    const sameAddress = (one: string, other: string): boolean => one.split('/')[0] === other.split('/')[0]
    const changed = missing.map(address => ({ address, before: extra.find(one => sameAddress(one, address)) ?? extra.find(one => sameRange(one, address)) }))
    return [
      ...changed.map(({ address, before }): Difference => ({
        place, kind: 'address', how: before === undefined ? 'missing' : 'different', have: before, want: address,
        object: before === undefined ? `${address} on ${name}` : sameAddress(before, address) ? `the prefix of ${address.split('/')[0]} on ${name}` : `the address of ${name}`,
        commands: before === undefined ? [{ place, text: `ip addr add ${address} dev ${name}` }]
          // The second of a range goes with the first, and so do the routes that need it.
          : sameRange(before, address)
            ? [{ place, text: `ip addr del ${before} dev ${name}` }, { place, text: `ip addr add ${address} dev ${name}` }, ...wantedRoutesOn(pair, want.name, names)]
            : [{ place, text: `ip addr add ${address} dev ${name}` }, { place, text: `ip addr del ${before} dev ${name}` }],
      })),
      ...extra.filter(address => !changed.some(({ before }) => before === address)).map((address): Difference => ({
        place, kind: 'address', how: 'extra', object: `${address} on ${name}`, have: address, want: undefined,
        commands: [{ place, text: `ip addr del ${address} dev ${name}` }],
      })),
    ]
  })
}

function sameRange(one: string, other: string): boolean {
  const [range, second] = [parseCidr(one), parseCidr(other)]
  return range !== undefined && second !== undefined && range.prefix === second.prefix && networkOf(range) === networkOf(second)
}

const FORWARD = 'net.ipv4.ip_forward'

export function settingDifferences(pair: NamespacePair, names: Names): readonly Difference[] {
  const { have, want } = pair
  if (have === undefined || want === undefined) return []
  const wantedName = new Map(pair.links.flatMap(({ have: one, want: other }) => one === undefined || other === undefined ? [] : [[other.name, one.name] as const]))
  const is = (key: string): string | undefined => {
    const [, before = '', link, after = ''] = /^(net\.ipv4\.conf\.)([^.]+)(\..*)$/.exec(key) ?? []
    if (link === undefined || link === 'all') return have.settings[key]
    const own = wantedName.get(link.replaceAll('/', '.'))
    // One that is not there yet will be given what new ones are.
    return have.settings[`${before}${own?.replaceAll('.', '/') ?? 'default'}${after}`]
  }
  const named = (key: string): string => key.replace(/(?<=^net\.ipv4\.conf\.)[^.]+(?=\.)/, link => link === 'all' ? link : names.toHave(want.place, link.replaceAll('/', '.')).replaceAll('.', '/'))
  const differ = Object.entries(want.settings).filter(([key, value]) => {
    const own = is(key)
    return own !== undefined && own !== value && relevant(key)
  })
  // The one switch sets that of each interface.
  const forwarding = differ.filter(([key]) => key.endsWith('.forwarding'))
  const all = Object.keys(want.settings).filter(key => key.endsWith('.forwarding') && relevant(key) && is(key) !== undefined)
  const asOne = forwarding.length === all.length && have.settings[FORWARD] !== want.settings[FORWARD]
  return differ.filter(([key]) => key === FORWARD ? asOne || forwarding.length === 0 && all.length === 0 : !(asOne && key.endsWith('.forwarding'))).map(([key, value]) => ({
    place: have.place, kind: 'setting', how: 'different', object: named(key), have: is(key), want: value,
    commands: [{ place: have.place, text: `sysctl -w ${named(key)}=${value}` }],
  }))
}

/** What new interfaces will be given is of no effect on those that are there, and the loopback forwards nothing. */
function relevant(key: string): boolean {
  return !key.startsWith('net.ipv4.conf.default.') && !key.startsWith('net.ipv4.conf.lo.') && key !== 'net.ipv4.conf.all.forwarding'
}
