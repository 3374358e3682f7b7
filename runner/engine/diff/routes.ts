// Where packets are sent: routes, rules, permanent neighbours and forwarding entries.
import type { ForwardingEntry, ObservedNeighbour, ObservedRoute } from '../../core/observed.ts'
import { entries, how, type Command, type Difference, type Entry } from './difference.ts'
import type { NamespacePair, Pair } from './match.ts'
import { placeOf, wantedPlace, type Names } from './names.ts'

/** What is there and should not be goes with the link that it names, if that should not be there either. */
function goesWithLink(pair: NamespacePair, devices: readonly (string | undefined)[]): boolean {
  return devices.some(device => pair.links.some(({ have, want }) => want === undefined && have?.name === device))
}

/** All that is wanted of a link: it is lost when the link is made anew. */
export function wantedOn(pair: NamespacePair, name: string, names: Names): readonly Command[] {
  const { want } = pair
  if (want === undefined) return []
  const place = placeOf(pair)
  const own = (link: string): string => names.toHave(want.place, link)
  return [
    ...wantedRoutesOn(pair, name, names),
    ...want.neighbours.filter(one => one.kind === 'permanent' && one.device === name).map(one => ({ place, text: neighbourCommand(one, own(name), names.macToHave(one.mac ?? '')) })),
    ...want.forwarding.filter(one => one.kind === 'permanent' && one.device === name && one.bridge === undefined)
      .map(one => ({ place, text: `bridge fdb append ${forwardingWords(one, own, mac => names.macToHave(mac))}` })),
  ]
}

export function wantedRoutesOn(pair: NamespacePair, name: string, names: Names): readonly Command[] {
  const place = placeOf(pair)
  return reachable(made(pair.want?.routes).map(want => ({ have: undefined, want }))).flatMap(({ want }) => want ?? []).filter(({ hops }) => hops.some(({ device }) => device === name))
    .map(route => ({ place, text: `ip route replace ${routeWords(route, link => names.toHave(wantedPlace(pair), link))}` }))
}

const BY_HAND: readonly string[] = ['boot', 'static', 'kernel']

/** A next hop has to be reachable before it can be one: what is on the link itself comes first. */
function reachable<T extends Pair<ObservedRoute>>(all: readonly T[]): readonly T[] {
  return all.toSorted((one, other) => Number(one.want?.hops.some(({ via }) => via !== undefined) ?? false) - Number(other.want?.hops.some(({ via }) => via !== undefined) ?? false))
}

/** Those that the kernel makes come with addresses. */
function made(all: readonly ObservedRoute[] | undefined): readonly ObservedRoute[] {
  return (all ?? []).filter(route => route.protocol !== 'kernel')
}

export function routeDifferences(pair: NamespacePair, names: Names): readonly Difference[] {
  if (pair.want === undefined) return []
  const place = placeOf(pair)
  const at = wantedPlace(pair)
  const entry = (route: ObservedRoute, device: (name: string) => string): Entry => ({
    key: `${route.table} ${route.to} ${route.metric ?? 0}`,
    text: [route.kind, ...route.hops.map(hop => `via ${hop.via ?? ''} dev ${device(hop.device ?? '')} ${route.hops.length > 1 ? hop.weight ?? 1 : ''}`), route.source ?? '', route.mtu ?? ''].join(' '),
  })
  return reachable(entries(made(pair.have?.routes), made(pair.want.routes), route => entry(route, name => names.toWant(at, name)), route => entry(route, name => name)))
    .filter(({ have, want }) => want !== undefined || !goesWithLink(pair, have?.hops.map(({ device }) => device) ?? [])).map(({ have, want }) => {
    const haveText = have === undefined ? undefined : routeWords(have, name => name)
    const wantText = want === undefined ? undefined : routeWords(want, name => names.toHave(at, name))
    const route = want ?? have
    const made = want === undefined || BY_HAND.includes(want.protocol) ? undefined : want.protocol
    return {
      place, kind: 'route', how: how({ have, want }), object: `${route?.to === 'default' ? 'the default route' : `the route to ${route?.to ?? ''}`}${route === undefined || route.table === 'main' ? '' : ` in table ${route.table}`}${made === undefined ? '' : `, which ${made} makes`}`,
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
  ).filter(({ have, want }) => want !== undefined || !goesWithLink(pair, [have?.device])).map(({ have, want }) => {
    const { address, device, kind } = want ?? have ?? { address: '', device: '', kind: 'permanent' }
    const dev = want === undefined ? device : names.toHave(at, device)
    const mac = want?.mac === undefined ? undefined : names.macToHave(want.mac)
    return {
      place, kind: 'neighbour', how: how({ have, want }), object: kind === 'proxy' ? `answering for ${address} on ${dev}` : `the neighbour ${address} on ${dev}`,
      have: have === undefined ? undefined : have.mac ?? 'proxy', want: want === undefined ? undefined : mac ?? 'proxy',
      commands: [{
        place,
        text: kind === 'proxy' ? `ip neigh ${want === undefined ? 'del' : 'add'} proxy ${address} dev ${dev}`
          : want === undefined ? `ip neigh del ${address} dev ${dev}` : neighbourCommand(want, dev, mac ?? ''),
      }],
    }
  })
}

export function forwardingDifferences(pair: NamespacePair, names: Names): readonly Difference[] {
  if (pair.want === undefined) return []
  const place = placeOf(pair)
  const at = wantedPlace(pair)
  const kept = (all: readonly ForwardingEntry[] | undefined): readonly ForwardingEntry[] => (all ?? []).filter(({ kind }) => kind === 'permanent')
  return entries(kept(pair.have?.forwarding), kept(pair.want.forwarding),
    (one): Entry => ({ key: `${names.macInHave(one.mac)} ${one.bridge === undefined ? names.toWant(at, one.device) : ''}`, text: `${one.to ?? ''} ${names.toWant(at, one.device)}` }),
    (one): Entry => ({ key: `${names.macInWant(one.mac)} ${one.bridge === undefined ? one.device : ''}`, text: `${one.to ?? ''} ${one.device}` }),
  ).filter(({ have, want }) => want !== undefined || !goesWithLink(pair, [have?.device])).map(({ have, want }) => {
    const haveText = have === undefined ? undefined : forwardingWords(have, name => name, mac => mac)
    const wantText = want === undefined ? undefined : forwardingWords(want, name => names.toHave(at, name), mac => names.macToHave(mac))
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

function neighbourCommand({ address }: ObservedNeighbour, device: string, mac: string): string {
  return `ip neigh replace ${address} lladdr ${mac} dev ${device} nud permanent`
}

function forwardingWords({ mac, device, to, bridge }: ForwardingEntry, dev: (name: string) => string, address: (mac: string) => string): string {
  return `${address(mac)} dev ${dev(device)}${to === undefined ? '' : ` dst ${to}`}${bridge === undefined ? '' : ' master'}`
}
