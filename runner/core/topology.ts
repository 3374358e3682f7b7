import { isMap, isSeq } from 'yaml'
import { COMPONENTS, isComponent, type ComponentName } from './components.ts'
import { broadcastOf, formatAddress, formatCidr, networkOf, overlaps, parseCidr, sameSubnet, type Cidr } from './ipv4.ts'
import { Mistakes, type Position } from './mistake.ts'
import { nearest, nearestOf, quoted } from './quoted.ts'
import { kindOf, scalarOf, YamlSource, type Pair } from './yaml.ts'

/** Nodes and the segments that join them. */
export interface Topology {
  readonly nodes: readonly TopologyNode[]
  readonly segments: readonly Segment[]
}

export interface TopologyNode {
  readonly name: string
  readonly interfaces: readonly Interface[]
  /** Mebibytes that a node may write. */
  readonly diskMiB: number
  /** What it has to be able to do beyond being a Linux machine. */
  readonly role?: Role
  /** It has a loader: BPF programs of the learner's own can be loaded there, where the starter may hand that out. */
  readonly bpf?: boolean
  /** Components of Kubernetes that it has in its PATH, where they have been fetched. */
  readonly components?: readonly ComponentName[]
}

/** `kubelet`: it runs containers, so its root has a part of every hierarchy of cgroups, and may share mounts. */
export type Role = typeof ROLES[number]

const ROLES = ['kubelet'] as const

export interface Interface {
  readonly name: string
  readonly segment: string
  /** IPv4 with prefix length, for example `192.168.1.11/24`; none: the learner gives it one. */
  readonly address: string | undefined
}

export interface Segment {
  readonly name: string
  /** Bytes. */
  readonly mtu: number
}

const example = 'nodes: { node1: { eth0: { segment: fab, address: 192.168.1.11/24 } } }'

/** Reads the YAML form of a topology. Throws Mistakes. `line` is that of the text's first line in the file. */
export function parseTopology(text: string, file: string, options: { readonly line?: number } = {}): Topology {
  const source = new YamlSource(text, file, options.line)
  // What YAML could not read has parts missing: their absence is no second mistake.
  const topology = source.mistakes.length === 0 ? readTopology(source, source.root, source.start) : undefined
  if (source.mistakes.length > 0 || topology === undefined) throw new Mistakes(source.mistakes)
  return topology
}

/** The same, for a part of a larger document, which keeps the mistakes. */
export function readTopology(source: YamlSource, part: unknown, at: Position): Topology {
  const segments: Segment[] = []
  const nodes: TopologyNode[] = []
  const joined: Joined[] = []
  const pairs = source.pairs(part, at, 'the topology', example)
  for (const pair of pairs) {
    if (pair.key === 'segments') {
      for (const each of source.pairs(pair.value, pair.valueAt, '`segments`', 'segments: { fab: { mtu: 1500 } }')) {
        segments.push(readSegment(source, each))
      }
    } else if (pair.key === 'nodes') {
      for (const each of source.pairs(pair.value, pair.valueAt, '`nodes`', example)) {
        nodes.push(readNode(source, each, joined))
      }
    } else source.unknownKey(pair, PARTS)
  }
  if (nodes.length === 0 && source.mistakes.length === 0) {
    source.mistake(pairs.find(pair => pair.key === 'nodes')?.keyAt ?? at, { what: 'the topology has no nodes', expected: 'one at least', example })
  }
  const names = segments.map(segment => segment.name)
  for (const { segment, segmentAt } of joined) {
    if (names.includes(segment)) continue
    const what = `no segment is called ${quoted(segment)}`
    if (names.length === 0) source.mistake(segmentAt, { what, expected: 'it under `segments`', example: `segments: { ${segment}: {} }` })
    else source.mistake(segmentAt, { what, expected: nearestOf(segment, names) })
  }
  compareAddresses(source, joined)
  return { nodes, segments }
}

/** An interface as the file has it, to be compared with the others. */
interface Joined {
  readonly node: string
  readonly name: string
  readonly segment: string
  readonly segmentAt: Position
  readonly cidr: Cidr | undefined
  readonly cidrAt: Position
}

function readSegment(source: YamlSource, pair: Pair): Segment {
  if (!/^[a-z][a-z0-9-]{0,14}$/.test(pair.key)) {
    source.mistake(pair.keyAt, { what: `${quoted(pair.key)} cannot name a segment`, expected: 'up to 15 of a-z, 0-9 and -, a letter first', example: 'fab' })
  }
  let mtu = 1500
  // `fab:` alone is a segment with nothing special.
  const fields = scalarOf(pair.value) === null ? [] : source.pairs(pair.value, pair.valueAt, `segment ${quoted(pair.key)}`, '{ mtu: 1500 }')
  for (const field of fields) {
    // 68 is the least that IPv4 allows (RFC 791), 9216 the most that switches usually do.
    if (field.key === 'mtu') mtu = source.whole(field, 68, 9216, 'mtu: 1500') ?? mtu
    else source.unknownKey(field, SEGMENT_KEYS)
  }
  return { name: pair.key, mtu }
}

function readNode(source: YamlSource, pair: Pair, joined: Joined[]): TopologyNode {
  const naming = { expected: 'up to 31 of a-z, 0-9 and -, a letter first', example: 'node1' }
  if (pair.key === 'fabric') source.mistake(pair.keyAt, { what: '`fabric` is where the wires are, and no node', ...naming })
  else if (!/^[a-z][a-z0-9-]{0,30}$/.test(pair.key)) source.mistake(pair.keyAt, { what: `${quoted(pair.key)} cannot name a node`, ...naming })
  let diskMiB: number | undefined
  let role: Role | undefined
  let components: readonly ComponentName[] | undefined
  let bpf = false
  const interfaces: Interface[] = []
  const fields = scalarOf(pair.value) === null ? [] : source.pairs(pair.value, pair.valueAt, `node ${quoted(pair.key)}`, '{ eth0: { segment: fab } }')
  for (const field of fields) {
    if (field.key === 'disk') diskMiB = source.whole(field, 1, 65_536, 'disk: 64') ?? diskMiB
    else if (field.key === 'role') role = readRole(source, field)
    else if (field.key === 'bpf') bpf = readYes(source, field)
    else if (field.key === 'components') components = readComponents(source, field)
    else if (!isMap(field.value) && nearest(field.key, OWN_KEYS) !== undefined) source.unknownKey(field, OWN_KEYS)
    else {
      const one = readInterface(source, pair.key, field, joined)
      if (one !== undefined) interfaces.push(one)
    }
  }
  diskMiB ??= role === 'kubelet' ? 256 : 64
  return { name: pair.key, interfaces, diskMiB, ...(bpf ? { bpf } : {}), ...(role === undefined ? {} : { role }), ...(components === undefined ? {} : { components }) }
}

const PARTS = ['segments', 'nodes']
const SEGMENT_KEYS = ['mtu']
/** Keys of a node that are no interfaces. */
const OWN_KEYS = ['disk', 'role', 'bpf', 'components']
const INTERFACE_KEYS = ['segment', 'address']
/** All that a topology may have; CONTRIBUTING.md says what it is. */
export const TOPOLOGY_KEYS: readonly string[] = [...PARTS, ...SEGMENT_KEYS, ...OWN_KEYS, ...INTERFACE_KEYS]

function readRole(source: YamlSource, pair: Pair): Role | undefined {
  const name = source.text(pair, 'role: kubelet')
  const role = ROLES.find(one => one === name)
  if (name !== undefined && role === undefined) source.mistake(pair.valueAt, { what: `no role is called ${quoted(name)}`, expected: nearestOf(name, ROLES) })
  return role
}

/** Of something that is there or not. */
function readYes(source: YamlSource, pair: Pair): boolean {
  const value = scalarOf(pair.value)
  if (typeof value !== 'boolean') source.mistake(pair.valueAt, { what: `${quoted(pair.key)} is ${kindOf(pair.value)}`, expected: 'true or false', example: `${pair.key}: true` })
  return value === true
}

function readComponents(source: YamlSource, pair: Pair): readonly ComponentName[] {
  const example = 'components: [etcd, kube-apiserver]'
  if (!isSeq(pair.value)) {
    source.mistake(pair.valueAt, { what: `${quoted('components')} is ${kindOf(pair.value)}`, expected: 'a list of components', example })
    return []
  }
  return pair.value.items.flatMap(item => {
    const name = scalarOf(item)
    if (typeof name === 'string' && isComponent(name)) return [name]
    const at = source.at(item, pair.valueAt)
    if (typeof name === 'string' && name !== '') source.mistake(at, { what: `no component is called ${quoted(name)}`, expected: nearestOf(name, COMPONENTS) })
    else source.mistake(at, { what: `a component is ${kindOf(item)}`, expected: 'its name', example })
    return []
  })
}

function readInterface(source: YamlSource, node: string, pair: Pair, joined: Joined[]): Interface | undefined {
  const { key: name, keyAt } = pair
  // The kernel's own rule: 15 bytes, no slash, colon or white space, and not the loopback that each node has.
  if (name === 'lo' || name === '.' || name === '..' || !/^[!-~]{1,15}$/.test(name) || /[/:]/.test(name)) {
    const what = name === 'lo' ? '`lo` is there in every node' : `${quoted(name)} cannot name an interface`
    source.mistake(keyAt, { what, expected: 'up to 15 characters, no space, `/` or `:`', example: 'eth0' })
  }
  let segment: string | undefined
  let segmentAt = keyAt
  let address: string | undefined
  let cidr: Cidr | undefined
  let cidrAt = keyAt
  const before = source.mistakes.length
  for (const field of source.pairs(pair.value, pair.valueAt, `interface ${quoted(name)}`, '{ segment: fab, address: 192.168.1.11/24 }')) {
    if (field.key === 'segment') {
      segment = source.text(field, 'segment: fab')
      segmentAt = field.valueAt
    } else if (field.key === 'address') {
      address = source.text(field, 'address: 192.168.1.11/24')
      cidrAt = field.valueAt
      if (address !== undefined) cidr = readCidr(source, address, cidrAt)
    } else source.unknownKey(field, INTERFACE_KEYS)
  }
  if (segment === undefined) {
    // Said already if anything else about it is wrong.
    if (source.mistakes.length === before) source.mistake(keyAt, { what: `interface ${quoted(name)} has no segment`, expected: 'one', example: 'segment: fab' })
    return undefined
  }
  joined.push({ node, name, segment, segmentAt, cidr, cidrAt })
  return { name, segment, address }
}

function readCidr(source: YamlSource, text: string, at: Position): Cidr | undefined {
  const cidr = parseCidr(text)
  if (cidr === undefined) {
    source.mistake(at, { what: `${quoted(text)} is no address`, expected: 'IPv4 with a prefix length', example: '192.168.1.11/24' })
    return undefined
  }
  const first = Math.floor(cidr.address / 2 ** 24)
  if (first === 0 || first === 127 || first >= 224) {
    source.mistake(at, { what: `${quoted(text)} cannot be a node's address`, expected: 'a unicast one', example: '192.168.1.11/24' })
    return undefined
  }
  // A /31 has two hosts and no more (RFC 3021), a /32 is one.
  if (cidr.prefix > 30) return cidr
  const is = cidr.address === networkOf(cidr) ? 'network' : cidr.address === broadcastOf(cidr) ? 'broadcast' : undefined
  if (is === undefined) return cidr
  const from = formatAddress(networkOf(cidr) + 1)
  const to = formatAddress(broadcastOf(cidr) - 1)
  source.mistake(at, { what: `${quoted(text)} is the ${is} address of its subnet`, expected: `an address from ${from} to ${to}`, example: `${from}/${cidr.prefix}` })
  return undefined
}

function compareAddresses(source: YamlSource, joined: readonly Joined[]): void {
  for (const [index, one] of joined.entries()) {
    for (const other of joined.slice(0, index)) {
      if (one.cidr === undefined || other.cidr === undefined) continue
      const who = `${other.node} has on ${other.name} (line ${other.cidrAt.line})`
      if (one.cidr.address === other.cidr.address) {
        source.mistake(one.cidrAt, { what: `${formatAddress(one.cidr.address)} is the address that ${who}`, expected: 'an address of its own' })
        break
      }
      if (one.segment !== other.segment || sameSubnet(one.cidr, other.cidr) || !overlaps(one.cidr, other.cidr)) continue
      const subnet = quoted(formatCidr(one.cidr))
      source.mistake(one.cidrAt, { what: `the subnet of ${subnet} overlaps that of ${quoted(formatCidr(other.cidr))}, which ${who}`, expected: `one prefix length on segment ${quoted(one.segment)}`, example: formatCidr({ address: one.cidr.address, prefix: other.cidr.prefix }) })
      break
    }
  }
}
