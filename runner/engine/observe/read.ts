// Reads what /usr/local/lib/hardway/observe prints on one node. Pure.
import { needed, readJson, record, records, text, texts, whole, type Json } from '../../../checks/read/json.ts'
import { OF_A_LOOK, type BridgePort, type ForwardingEntry, type NextHop, type ObservedLink, type ObservedNamespace, type ObservedNeighbour, type ObservedRoute, type RoutingRule, type Tunnel } from '../../core/observed.ts'
import { readFilters } from './filters.ts'

/** A link whose other end is not looked for yet. */
export interface SeenLink extends Omit<ObservedLink, 'peer' | 'segment' | 'moved' | 'lower'> {
  /** The number of what it is a part of. */
  readonly lowerIndex: number | undefined
  readonly peerIndex: number | undefined
  /** The name of the other end's namespace, where this one has both a number and a name for it. */
  readonly peerNamed: string | undefined
  /** The other end is in another namespace. */
  readonly peerElsewhere: boolean
}

export interface SeenNamespace extends Omit<ObservedNamespace, 'links'> {
  readonly links: readonly SeenLink[]
}

export function readObserved(node: string, printed: string): readonly SeenNamespace[] {
  return printed.split(/^namespace /m).slice(1).map((block, position) => {
    const [head = '', ...rest] = block.split('\n')
    const [inode = '', name = '-', path = ''] = head.split(' ')
    if (!/^\d+$/.test(inode)) throw new Error(`expected the number of a namespace, and got ${JSON.stringify(inode.slice(0, 80))}`)
    const part = partsOf(rest.join('\n'))
    const own = position === 0
    const named = name === '-' ? undefined : name
    const links = readSeenLinks(part('links'), part('ids'))
    return {
      node, own, named, path, inode: Number(inode), links,
      place: own ? node : `${node}/${named ?? `net:[${inode}]`}`,
      routes: readRoutes(part('routes')),
      rules: readRules(part('rules')),
      neighbours: [...readNeighbours(part('neighbours')), ...readProxies(part('proxies'))],
      forwarding: readForwarding(part('forwarding'), links),
      ...readFilters({ nft: part('nft'), iptables: part('iptables'), legacy: part('iptables-legacy') }),
      settings: readSettings(part('settings')),
    }
  })
}

function partsOf(block: string): (name: string) => string {
  const parts = new Map(`\n${block}`.split('\n== ').slice(1).map(part => {
    const end = part.indexOf('\n')
    return end === -1 ? [part, ''] as const : [part.slice(0, end), part.slice(end + 1)] as const
  }))
  return name => needed(parts.get(name), `part ${name}`)
}

function readSeenLinks(addr: string, ids: string): readonly SeenLink[] {
  const names = new Map(records(readJson(ids)).map(entry => [whole(entry['nsid']), text(entry['name'])]))
  // A link that went while it was listed is an empty object.
  const all = records(readJson(addr)).filter(link => typeof link['ifname'] === 'string' && !ofALook(text(link['ifname']) ?? ''))
  const indexes = new Map(all.map(link => [link['ifname'], whole(link['ifindex'])]))
  return all.map(link => {
    const info = record(link['linkinfo'])
    const kind = text(info['info_kind'])
    const data = record(info['info_data'])
    const flags = texts(link['flags'])
    const name = text(link['ifname']) ?? ''
    const elsewhere = whole(link['link_netnsid'])
    return {
      name, kind, index: needed(whole(link['ifindex']), 'number of the interface'),
      up: flags.includes('UP'), carrier: flags.includes('LOWER_UP'), arp: !flags.includes('NOARP'),
      mtu: needed(whole(link['mtu']), 'MTU'), mac: text(link['address']), master: text(link['master']),
      peerIndex: kind === 'veth' ? whole(link['link_index']) ?? indexes.get(text(link['link'])) : undefined,
      lowerIndex: kind !== undefined && PARTS.includes(kind) ? whole(link['link_index']) ?? indexes.get(text(link['link'])) : undefined,
      peerElsewhere: elsewhere !== undefined,
      peerNamed: elsewhere === undefined ? undefined : names.get(elsewhere),
      addresses: records(link['addr_info'] ?? []).flatMap(address => {
        const local = text(address['local'])
        const prefix = whole(address['prefixlen'])
        return address['family'] !== 'inet' || local === undefined || prefix === undefined ? [] : [`${local}/${prefix}`]
      }),
      bridge: kind !== 'bridge' ? undefined : {
        ports: all.flatMap(port => port['master'] === name ? [text(port['ifname']) ?? ''] : []),
        stp: data['stp_state'] === 1, vlanFiltering: data['vlan_filtering'] === 1,
      },
      port: info['info_slave_kind'] === 'bridge' ? portOf(record(info['info_slave_data'])) : undefined,
      tunnel: kind !== undefined && TUNNELS.includes(kind) ? tunnelOf(data) : undefined,
    }
  })
}

/** A check has put up a pod for the moment, which may be going just now. */
function ofALook(name: string): boolean {
  return name.startsWith(OF_A_LOOK)
}

const PARTS: readonly string[] = ['macvlan', 'macvtap', 'ipvlan', 'vlan']
const TUNNELS: readonly string[] = ['vxlan', 'geneve', 'gre', 'gretap', 'ipip']

/** Switches that are off unless somebody has turned them on, or the other way round. */
const SWITCHES: Readonly<Record<string, string>> = {
  hairpin: 'hairpin', isolated: 'isolated', guard: 'guard', root_block: 'root_block', locked: 'locked',
  learning: 'learning', flood: 'flood', mcast_flood: 'mcast_flood', bcast_flood: 'bcast_flood', neigh_suppress: 'neigh_suppress', proxy_arp: 'proxy_arp',
}

function portOf(data: Json): BridgePort {
  return {
    state: text(data['state']) ?? 'unknown',
    flags: Object.fromEntries(Object.entries(SWITCHES).flatMap(([key, name]) => typeof data[key] === 'boolean' ? [[name, data[key]]] : [])),
  }
}

function tunnelOf(data: Json): Tunnel {
  return {
    id: whole(data['id']), port: whole(data['port']), local: text(data['local']), remote: text(data['remote']) ?? text(data['group']),
    over: text(data['link']), learning: typeof data['learning'] === 'boolean' ? data['learning'] : undefined,
  }
}

function readRoutes(printed: string): readonly ObservedRoute[] {
  return records(readJson(printed)).filter(route => route['table'] !== 'local').map(route => ({
    table: text(route['table']) ?? 'main',
    kind: text(route['type']) ?? 'unicast',
    to: needed(text(route['dst']), 'destination'),
    hops: (Array.isArray(route['nexthops']) ? records(route['nexthops']) : [route]).flatMap((hop): readonly NextHop[] => {
      const via = text(hop['gateway']) ?? text(record(hop['via'])['host'])
      const device = text(hop['dev'])
      if (via === undefined && device === undefined) return []
      return [{ via, device, onlink: texts(hop['flags']).includes('onlink'), weight: whole(hop['weight']) }]
    }),
    source: route['protocol'] === 'kernel' ? undefined : text(route['prefsrc']),
    metric: whole(route['metric']),
    mtu: records(route['metrics'] ?? []).map(metrics => whole(metrics['mtu'])).find(mtu => mtu !== undefined),
    protocol: text(route['protocol']) ?? 'boot',
  }))
}

function readRules(printed: string): readonly RoutingRule[] {
  return records(readJson(printed)).flatMap(rule => {
    const priority = whole(rule['priority']) ?? 0
    if (DEFAULT_RULES[priority] !== undefined && DEFAULT_RULES[priority] === rule['table']) return []
    const range = (name: string, length: string): string => `${text(rule[name]) ?? ''}${whole(rule[length]) === undefined ? '' : `/${whole(rule[length])}`}`
    const words = [
      'not' in rule ? 'not' : undefined,
      `from ${range('src', 'srclen')}`,
      rule['dst'] === undefined ? undefined : `to ${range('dst', 'dstlen')}`,
      ...['iif', 'oif', 'tos', 'ipproto', 'sport', 'dport'].map(name => asked(rule, name)),
      rule['fwmark'] === undefined ? undefined : `fwmark ${text(rule['fwmark'])}${text(rule['fwmask']) === undefined ? '' : `/${text(rule['fwmask'])}`}`,
      rule['table'] === undefined ? undefined : `lookup ${text(rule['table'])}`,
      text(rule['action']),
    ]
    return [{ priority, text: words.filter(word => word !== undefined).join(' ') }]
  })
}

const DEFAULT_RULES: Readonly<Record<number, string>> = { 0: 'local', 32766: 'main', 32767: 'default' }

function asked(rule: Json, name: string): string | undefined {
  const value = text(rule[name]) ?? whole(rule[name])
  return value === undefined ? undefined : `${name} ${value}`
}

function readNeighbours(printed: string): readonly ObservedNeighbour[] {
  return records(readJson(printed)).map(entry => ({
    address: needed(text(entry['dst']), 'address'), device: needed(text(entry['dev']), 'device'), mac: text(entry['lladdr']),
    kind: texts(entry['state']).includes('PERMANENT') ? 'permanent' : 'learned',
  }))
}

function readProxies(printed: string): readonly ObservedNeighbour[] {
  return records(readJson(printed)).map(entry => ({
    address: needed(text(entry['dst']), 'address'), device: text(entry['dev']) ?? '', mac: undefined, kind: 'proxy',
  }))
}

/** Groups, and what the kernel enters for a link's own address, say nothing. All zero is where a tunnel sends what it knows no other place for. */
function readForwarding(printed: string, links: readonly SeenLink[]): readonly ForwardingEntry[] {
  const own = new Set(links.map(link => link.mac))
  return records(readJson(printed)).flatMap((entry): readonly ForwardingEntry[] => {
    const mac = needed(text(entry['mac']), 'MAC')
    const to = text(entry['dst'])
    const device = needed(text(entry['ifname']), 'device')
    const group = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
    if (group || ofALook(device) || (own.has(mac) && to === undefined)) return []
    const kept = entry['state'] === 'permanent' || entry['state'] === 'static'
    return [{ mac, device, bridge: text(entry['master']), to, kind: kept ? 'permanent' : 'learned' }]
  })
}

function readSettings(printed: string): Readonly<Record<string, string>> {
  return Object.fromEntries(printed.split('\n').flatMap(line => {
    const [, path = '', value = ''] = /^([\w./:@+-]+?):(\S*)$/.exec(line) ?? []
    // sysctl has dots where a path has slashes, and slashes for the dots of an interface's name.
    return path === '' ? [] : [[`net.${path.replaceAll(/[./]/g, one => one === '.' ? '/' : '.')}`, value]]
  }))
}
