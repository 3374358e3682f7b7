// Where packets are sent: routes, rules, permanent neighbours and forwarding entries.
import type { ForwardingEntry, ObservedNeighbour, ObservedRoute } from '../../core/observed.ts'
import { entries, how, type Difference, type Entry } from './difference.ts'
import type { NamespacePair } from './match.ts'
import { placeOf, wantedPlace, type Names } from './names.ts'

export function routeDifferences(pair: NamespacePair, names: Names): readonly Difference[] {
  if (pair.want === undefined) return []
  const place = placeOf(pair)
  const at = wantedPlace(pair)
  // Those that the kernel makes come with addresses.
  const made = (all: readonly ObservedRoute[] | undefined): readonly ObservedRoute[] => (all ?? []).filter(route => route.protocol !== 'kernel')
  const entry = (route: ObservedRoute, device: (name: string) => string): Entry => ({
    key: `${route.table} ${route.to} ${route.metric ?? 0}`,
    text: [route.kind, ...route.hops.map(hop => `via ${hop.via ?? ''} dev ${device(hop.device ?? '')} ${route.hops.length > 1 ? hop.weight ?? 1 : ''}`), route.source ?? '', route.mtu ?? ''].join(' '),
  })
  return entries(made(pair.have?.routes), made(pair.want.routes), route => entry(route, name => names.toWant(at, name)), route => entry(route, name => name)).map(({ have, want }) => {
    const own = (route: ObservedRoute, device: (name: string) => string): string => routeWords(route, device)
    const haveText = have === undefined ? undefined : own(have, name => name)
    const wantText = want === undefined ? undefined : own(want, name => names.toHave(at, name))
    const route = want ?? have
    return {
      place, kind: 'route', how: how({ have, want }), object: `${route?.to === 'default' ? 'the default route' : `the route to ${route?.to ?? ''}`}${route === undefined || route.table === 'main' ? '' : ` in table ${route.table}`}`,
      have: haveText, want: wantText,
      commands: [{ place, text: wantText === undefined ? `ip route del ${haveText ?? ''}` : `ip route ${have === undefined ? 'add' : 'replace'} ${wantText}` }],
    }
  })
}

function routeWords(route: ObservedRoute, device: (name: string) => string): string {
  const hop = ({ via, device: name, onlink }: ObservedRoute['hops'][number]): string =>
    [...(via === undefined ? [] : [`via ${via}`]), ...(name === undefined ? [] : [`dev ${device(name)}`]), ...(onlink ? ['onlink'] : [])].join(' ')
  return [
    ...(route.kind === 'unicast' ? [] : [route.kind]), route.to,
    ...(route.hops.length === 1 ? route.hops.map(hop) : route.hops.map(one => `nexthop ${hop(one)} weight ${one.weight ?? 1}`)),
    ...(route.table === 'main' ? [] : [`table ${route.table}`]),
    ...(route.source === undefined ? [] : [`src ${route.source}`]),
    ...(route.metric === undefined ? [] : [`metric ${route.metric}`]),
    ...(route.mtu === undefined ? [] : [`mtu ${route.mtu}`]),
  ].filter(word => word !== '').join(' ')
}

export function ruleDifferences(pair: NamespacePair): readonly Difference[] {
  if (pair.want === undefined) return []
  const place = placeOf(pair)
  const entry = ({ text }: { readonly text: string }): Entry => ({ key: text, text })
  return entries(pair.have?.rules ?? [], pair.want.rules, entry, entry).map(({ have, want }) => {
    const text = (want ?? have)?.text ?? ''
    return {
      place, kind: 'routing rule', how: how({ have, want }), object: `the rule "${text}"`, have: have?.text, want: want?.text,
      commands: [{ place, text: `ip rule ${want === undefined ? 'del' : 'add'} ${text}${want === undefined ? '' : ` priority ${want.priority}`}` }],
    }
  })
}

export function neighbourDifferences(pair: NamespacePair, names: Names): readonly Difference[] {
  if (pair.want === undefined) return []
  const place = placeOf(pair)
  const at = wantedPlace(pair)
  const kept = (all: readonly ObservedNeighbour[] | undefined): readonly ObservedNeighbour[] => (all ?? []).filter(({ kind }) => kind !== 'learned')
  return entries(kept(pair.have?.neighbours), kept(pair.want.neighbours),
    ({ kind, address, device, mac }): Entry => ({ key: `${kind} ${names.toWant(at, device)} ${address}`, text: names.macInHave(mac ?? '') }),
    ({ kind, address, device, mac }): Entry => ({ key: `${kind} ${device} ${address}`, text: names.macInWant(mac ?? '') }),
  ).map(({ have, want }) => {
    const { address, device, kind } = want ?? have ?? { address: '', device: '', kind: 'permanent' }
    const dev = want === undefined ? device : names.toHave(at, device)
    const mac = want?.mac === undefined ? undefined : names.macToHave(want.mac)
    return {
      place, kind: 'neighbour', how: how({ have, want }), object: kind === 'proxy' ? `answering for ${address} on ${dev}` : `the neighbour ${address} on ${dev}`,
      have: have === undefined ? undefined : have.mac ?? 'proxy', want: want === undefined ? undefined : mac ?? 'proxy',
      commands: [{
        place,
        text: kind === 'proxy' ? `ip neigh ${want === undefined ? 'del' : 'add'} proxy ${address} dev ${dev}`
          : want === undefined ? `ip neigh del ${address} dev ${dev}` : `ip neigh replace ${address} lladdr ${mac ?? ''} dev ${dev} nud permanent`,
      }],
    }
  })
}

export function forwardingDifferences(pair: NamespacePair, names: Names): readonly Difference[] {
  if (pair.want === undefined) return []
  const place = placeOf(pair)
  const at = wantedPlace(pair)
  const kept = (all: readonly ForwardingEntry[] | undefined): readonly ForwardingEntry[] => (all ?? []).filter(({ kind }) => kind === 'permanent')
  const words = ({ mac, device, to, bridge }: ForwardingEntry, dev: (name: string) => string, address: (mac: string) => string): string =>
    `${address(mac)} dev ${dev(device)}${to === undefined ? '' : ` dst ${to}`}${bridge === undefined ? '' : ' master'}`
  return entries(kept(pair.have?.forwarding), kept(pair.want.forwarding),
    (one): Entry => ({ key: `${names.macInHave(one.mac)} ${one.bridge === undefined ? names.toWant(at, one.device) : ''}`, text: `${one.to ?? ''} ${names.toWant(at, one.device)}` }),
    (one): Entry => ({ key: `${names.macInWant(one.mac)} ${one.bridge === undefined ? one.device : ''}`, text: `${one.to ?? ''} ${one.device}` }),
  ).map(({ have, want }) => {
    const haveText = have === undefined ? undefined : words(have, name => name, mac => mac)
    const wantText = want === undefined ? undefined : words(want, name => names.toHave(at, name), mac => names.macToHave(mac))
    const device = want === undefined ? have?.device ?? '' : names.toHave(at, want.device)
    return {
      place, kind: 'forwarding entry', how: how({ have, want }), object: `where ${device} has ${want === undefined ? have?.mac ?? '' : names.macToHave(want.mac)}`, have: haveText, want: wantText,
      commands: [
        ...(haveText === undefined ? [] : [{ place, text: `bridge fdb del ${haveText}` }]),
        ...(wantText === undefined ? [] : [{ place, text: `bridge fdb append ${wantText}${want?.bridge === undefined ? '' : ' static'}` }]),
      ],
    }
  })
}
