// Reads what FACTS prints: what one namespace says of itself, each part below its name.
import { contains, parseAddress, parseCidr } from '../../runner/core/ipv4.ts'
import { readJson, record, records, text, texts } from './json.ts'
import { readNeighbours, type Neighbour } from './neighbours.ts'
import { readRefusal, readRoute, type Route } from './route.ts'

/** In place of a route: the peers of WireGuard. */
export const WIREGUARD = 'wireguard'

/** For bash, and each of its arguments a question for `ip route get`. */
export const FACTS = `
echo '== route'; ip -j -4 route show table all
echo '== rule'; ip -4 rule
echo '== neigh'; ip -j -4 neigh
echo '== fdb'; bridge -j fdb
echo '== sysctl'
cd /proc/sys/net && grep -s . ipv4/ip_forward ipv4/icmp_echo_ignore_all ipv4/conf/*/{forwarding,rp_filter,proxy_arp,arp_ignore} bridge/bridge-nf-call-iptables
echo '== tcp'; cat /proc/net/tcp
echo '== udp'; cat /proc/net/udp
echo '== doors'
tc qdisc | while read -r _ kind _ _ device _; do
  case $kind in clsact|ingress) for door in ingress egress; do [ -z "$(tc filter show dev "$device" $door 2>/dev/null)" ] || echo "$device $door"; done ;; esac
done
for question; do
  echo "== get $question"
  case $question in
    wireguard) wg show all allowed-ips; echo --; wg show all endpoints ;;
    *) ip -j -4 route get $question 2>&1 ;;
  esac
done
`

export interface TableRoute {
  /** `unicast`, `blackhole`, `unreachable`, `prohibit`, `throw`, … */
  readonly type: string
  /** `10.244.2.0/24`, `default`. */
  readonly destination: string
  readonly table: string
  readonly device: string | undefined
  readonly gateway: string | undefined
}

/** Which table is asked for whom; or what is said at once. */
export interface PolicyRule {
  readonly from: string
  readonly to: string
  readonly device: string | undefined
  /** `lookup main`, `prohibit`, … */
  readonly action: string
  readonly text: string
}

export interface Facts {
  readonly routes: readonly TableRoute[]
  readonly policies: readonly PolicyRule[]
  readonly neighbours: readonly Neighbour[]
  /** What each bridge and tunnel knows of MACs. */
  readonly fdb: readonly { readonly mac: string; readonly device: string; readonly to: string | undefined; readonly master: boolean }[]
  /** By names such as `net.ipv4.ip_forward`. */
  readonly sysctl: ReadonlyMap<string, string>
  readonly listening: readonly { readonly protocol: 'tcp' | 'udp'; readonly address: string; readonly port: number }[]
  /** Where filters or programs of tc stand, which tell nobody what they do with a packet: `cali-red ingress`. */
  readonly doors: readonly string[]
  /** The kernel's answers, by question. */
  readonly routed: ReadonlyMap<string, Route | { readonly refusal: string }>
  /** Peers of WireGuard, where it was asked: whose packets each takes, and where it is: `none`, or undefined where that was not told. */
  readonly peers: readonly { readonly device: string; readonly ranges: readonly string[]; readonly endpoint: string | undefined }[]
}

export function readFacts(output: string): Facts {
  const parts = new Map(output.split(/^== /m).slice(1).map(part => {
    const end = part.indexOf('\n')
    return [part.slice(0, end), part.slice(end + 1)] as const
  }))
  const part = (name: string): string => parts.get(name) ?? ''
  return {
    doors: part('doors').split('\n').filter(line => line !== ''),
    routes: records(readJson(part('route'))).map(route => ({
      type: text(route['type']) ?? 'unicast', destination: text(route['dst']) ?? '', table: text(route['table']) ?? 'main',
      device: text(route['dev']), gateway: text(route['gateway']) ?? text(record(route['via'])['host']),
    })),
    policies: part('rule').split('\n').flatMap(line => {
      const [, from, to, device, action] = /^\d+:\s+from (\S+)(?: to (\S+))?(?: iif (\S+))? +(lookup \S+|prohibit|unreachable|blackhole)/.exec(line) ?? []
      return from === undefined || action === undefined ? [] : [{ from, to: to ?? 'all', device, action, text: line.replace(/^\d+:\s+/, '').trim() }]
    }),
    neighbours: readNeighbours(part('neigh')),
    fdb: records(readJson(part('fdb'))).map(entry => ({
      mac: text(entry['mac']) ?? '', device: text(entry['ifname']) ?? text(entry['dev']) ?? '', to: text(entry['dst']), master: texts(entry['flags']).includes('master') || entry['master'] !== undefined,
    })),
    sysctl: new Map(part('sysctl').split('\n').flatMap(line => {
      const [, path, value] = /^([^:]+):(.*)$/.exec(line) ?? []
      return path === undefined || value === undefined ? [] : [[`net.${nameOf(path)}`, value] as const]
    })),
    listening: [...sockets('tcp', part('tcp')), ...sockets('udp', part('udp'))],
    peers: peersOf(part(`get ${WIREGUARD}`)),
    routed: new Map([...parts].flatMap(([name, said]) => name.startsWith('get ') && name !== `get ${WIREGUARD}` ? [[name.slice(4), answer(said)] as const] : [])),
  }
}

/**
 * What each peer takes, a line each with its interface and key; then, below a rule, where each is: `none`, or undefined where nothing was said
 * of it. `wg show all endpoints` names the interface on the first line of each only.
 */
function peersOf(output: string): Facts['peers'] {
  const [takes = [], are = []] = output.split('--\n').map(half => half.split('\n').map(line => line.split('\t')))
  return takes.filter(words => words.length === 3).map(([device = '', key, ranges = '']) => {
    const where = are.find(words => words.at(-2) === key)?.at(-1)
    return { device, ranges: ranges === '(none)' ? [] : ranges.split(' '), endpoint: where === '(none)' ? 'none' : where }
  })
}

/** The names that sysctl has: an interface's own dots become slashes. */
function nameOf(path: string): string {
  return path.split('/').map(word => word.replaceAll('.', '/')).join('.')
}

function answer(said: string): Route | { readonly refusal: string } {
  const refusal = readRefusal(said)
  if (refusal !== undefined) return { refusal }
  try {
    return readRoute(said)
  } catch {
    return { refusal: said.trim().split('\n').at(-1)?.slice(0, 100) ?? '' }
  }
}

/** /proc/net/tcp and udp: addresses are little-endian, 0A is LISTEN, 07 a UDP socket without a peer. */
function sockets(protocol: 'tcp' | 'udp', output: string): Facts['listening'] {
  return output.split('\n').flatMap(line => {
    const [, hex = '', port = '', state] = /^\s*\d+: ([0-9A-F]{8}):([0-9A-F]{4}) [0-9A-F]{8}:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? []
    if (state !== (protocol === 'tcp' ? '0A' : '07')) return []
    const address = [6, 4, 2, 0].map(at => Number.parseInt(hex.slice(at, at + 2), 16)).join('.')
    return [{ protocol, address, port: Number.parseInt(port, 16) }]
  })
}

/** The route or rule that says no to a packet, as the kernel goes through them; undefined if none does. */
export function refusing(facts: Facts, { from, to, device }: { readonly from: string; readonly to: string; readonly device?: string }): string | undefined {
  for (const policy of facts.policies) {
    if (!within(policy.from, from) || !within(policy.to, to) || (policy.device !== undefined && policy.device !== device)) continue
    const table = /^lookup (\S+)$/.exec(policy.action)?.[1]
    if (table === undefined) return policy.text
    const matching = facts.routes.filter(route => route.table === table && within(route.destination, to))
    const [best] = matching.toSorted((one, other) => prefixOf(other.destination) - prefixOf(one.destination))
    if (best === undefined || best.type === 'throw') continue
    return ['blackhole', 'unreachable', 'prohibit'].includes(best.type) ? `${best.type} ${best.destination}${table === 'main' ? '' : ` table ${table}`}` : undefined
  }
  return undefined
}

function prefixOf(range: string): number {
  return range === 'all' || range === 'default' ? 0 : Number(range.split('/')[1] ?? 32)
}

function within(range: string, address: string): boolean {
  if (range === 'all' || range === 'default') return true
  const [cidr, number] = [parseCidr(range.includes('/') ? range : `${range}/32`), parseAddress(address)]
  return cidr !== undefined && number !== undefined && contains(cidr, number)
}
