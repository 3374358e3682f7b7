import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { ObservedLink, ObservedNamespace } from '../../../runner/core/observed.ts'
import { readNft, readSaved } from '../../../runner/engine/observe/filters.ts'
import { joined } from '../../../runner/engine/observe/index.ts'
import { readObserved } from '../../../runner/engine/observe/read.ts'
import { nodesOn } from '../../helpers/nodes.ts'

/** What was printed on a node with a bridge, a pod, a VXLAN, rules of three kinds and routes of several. */
const printed = readFileSync(new URL('node1.txt', import.meta.url), 'utf8')
const topology = nodesOn(1)
const [own, red] = joined(topology, [{ name: 'node1', printed }]).nodes[0]?.namespaces ?? []

function link(namespace: ObservedNamespace | undefined, name: string): ObservedLink {
  const found = namespace?.links.find(one => one.name === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

test('the own namespace of a node is first, and a named one has a place of its own', () => {
  expect([own, red].map(one => [one?.place, one?.named, one?.own])).toEqual([['node1', undefined, true], ['node1/red', 'red', false]])
})

test('a veth knows its other end, from both sides; a wire of the topology knows its segment', () => {
  expect(link(own, 'veth-red')).toMatchObject({ kind: 'veth', peer: { place: 'node1/red', link: 'eth0' }, master: 'cni0', up: true, carrier: true })
  expect(link(red, 'eth0')).toMatchObject({ peer: { place: 'node1', link: 'veth-red' }, addresses: ['10.244.1.2/24'], segment: undefined })
  expect(link(own, 'eth0')).toMatchObject({ segment: 'fab', peer: undefined, addresses: ['192.168.1.11/24'] })
})

function withPod(net1: object): string {
  const parts = ['ids', 'routes', 'rules', 'neighbours', 'proxies', 'forwarding'].map(part => `== ${part}\n[]\n`).join('')
  return printed.replace(/^namespace \d+ red [^]*$/m, `namespace 99 pod /run/netns/pod\n== links
${JSON.stringify([{ flags: ['UP', 'LOWER_UP'], mtu: 9000, address: '02:00:00:00:00:07', link_netnsid: 0, addr_info: [], ...net1 }])}\n${parts}== nft\n== iptables\n== iptables-legacy\n== settings\n`)
}

test('a macvlan in a pod knows the card of the node that it is a part of', () => {
  const pod = withPod({ ifindex: 7, link_index: link(own, 'eth0').index, ifname: 'net1', linkinfo: { info_kind: 'macvlan' } })
  expect(link(joined(topology, [{ name: 'node1', printed: pod }]).nodes[0]?.namespaces[1], 'net1').lower).toEqual({ place: 'node1', link: 'eth0' })
})

test('the end of a wire that was put into a pod is known by its other end, in the fabric', () => {
  const moved = withPod({ ifindex: 7, link_index: 12, ifname: 'net1', linkinfo: { info_kind: 'veth' } })
  const end = (fabric: object): unknown => link(joined(topology, [{ name: 'node1', printed: moved }], JSON.stringify([fabric])).nodes[0]?.namespaces[1], 'net1').moved
  const port = { ifindex: 12, link_index: 7, ifname: 'node1-rail0', master: 'fab' }
  expect(end(port)).toEqual({ segment: 'fab', fabric: 'node1-rail0' })
  // Every node counts from one: that of another is none of it, nor is a number that leads elsewhere.
  expect(end({ ...port, ifname: 'node2-rail0' })).toBeUndefined()
  expect(end({ ...port, link_index: 8 })).toBeUndefined()
})

test('a bridge has its ports, a port its state and switches, a tunnel its ends', () => {
  expect(link(own, 'cni0').bridge).toEqual({ ports: ['veth-red'], stp: false, vlanFiltering: false })
  expect(link(own, 'veth-red').port).toMatchObject({ state: 'forwarding', flags: { isolated: false, hairpin: false, flood: true } })
  expect(link(own, 'flannel.1').tunnel).toEqual({ id: 1, port: 8472, local: '192.168.1.11', remote: undefined, over: 'eth0', learning: false })
})

test('routes of every kind, with their next hops; the table local is left out', () => {
  const routes = own?.routes.map(({ table, kind, to, hops }) => [table, kind, to, hops.map(({ via, device }) => `${via ?? ''} ${device ?? ''}`)])
  expect(routes).toEqual([
    ['77', 'blackhole', '10.9.0.0/16', []],
    ['main', 'unicast', '10.244.1.0/24', [' cni0']],
    ['main', 'unicast', '10.244.2.0/24', ['10.244.2.0 flannel.1']],
    ['main', 'unicast', '10.244.3.0/24', ['192.168.1.12 eth0']],
    ['main', 'unicast', '10.244.4.0/24', ['192.168.1.12 eth0', '192.168.1.13 eth0']],
    ['main', 'unicast', '192.168.1.0/24', [' eth0']],
  ])
})

test('rules, neighbours and forwarding entries, without what every namespace has', () => {
  expect(own?.rules.map(({ text }) => text)).toEqual(['from all fwmark 0x1 prohibit', 'from 10.244.1.2 lookup 77'])
  expect(own?.neighbours).toEqual([
    { address: '10.244.2.0', device: 'flannel.1', mac: '02:00:00:00:00:02', kind: 'permanent' },
    { address: '10.244.9.9', device: 'eth0', mac: undefined, kind: 'proxy' },
  ])
  expect(own?.forwarding.filter(({ kind }) => kind === 'permanent')).toEqual([{ mac: '02:00:00:00:00:02', device: 'flannel.1', bridge: undefined, to: '192.168.1.12', kind: 'permanent' }])
})

test('filters of three tools: those that iptables keeps in nft are shown once, as iptables writes them', () => {
  const chains = own?.chains.filter(({ rules, policy }) => rules.length > 0 || policy === 'drop')
    .map(({ tool, table, name, policy, rules }) => [tool, table, name, policy, rules.map(({ text }) => text)])
  expect(chains).toEqual([
    ['nft', 'w', 'f', 'drop', ['iifname "cni0" ip saddr @s counter accept comment "hi"', 'jump reg']],
    ['iptables', 'filter', 'FORWARD', 'accept', ['-d 10.244.2.0/24 -m comment --comment "no way" -j DROP']],
    ['iptables', 'nat', 'POSTROUTING', 'accept', ['-s 10.244.1.0/24 ! -o cni0 -j MASQUERADE']],
    ['iptables-legacy', 'filter', 'FORWARD', 'drop', []],
  ])
  expect(own?.sets).toEqual([{ family: 'inet', table: 'w', name: 's', kind: 'set', text: 'type ipv4_addr; elements = { 1.2.3.4 }' }])
})

test('a setting of an interface with a dot in its name is called as sysctl calls it', () => {
  expect(own?.settings).toMatchObject({ 'net.ipv4.ip_forward': '0', 'net.ipv4.conf.flannel/1.rp_filter': '0' })
})

test('a rule may have braces and what looks like a handle', () => {
  const text = 'table ip t { # handle 1\n\tchain c { # handle 2\n\t\ttcp dport { 80, 443 } counter accept comment "# handle 9" # handle 3\n\t}\n}\n'
  expect(readNft(text).chains[0]?.rules).toEqual([{ text: 'tcp dport { 80, 443 } counter accept comment "# handle 9"', handle: 3 }])
  expect(readNft('').chains).toEqual([])
  expect(readSaved('iptables', '# nothing\n')).toEqual([])
})

test('what cannot be read is refused, and never has a number that is none', () => {
  expect(readObserved('node1', '')).toEqual([])
  expect(() => readObserved('node1', 'namespace 1 - x\nnonsense\n')).toThrow(/expected a part/)
  expect(() => readObserved('node1', 'namespace x - y\n')).toThrow(/number of a namespace/)
  expect(() => readObserved('node1', printed.slice(0, 3_000))).toThrow()
  expect(() => readObserved('node1', printed.replaceAll(/"ifindex":\d+/g, '"ifindex":1e999'))).toThrow(/number of the interface/)
})
