// Who is answered, by whom, and whom that one sees, on real nodes.
import { describe, expect } from 'vitest'
import { asking, type Listener, type Protocol, type Question, type Reply } from '../../checks/asking.ts'
import { endsOf } from '../../checks/ends.ts'
import { reachEachOther } from '../../checks/index.ts'
import { podsOnBridge } from '../../fixtures/networks/index.ts'
import type { Bench } from '../../runner/core/bench.ts'
import { ALL, bridges, routed as justRouted, type Network } from './network.ts'
import { test } from './on-nodes.ts'

const [red, blue, green, pink] = endsOf(ALL) as [Listener['end'], Listener['end'], Listener['end'], Listener['end']]
const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp']
const both = (end: Listener['end'], port: number): readonly Listener[] => PROTOCOLS.map(protocol => ({ end, port, protocol }))
const ask = (from: Listener['end'], to: string, port: number, times = 1): readonly Question[] => PROTOCOLS.map(protocol => ({ from, to, port, protocol, times }))

/** Whose bridges forward: what is lost while the kernel takes notice of a cable is silence, and nobody asks for it twice. */
async function routed(): Promise<Network> {
  const network = await justRouted()
  await network.settles(reachEachOther(ALL), 'pass')
  return network
}

/** One reply for each time, question after question. */
async function replies(bench: Bench, listeners: readonly Listener[], questions: readonly Question[]): Promise<readonly Reply[]> {
  const answered = await asking(bench, listeners, questions)
  if ('because' in answered) throw new Error(answered.because)
  return answered.flatMap(one => one.replies)
}

describe('asking', () => {
  test('the answer says who answered, and whom it saw', async () => {
    const network = await routed()
    const before = await network.snapshot()
    const answers = await replies(network.bench(), both(green, 80), ask(red, ALL.green, 80))
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'ok', by: { named: 'green', node: 'node2' }, peer: ALL.red, own: ALL.red, ttl: 62 })
    expect(await network.snapshot()).toBe(before)
  })

  test('refused, unreachable, lost and silence are told apart', async () => {
    const network = await routed()
    await network.node1`
      iptables-legacy -A FORWARD -d ${ALL.green} -p tcp --dport 81 -j REJECT --reject-with icmp-admin-prohibited
      iptables-legacy -A FORWARD -d ${ALL.green} -p udp --dport 81 -j REJECT --reject-with icmp-admin-prohibited
      iptables-legacy -A FORWARD -d ${ALL.green} -p tcp --dport 82 -j DROP
      iptables-legacy -A FORWARD -d ${ALL.green} -p udp --dport 82 -j DROP`
    await network.node2`
      iptables-legacy -A FORWARD -s ${ALL.green} -p tcp --sport 83 -j DROP
      iptables-legacy -A FORWARD -s ${ALL.green} -p udp --sport 83 -j DROP`
    const answers = await replies(network.bench(), [81, 82, 83].flatMap(port => both(green, port)), [80, 81, 82, 83].flatMap(port => ask(red, ALL.green, port)))
    expect(answers).toMatchObject([
      { kind: 'refused' }, { kind: 'refused' },
      { kind: 'unreachable', reason: 'No route to host' }, { kind: 'unreachable', reason: 'No route to host' },
      { kind: 'timeout' }, { kind: 'timeout' },
      { kind: 'lost', by: { named: 'green' }, peer: ALL.red }, { kind: 'lost', by: { named: 'green' }, peer: ALL.red },
    ])
  })

  test('a server of the lab answers where it has the port, and nobody else does', async () => {
    const network = await routed()
    await network.node2`
      setsid ip netns exec green serve greeter 80 </dev/null >/dev/null 2>&1 &
      setsid ip netns exec green serve greeter 80/udp </dev/null >/dev/null 2>&1 &
      setsid ip netns exec green socat TCP-LISTEN:81,fork EXEC:cat </dev/null >/dev/null 2>&1 &
      until ip netns exec green ss -Hltun | grep -c . | grep -qx 3; do :; done`
    const answers = await replies(network.bench(), both(green, 80), ask(red, ALL.green, 80, 50))
    expect(answers).toHaveLength(100)
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'ok', by: { named: 'green' }, peer: ALL.red })
    await expect(replies(network.bench(), both(green, 81), ask(red, ALL.green, 81))).rejects.toThrow(/^node2\/green: something has tcp port 81 already/)
  })

  test('a server of the lab keeps nobody waiting for those who connect and say nothing', async () => {
    const network = await routed()
    await network.node2`setsid ip netns exec green serve greeter 80 </dev/null >/dev/null 2>&1 & until ip netns exec green ss -Hltn | grep -q .; do :; done`
    await network.node1`
      setsid ip netns exec red bash -c ${`for number in {1..20}; do exec {open}<>/dev/tcp/${ALL.green}/80; done; touch /run/connected; exec sleep 60`} </dev/null >/dev/null 2>&1 &
      until [ -e /run/connected ]; do :; done`
    const answers = await replies(network.bench(), [], [{ from: blue, to: ALL.green, port: 80, protocol: 'tcp', times: 50 }])
    expect(answers.map(({ kind }) => kind)).toEqual(Array.from({ length: 50 }, () => 'ok'))
  })

  test('whose address was translated, and where: by a Service and back, also to oneself', async () => {
    const network = await routed()
    for (const node of [network.node1, network.node2, network.node3]) {
      await node`
        nft 'add table ip services; add chain ip services pre { type nat hook prerouting priority dstnat; }; add chain ip services post { type nat hook postrouting priority srcnat; }'
        nft 'add rule ip services pre ip daddr 10.96.0.1 meta l4proto { tcp, udp } th dport 80 dnat to numgen random mod 2 map { 0 : 10.244.1.2, 1 : 10.244.2.2 }'
        nft 'add rule ip services post ct original ip daddr 10.96.0.1 ip saddr 10.244.1.2 ip daddr 10.244.1.2 masquerade'
        nft 'add rule ip services post ct original ip daddr 10.96.0.1 ip saddr 10.244.2.2 ip daddr 10.244.2.2 masquerade'`
    }
    const answers = await replies(network.bench(), [...both(red, 80), ...both(green, 80)], ask(red, '10.96.0.1', 80, 200))
    const seen = new Set(answers.map(answer => answer.kind === 'ok' ? `${answer.by.named} sees ${answer.peer}` : answer.kind))
    expect([...seen].toSorted()).toEqual(['green sees 10.244.1.2', 'red sees 10.244.1.1'])
  })

  test('who is not there is named', async () => {
    const network = await bridges()
    const [late] = endsOf({ late: '10.244.1.9' })
    if (late === undefined) throw new Error('no end')
    expect(await asking(network.bench(), [], ask(late, ALL.green, 80))).toMatchObject({ because: 'no namespace has the address 10.244.1.9 (late)' })
  })

  test('checks that ask at once share their servers', async () => {
    const network = await routed()
    const bench = network.bench()
    const [some, others] = await Promise.all([
      replies(bench, both(green, 80), ask(red, ALL.green, 80)),
      replies(bench, both(green, 80), ask(blue, ALL.green, 80)),
    ])
    expect([...some, ...others].map(({ kind }) => kind)).toEqual(['ok', 'ok', 'ok', 'ok'])
  })

  test('what several checks ask at once is asked as often as one of them wants, and the others are given the first answers', async () => {
    const network = await routed()
    const bench = network.bench()
    const [some, most] = await Promise.all([5, 9].map(times => replies(bench, both(green, 80), [{ from: red, to: ALL.green, port: 80, protocol: 'tcp', times }])))
    expect(some).toHaveLength(5)
    expect(most).toHaveLength(9)
    expect(some).toEqual(most?.slice(0, 5))
    expect(new Set(most?.map(answer => answer.kind === 'ok' && answer.ownPort)).size).toBe(9)
  })

  test('looks at the same time wait for each other', async () => {
    const network = await routed()
    const all = await Promise.all(Array.from({ length: 4 }, () => replies(network.bench(), both(green, 80), ask(pink, ALL.green, 80, 20))))
    for (const answer of all.flat()) expect(answer).toMatchObject({ kind: 'ok', by: { named: 'green' } })
  })

  test('whose packet came is known by its port, which nobody else asks from', async () => {
    const network = await routed()
    await network.node2`iptables-legacy -A FORWARD -d ${ALL.green} -p tcp --dport 82 -j DROP`
    const answers = await replies(network.bench(), [81, 82].flatMap(port => both(green, port)), [...ask(red, ALL.green, 81, 400), ...ask(blue, ALL.green, 81, 400), ...ask(red, ALL.green, 82, 200)])
    expect(new Set(answers.slice(0, 1600).map(({ kind }) => kind))).toEqual(new Set(['ok']))
    const ports = answers.slice(0, 1600).flatMap((answer, index) => answer.kind === 'ok' && index % 800 < 400 ? [answer.ownPort] : [])
    expect(new Set(ports).size).toBe(800)
    expect(new Set(answers.slice(1600, 1800).map(({ kind }) => kind))).toEqual(new Set(['timeout']))
  })

  test('what comes from the same number to a port that nobody asked is somebody else\'s', async () => {
    const network = await routed()
    await network.node2`nft ${`add table ip t; add chain ip t c { type filter hook prerouting priority raw; }; add rule ip t c ip saddr ${ALL.red} tcp dport 82 ip saddr set 203.0.113.9 tcp dport set 9999`}`
    const [tcp] = await replies(network.bench(), both(green, 82), ask(red, ALL.green, 82))
    expect(tcp).toMatchObject({ kind: 'timeout' })
  })

  test('nine pods ask nine pods on four ports, and each is answered or hears nothing', async () => {
    const network = await nine()
    const ends = endsOf(NINE)
    const ports = [80, 443, 5432, 8080]
    const listeners = ends.flatMap(end => ports.flatMap(port => both(end, port)))
    const questions = ends.flatMap(from => Object.values(NINE).flatMap(to => ports.flatMap(port => ask(from, to, port))))
    const kinds = async (): Promise<readonly string[]> => {
      const answers = await replies(network.bench(), listeners, questions)
      return [...new Set(answers.filter((_, index) => questions[index]?.from.address !== questions[index]?.to).map(answer => answer.kind))]
    }
    expect(questions).toHaveLength(648)
    expect(await kinds()).toEqual(['ok'])
    // Nothing passes: neither through a node nor over its bridge.
    for (const node of [network.node1, network.node2, network.node3]) {
      await node`
        iptables-legacy -P FORWARD DROP
        for port in $(ls /sys/class/net/cni0/brif); do bridge link set dev $port isolated on; done`
    }
    expect(await kinds()).toEqual(['timeout'])
  })
})

const NINE = {
  a1: '10.244.1.2', b1: '10.244.1.3', c1: '10.244.1.4', a2: '10.244.2.2', b2: '10.244.2.3', c2: '10.244.2.4', a3: '10.244.3.2', b3: '10.244.3.3', c3: '10.244.3.4',
} as const

/** Three pods a node. */
async function nine(): Promise<Network> {
  const network = await justRouted()
  for (const [number, node] of [network.node1, network.node2, network.node3].entries()) {
    const own = Object.entries(NINE).filter(([, address]) => address.startsWith(`10.244.${number + 1}.`))
    await node`ip -all netns del; ip link del cni0; true`
    await podsOnBridge(node, `10.244.${number + 1}.0/24`, Object.fromEntries(own))
  }
  await network.settles(reachEachOther(NINE), 'pass')
  return network
}
