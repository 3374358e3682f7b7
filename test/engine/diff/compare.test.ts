// Two networks, of which the second is the first with something changed in the text that a node printed.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Observed } from '../../../runner/core/observed.ts'
import { compare } from '../../../runner/engine/diff/compare.ts'
import type { Difference } from '../../../runner/engine/diff/difference.ts'
import { joined } from '../../../runner/engine/observe/index.ts'
import { nodesOn } from '../../helpers/nodes.ts'

const printed = readFileSync(new URL('../observe/node1.txt', import.meta.url), 'utf8')
const observed = (text: string): Observed => joined(nodesOn(1), [{ name: 'node1', printed: text }])
const wanted = observed(printed)

/** How the learner's network differs, of which this was printed. */
const differences = (text: string): readonly Difference[] => {
  expect(text, 'the change has to change something').not.toBe(printed)
  return compare(observed(text), wanted)
}
const told = (text: string): readonly string[] => differences(text).map(({ place, how, object }) => `${place}: ${how} ${object}`)
const commands = (text: string): readonly string[] => differences(text).flatMap(one => one.commands.map(command => `${command.place}# ${command.text}`))
const mac = (place: number, name: string): string => {
  const found = wanted.nodes[0]?.namespaces[place]?.links.find(link => link.name === name)?.mac
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

test('a network is as itself', () => expect(compare(wanted, wanted)).toEqual([]))

test('names of bridges, veths and tunnels are the learner\'s, in routes, neighbours, settings and rules too', () => {
  expect(told(printed.replaceAll('cni0', 'v-net-0').replaceAll('veth-red', 'to-red').replaceAll('flannel.1', 'over'))).toEqual([])
})

test('so is the name of a namespace that has the same address', () => {
  expect(told(printed.replaceAll(' red /run/netns/red', ' rouge /run/netns/rouge').replaceAll('"name":"red"', '"name":"rouge"'))).toEqual([])
})

test('MAC addresses are random, and what was learned comes and goes', () => {
  expect(told(printed.replaceAll(mac(1, 'eth0'), '0e:11:22:33:44:55').replaceAll(mac(0, 'cni0'), '0e:11:22:33:44:66'))).toEqual([])
  expect(told(printed.replace('== neighbours\n[', '== neighbours\n[{"dst":"10.244.1.2","dev":"cni0","lladdr":"0e:11:22:33:44:55","state":["REACHABLE"]},'))).toEqual([])
})

test('a MAC address that somebody was told is one', () => {
  expect(commands(printed.replace('"lladdr":"02:00:00:00:00:02"', '"lladdr":"02:00:00:00:00:77"')))
    .toEqual(['node1# ip neigh replace 10.244.2.0 lladdr 02:00:00:00:00:02 dev flannel.1 nud permanent'])
})

test('a route that is missing, and one that goes elsewhere, are told in the learner\'s names', () => {
  const own = printed.replaceAll('flannel.1', 'over')
  const route = /\{"type":"unicast","dst":"10.244.2.0\/24"[^}]*\},/
  expect(commands(own.replace(route, ''))).toEqual(['node1# ip route add 10.244.2.0/24 via 10.244.2.0 dev over onlink'])
  expect(told(printed.replace('"dst":"10.244.2.0/24","gateway":"10.244.2.0"', '"dst":"10.244.2.0/24","gateway":"10.244.2.9"'))).toEqual(['node1: different the route to 10.244.2.0/24'])
})

test('forwarding is one switch, and not one for each interface', () => {
  const on = printed.replace('ipv4/ip_forward:0', 'ipv4/ip_forward:1').replace(/(ipv4\/conf\/(?:all|cni0|default|eth0|flannel\.1|lo|veth-red)\/forwarding):0/g, '$1:1')
  const first = on.indexOf('\nnamespace')
  expect(commands(on.slice(0, first) + printed.slice(printed.indexOf('\nnamespace')))).toEqual(['node1# sysctl -w net.ipv4.ip_forward=0'])
  expect(commands(printed.replace('ipv4/conf/eth0/forwarding:0', 'ipv4/conf/eth0/forwarding:1'))).toEqual(['node1# sysctl -w net.ipv4.conf.eth0.forwarding=0'])
})

test('a port that is in no bridge, one that is apart, and a link that is down', () => {
  expect(commands(printed.replace('"master":"cni0","operstate"', '"operstate"'))).toEqual(['node1# ip link set veth-red master cni0'])
  expect(commands(printed.replace('"isolated":false', '"isolated":true'))).toEqual(['node1# bridge link set dev veth-red isolated off'])
  expect(commands(printed.replace('"ifname":"cni0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"]', '"ifname":"cni0","flags":["BROADCAST","MULTICAST"]')))
    .toEqual(['node1# ip link set cni0 up'])
})

test('another mask is another prefix of the same address', () => {
  const text = printed.replace('"local":"10.244.1.2","prefixlen":24', '"local":"10.244.1.2","prefixlen":16')
  expect(differences(text)).toMatchObject([{ place: 'node1/red', kind: 'address', how: 'different', have: '10.244.1.2/16', want: '10.244.1.2/24' }])
  expect(commands(text)).toEqual(['node1/red# ip addr add 10.244.1.2/24 dev eth0', 'node1/red# ip addr del 10.244.1.2/16 dev eth0'])
})

test('rules of a filter are undone by the tool that made them', () => {
  expect(commands(printed.replace('\t\tjump reg # handle', '\t\tip daddr 10.0.0.0/8 drop # handle 99\n\t\tjump reg # handle'))).toEqual(['node1# nft delete rule inet w f handle 99'])
  expect(commands(printed.replace('-A FORWARD -d 10.244.2.0/24 -m comment --comment "no way" -j DROP\n', '')))
    .toEqual(['node1# iptables -t filter -A FORWARD -d 10.244.2.0/24 -m comment --comment "no way" -j DROP'])
  expect(commands(printed.replace(':FORWARD DROP', ':FORWARD ACCEPT'))).toEqual(['node1# iptables-legacy -t filter -P FORWARD DROP'])
  expect(commands(printed.replace('policy drop;', 'policy accept;'))).toEqual(["node1# nft 'chain inet w f { policy drop; }'"])
})

test('a namespace that is missing is missing with all that is in it, in an order in which it can be typed', () => {
  const without = printed.slice(0, printed.indexOf('\nnamespace') + 1)
  const text = without.replace(/,\{"ifindex":\d+,"link_index":2,"ifname":"veth-red".*?"addr_info":\[\]\}/, '').replaceAll(/\{[^{}]*"ifname":"veth-red"[^{}]*\},?/g, '').replaceAll(',]', ']')
  expect(commands(text)).toEqual([
    'node1# ip netns add red',
    'node1# ip link add veth-red type veth peer name eth0 netns red',
    'node1# ip link set veth-red master cni0 up',
    'node1/red# ip link set eth0 up',
    'node1/red# ip link set lo up',
    'node1/red# ip addr add 10.244.1.2/24 dev eth0',
    'node1/red# ip route add default via 10.244.1.1 dev eth0',
  ])
})
