// Namespaces and links: what is there, what joins what, and how it is set.
import type { ObservedLink } from '../../core/observed.ts'
import type { Command, Difference, DifferenceKind } from './difference.ts'
import type { NamespacePair, Pair } from './match.ts'
import { placeOf, wantedPlace, type Names } from './names.ts'
import { wantedOn } from './routes.ts'

export function namespaceDifferences({ have, want }: NamespacePair): readonly Difference[] {
  if (have !== undefined && want !== undefined) return []
  const { node, named = '' } = have ?? want ?? { node: '' }
  if (named === '') return []
  return [{
    place: node, kind: 'namespace', how: have === undefined ? 'missing' : 'extra', object: `the namespace ${named}`,
    have: have === undefined ? undefined : 'is there', want: want === undefined ? undefined : 'is there',
    commands: [{ place: node, text: `ip netns ${have === undefined ? 'add' : 'del'} ${named}` }],
  }]
}

/** What a namespace that has just been made holds. */
const FRESH_LOOPBACK: Pick<ObservedLink, 'up' | 'addresses'> = { up: false, addresses: [] }

export function linkDifferences(pair: NamespacePair, names: Names, all: readonly NamespacePair[]): readonly Difference[] {
  if (pair.want === undefined) return []
  const place = placeOf(pair)
  return inOrder(pair.links).flatMap(({ have, want }): readonly Difference[] => {
    if (want === undefined) return have === undefined ? [] : extraLink(place, have)
    if (want.name === 'lo' && want.kind === undefined) return told(place, 'lo', have ?? FRESH_LOOPBACK, want)
    if (have === undefined) return missingLink(place, want, names, pair, all)
    return [
      ...told(place, have.name, have, want),
      ...value(place, have.name, 'link', `the MTU of ${have.name}`, String(have.mtu), String(want.mtu), `ip link set ${have.name} mtu ${want.mtu}`),
      ...value(place, have.name, 'link', `ARP on ${have.name}`, onOff(have.arp), onOff(want.arp), `ip link set ${have.name} arp ${onOff(want.arp)}`),
      ...masterDifference(place, have, want, names, pair),
      ...portDifferences(place, have, want),
      ...bridgeDifferences(place, have, want),
      ...tunnelDifferences(place, have, want, names, pair),
    ]
  })
}

/** What others are put into comes before them. */
function inOrder(links: readonly Pair<ObservedLink>[]): readonly Pair<ObservedLink>[] {
  const rank = ({ want }: Pair<ObservedLink>): number => want?.kind === 'bridge' ? 0 : want?.tunnel === undefined ? 1 : 2
  return links.toSorted((one, other) => rank(one) - rank(other))
}

const onOff = (is: boolean): string => is ? 'on' : 'off'

function value(place: string, name: string, kind: DifferenceKind, object: string, have: string, want: string, command: string): readonly Difference[] {
  return have === want || name === '' ? [] : [{ place, kind, how: 'different', object, have, want, commands: [{ place, text: command }] }]
}

function told(place: string, name: string, have: Pick<ObservedLink, 'up'>, want: Pick<ObservedLink, 'up'>): readonly Difference[] {
  const as = (up: boolean): string => up ? 'up' : 'down'
  return value(place, name, 'link', name, as(have.up), as(want.up), `ip link set ${name} ${as(want.up)}`)
}

function extraLink(place: string, have: ObservedLink): readonly Difference[] {
  // The other end goes with it, and is no second difference.
  if (have.peer !== undefined && `${have.peer.place} ${have.peer.link}` < `${place} ${have.name}` && have.peer.place.startsWith(place.split('/')[0] ?? '')) return []
  return [{
    place, kind: 'link', how: 'extra', object: `${have.name}, a ${have.kind ?? 'link'}`, have: joins(have), want: undefined,
    commands: [{ place, text: `ip link del ${have.name}` }],
  }]
}

function joins({ peer }: ObservedLink): string {
  return peer === undefined ? 'is there' : `joined to ${peer.link} in ${peer.place}`
}

function missingLink(place: string, want: ObservedLink, names: Names, pair: NamespacePair, all: readonly NamespacePair[]): readonly Difference[] {
  const far = farEnd(want, all)
  // Its other end would be with a process that does not run.
  if (want.peer !== undefined && far === undefined) return []
  const peer = far === undefined ? undefined : { place: placeOf(far.pair), link: far.link.name }
  // A veth is made once, from the end that is in the node's own namespace, or else from the first.
  if (peer !== undefined && fromOther(place, want.name, peer)) return []
  const make = [
    `ip link add ${want.name}`,
    ...(want.mac !== undefined && names.macMatters(want.mac) ? [`address ${want.mac}`] : []),
    `type ${want.kind ?? 'dummy'}`,
    // No forward delay: a port forwards as soon as it is one.
    ...(want.kind === 'bridge' ? ['forward_delay 0', ...(want.bridge?.stp ? ['stp_state 1'] : []), ...(want.bridge?.vlanFiltering ? ['vlan_filtering 1'] : [])] : []),
    ...tunnelWords(want, names, pair),
    ...(peer === undefined ? [] : [`peer name ${peer.link}${peer.place === place ? '' : ` netns ${far?.pair.have?.named ?? far?.pair.want?.named ?? far?.pair.have?.path ?? ''}`}`]),
  ].join(' ')
  return [{
    place, kind: want.tunnel === undefined ? 'link' : 'tunnel', how: 'missing', object: `${want.name}, a ${want.kind ?? 'link'}${peer === undefined ? '' : ` to ${peer.place}`}`,
    have: undefined, want: peer === undefined ? 'is there' : `joined to ${peer.link} in ${peer.place}`,
    commands: [{ place, text: make }, ...finish(place, want, names, pair), ...(far === undefined ? [] : finish(placeOf(far.pair), far.link, names, far.pair))],
  }]
}

function farEnd({ peer }: ObservedLink, all: readonly NamespacePair[]): { readonly pair: NamespacePair; readonly link: ObservedLink } | undefined {
  const pair = all.find(({ want }) => want?.place === peer?.place)
  const link = pair?.want?.links.find(({ name }) => name === peer?.link)
  return pair === undefined || link === undefined ? undefined : { pair, link }
}

function fromOther(place: string, name: string, peer: { readonly place: string; readonly link: string }): boolean {
  const depth = (at: string): number => at.includes('/') ? 1 : 0
  return depth(peer.place) === depth(place) ? `${peer.place} ${peer.link}` < `${place} ${name}` : depth(peer.place) < depth(place)
}

/** What is left to do for a link that has been made. */
function finish(place: string, want: ObservedLink, names: Names, pair: NamespacePair): readonly Command[] {
  const words = [
    ...(want.tunnel === undefined && want.mtu === 1500 ? [] : [`mtu ${want.mtu}`]),
    ...(want.master === undefined ? [] : [`master ${names.toHave(wantedPlace(pair), want.master)}`]),
    ...(want.arp ? [] : ['arp off']),
    ...(want.up ? ['up'] : []),
  ]
  const switched = Object.entries(want.port?.flags ?? {}).filter(([name, on]) => on !== DEFAULT_ON.includes(name)).map(([name, on]) => `${name} ${onOff(on)}`)
  return [
    ...(words.length === 0 ? [] : [{ place, text: `ip link set ${want.name} ${words.join(' ')}` }]),
    ...(switched.length === 0 ? [] : [{ place, text: `bridge link set dev ${want.name} ${switched.join(' ')}` }]),
  ]
}

const DEFAULT_ON: readonly string[] = ['learning', 'flood', 'mcast_flood', 'bcast_flood']

function masterDifference(place: string, have: ObservedLink, want: ObservedLink, names: Names, pair: NamespacePair): readonly Difference[] {
  const wanted = want.master === undefined ? undefined : names.toHave(wantedPlace(pair), want.master)
  if (have.master === wanted) return []
  return [{
    place, kind: 'bridge port', how: 'different', object: `what ${have.name} is a port of`, have: have.master ?? 'nothing', want: wanted ?? 'nothing',
    commands: [{ place, text: wanted === undefined ? `ip link set ${have.name} nomaster` : `ip link set ${have.name} master ${wanted}` }],
  }]
}

function portDifferences(place: string, have: ObservedLink, want: ObservedLink): readonly Difference[] {
  const [one, other] = [have.port, want.port]
  if (one === undefined || other === undefined) return []
  const switches = Object.keys(other.flags).flatMap(name => {
    const [is, should] = [one.flags[name] ?? false, other.flags[name] ?? false]
    return value(place, have.name, 'bridge port', `${name} of ${have.name}`, onOff(is), onOff(should), `bridge link set dev ${have.name} ${name} ${onOff(should)}`)
  })
  // On the way to forwarding is as good as forwarding.
  const shut = (state: string): string => state === 'disabled' || state === 'blocking' ? state : 'forwarding'
  return [...switches, ...(have.up && want.up && have.carrier
    ? value(place, have.name, 'bridge port', `the state of the port ${have.name}`, shut(one.state), shut(other.state), `bridge link set dev ${have.name} state 3`) : [])]
}

function bridgeDifferences(place: string, have: ObservedLink, want: ObservedLink): readonly Difference[] {
  if (have.bridge === undefined || want.bridge === undefined) return []
  const set = (option: string, is: boolean, should: boolean): readonly Difference[] =>
    value(place, have.name, 'link', `${option} of ${have.name}`, onOff(is), onOff(should), `ip link set ${have.name} type bridge ${option} ${Number(should)}`)
  return [...set('stp_state', have.bridge.stp, want.bridge.stp), ...set('vlan_filtering', have.bridge.vlanFiltering, want.bridge.vlanFiltering)]
}

/** A tunnel is what it was made as: it has to be made anew. */
function tunnelDifferences(place: string, have: ObservedLink, want: ObservedLink, names: Names, pair: NamespacePair): readonly Difference[] {
  if (have.tunnel === undefined || want.tunnel === undefined) return []
  const should = tunnelWords(want, names, pair).join(' ')
  const is = tunnelWords(have, names, undefined).join(' ')
  if (is === should) return []
  return [{
    place, kind: 'tunnel', how: 'different', object: have.name, have: is, want: should,
    commands: [
      { place, text: `ip link del ${have.name}` },
      { place, text: [`ip link add ${have.name}`, ...(have.mac === undefined ? [] : [`address ${have.mac}`]), `type ${want.kind ?? ''}`, should].join(' ') },
      ...finish(place, { ...want, name: have.name }, names, pair),
      ...want.addresses.map(address => ({ place, text: `ip addr add ${address} dev ${have.name}` })),
      ...wantedOn(pair, want.name, names),
    ],
  }]
}

function tunnelWords({ tunnel, kind }: ObservedLink, names: Names, pair: NamespacePair | undefined): readonly string[] {
  if (tunnel === undefined) return []
  const over = tunnel.over === undefined || pair === undefined ? tunnel.over : names.toHave(wantedPlace(pair), tunnel.over)
  return [
    ...(tunnel.id === undefined ? [] : [`id ${tunnel.id}`]),
    ...(over === undefined ? [] : [`dev ${over}`]),
    ...(tunnel.local === undefined ? [] : [`local ${tunnel.local}`]),
    ...(tunnel.remote === undefined ? [] : [`remote ${tunnel.remote}`]),
    ...(tunnel.port === undefined || kind !== 'vxlan' ? [] : [`dstport ${tunnel.port}`]),
    ...(tunnel.learning === false ? ['nolearning'] : []),
  ]
}
