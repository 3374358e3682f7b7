// 21 · Eight rails, one default route: what is sent from an address of a rail, and the answer to it, stays on that rail.
import { answersForOwnRail, answersOnOwnRails, asksInOwnName, ridesOn, ridesOwnRails, straightToNeighbours, unboundRidesOn } from 'hardway/checks'
import { defineLab, fail, pass, unknown, type Answer, type Bench, type Deed, type Nodes } from 'hardway/lab'
import { joinRails, onRail, podsOnBridge, RAILS, type Rail } from 'hardway/networks'

type Name = 'node1' | 'node2'
type Node = Nodes<Name>[Name]

const worker = { worker: 'node1/worker' }
const rank0 = { rank0: '10.244.2.2' }
const store = { store: '10.160.0.20' }
/** The address of far on a rail, in another hall. */
const far = (rail: number): string => `10.${150 + rail}.0.20`
const leaf = (rail: number): string => `10.${50 + rail}.0.1`

/** Each talks to far on its own rail, to the leaf of another one, and to somebody who is meant to be reached by eth0: where it goes decides nothing. */
const rails = RAILS.map(rail => ({
  segment: `rail${rail}`, address: onRail(rail, 10), range: `10.${50 + rail}.0.0/16`, to: [far(rail), leaf((rail + 3) % RAILS.length), rank0.rank0],
}))
const second = rails.slice(1, 2)

const onRail1 = ridesOn('rail1', { worker: onRail(1, 10) }, [far(1), far(4), leaf(4), rank0.rank0])
const answered1 = ridesOn('rail1', { far: far(4) }, [onRail(1, 10)])
const straight1 = straightToNeighbours('worker', second)
const cluster = unboundRidesOn('fab', worker, { ...rank0, node2: '192.168.1.12' })
const own = ridesOwnRails('worker', rails)
const answered = answersOnOwnRails('worker', rails)
const straight = straightToNeighbours('worker', rails)
const all = [own, answered, straight, cluster] as const
const answers = answersForOwnRail('worker', rails)
const asks = asksInOwnName('worker', rails)
const stored = unboundRidesOn('rail7', worker, store)

/** In the worker. */
const inside = (node: Node, script: string) => node`ip netns exec worker bash -ec ${script}`
const does = (script: string): Deed<Name> => ({ node1 }) => inside(node1, script)
/** One process for several commands of ip. */
const ip = (...lines: readonly string[]) => `ip -batch - <<'END'\n${lines.join('\n')}\nEND`

const rule = (rail: Rail) => `rule add from ${onRail(rail, 10)} table ${100 + rail}`
const connected = (rail: Rail) => `route add 10.${50 + rail}.0.0/16 dev net${rail + 1} table ${100 + rail}`
const gateway = (rail: Rail, by: Rail = rail) => `route add default via ${onRail(by, 1)} dev net${by + 1} table ${100 + rail}`
const rail = (number: Rail) => [rule(number), connected(number), gateway(number)]
const others = RAILS.filter(number => number !== 1)

/** As it was before the first step. */
const gone = 'for pref in $(ip -j rule | jq ".[] | select(.table | tonumber? // 0 | . > 99) | .priority"); do ip rule del pref $pref; done\nfor table in 100 101 102 103 104 105 106 107; do ip route flush table $table 2>/dev/null || true; done'

/** What the kernel asks rules for is a mark, and a chain sets it by the source. */
const MARKS = `${ip(...RAILS.flatMap(number => [`rule add fwmark ${100 + number} table ${100 + number}`, connected(number), gateway(number)]))}
nft -f - <<'END'
table ip rails {
  chain out {
    type route hook output priority mangle
    meta mark set ip saddr map { ${RAILS.map(number => `${onRail(number, 10)} : ${100 + number}`).join(', ')} }
  }
}
END`

/** The CNI project's plugin, as a chain calls it: once for each interface, with what the plugins before it have done. */
const bySbr = others.map(number => `CNI_COMMAND=ADD CNI_CONTAINERID=worker CNI_NETNS=/run/netns/worker CNI_IFNAME=net${number + 1} CNI_PATH=/opt/cni/bin /opt/cni/bin/sbr >/dev/null <<'END'
${JSON.stringify({
    cniVersion: '1.0.0', name: `rail${number}`, type: 'sbr',
    prevResult: {
      cniVersion: '1.0.0', interfaces: [{ name: `net${number + 1}`, sandbox: '/run/netns/worker' }],
      ips: [{ address: `${onRail(number, 10)}/16`, gateway: onRail(number, 1), interface: 0 }],
    },
  })}
END`).join('\n')

/** Two cables in each other's place: who has the address of a rail is on the wire of the other. */
const swapped = `ip addr flush dev net2; ip addr flush dev net3
${ip('addr add 10.52.0.10/16 dev net2', 'addr add 10.51.0.10/16 dev net3', 'route replace 10.51.0.0/16 dev net3 table 101', 'route replace default via 10.51.0.1 dev net3 table 101',
  'route replace 10.52.0.0/16 dev net2 table 102', 'route replace default via 10.52.0.1 dev net2 table 102')}`

export default defineLab<Name>({
  async setup({ node1, node2 }) {
    await Promise.all([hall(node1), leaves(node2)])
  },
  steps: {
    'one-rail': {
      checks: [onRail1, answered1, straight1, cluster],
      hints: [
        'Which of the tables of worker knows a way to 10.151.0.20? Who sends a packet there to that table, and does it ask from where the packet comes?',
        failing => failing.includes(cluster.claim) ? 'What worker sends without saying from where has gone a new way too. Is the default route of the table main still that of eth0?'
          : failing.includes(straight1.claim) ? 'A table that is asked first has to know all that is asked of it. Does table 101 know who is on net2 itself?'
            : 'In worker: `ip route get 10.151.0.20 from 10.51.0.10` says what the kernel would do. `ip rule` shows who is asked, in order.',
        'In worker: `ip rule add from 10.51.0.10 table 101`, `ip route add 10.51.0.0/16 dev net2 table 101`, `ip route add default via 10.51.0.1 dev net2 table 101`',
      ],
      answers: { unbound: answerIs(['10.151.0.20'], 'prefsrc', ['10.51.0.10', '10.151.0.20', '10.244.1.1', '10.50.0.10'], 'an IPv4 address') },
      alternatives: {
        'a table of another number, and a rule with a place': does(ip('rule add pref 1000 from 10.51.0.10 lookup 7', 'route add 10.51.0.0/16 dev net2 scope link src 10.51.0.10 table 7', 'route add default via 10.51.0.1 table 7')),
        'the whole range of the rail': does(ip('rule add from 10.51.0.0/16 table 101', connected(1), gateway(1))),
        'a strict filter beside the rule': does(`${ip(...rail(1))}\nsysctl -qw net.ipv4.conf.all.rp_filter=1`),
      },
      mutants: {
        'only the filter taken away': { refusedBy: onRail1.claim, instead: does('for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$file; done') },
        'a second default route, further away': { refusedBy: onRail1.claim, instead: does(ip('route add default via 10.51.0.1 dev net2 metric 200')) },
        'a default route in place of eth0\'s': { refusedBy: cluster.claim, instead: does(ip('route replace default via 10.51.0.1 dev net2')) },
        'all halls by net2, in the table main': { refusedBy: onRail1.claim, instead: does(ip('route add 10.144.0.0/12 via 10.51.0.1 dev net2')) },
        'for one protocol': { refusedBy: onRail1.claim, instead: does(ip('rule add from 10.51.0.10 ipproto tcp table 101', connected(1), gateway(1))) },
        'by where it goes': { refusedBy: onRail1.claim, instead: does(ip('rule add to 10.151.0.0/16 table 101', connected(1), gateway(1))) },
        'asked after main': { refusedBy: onRail1.claim, instead: does(ip('rule add pref 32800 from 10.51.0.10 table 101', connected(1), gateway(1))) },
        'without the wire\'s own range': { refusedBy: straight1.claim, instead: does(ip(rule(1), gateway(1))) },
        'by another rail, in its name': {
          refusedBy: onRail1.claim,
          instead: does(`${ip(rule(1), gateway(1, 0))}\nnft 'add table ip t; add chain ip t c { type nat hook postrouting priority srcnat; }; add rule ip t c oifname net1 ip saddr 10.51.0.10 snat to 10.50.0.10'`),
        },
      },
    },
    'all-rails': {
      checks: [...all],
      hints: [
        'What differs from rail to rail: the address, the interface, the gateway, the table. What is the number of each for rail 5?',
        failing => failing.includes(straight.claim) && !failing.includes(own.claim) ? 'One of the tables does not know its own wire.'
          : 'In worker: `ip rule` has to have eight, and `ip route show table 105` two routes, by net6.',
        'In worker: `for r in 0 2 3 4 5 6 7; do ip rule add from 10.5$r.0.10 table 10$r; ip route add 10.5$r.0.0/16 dev net$((r+1)) table 10$r; ip route add default via 10.5$r.0.1 dev net$((r+1)) table 10$r; done`',
      ],
      answers: { across: answerIs(['10.50.0.20', 'from', '10.53.0.10'], 'dev', ['net1', 'eth0', 'net3', 'net8'], 'the name of an interface') },
      alternatives: {
        'the plugin sbr, for each interface': { requires: ['cni-plugins'], instead: ({ node1 }) => node1`bash -ec ${bySbr}` },
        'marks, which a chain sets by the source': { requires: ['nft'], instead: does(`${gone}\n${MARKS}`) },
        'a strict filter beside the rules': does(`${ip(...others.flatMap(rail))}\nsysctl -qw net.ipv4.conf.all.rp_filter=1`),
        'main without the rails': does(ip(...others.flatMap(rail), ...RAILS.map(number => `route del 10.${50 + number}.0.0/16 dev net${number + 1} table main`))),
      },
      mutants: {
        'rail 1 alone': { refusedBy: own.claim, instead: async () => {} },
        'eight default routes, by metric': { refusedBy: own.claim, instead: does(`${gone}\n${ip(...RAILS.map(number => `route add default via ${onRail(number, 1)} dev net${number + 1} metric ${200 + number}`))}`) },
        'one table for all': { refusedBy: own.claim, instead: does(ip(...others.map(number => `rule add from ${onRail(number, 10)} table 101`))) },
        'one rail off by one': { refusedBy: own.claim, instead: does(ip(...others.flatMap(number => number === 6 ? [rule(6), connected(6), gateway(6, 5)] : rail(number)))) },
        'marks, and a strict filter': { refusedBy: own.claim, instead: does(`${gone}\n${MARKS}\nsysctl -qw net.ipv4.conf.all.rp_filter=1`) },
        'a rule that is asked first, for more than its rail': { refusedBy: own.claim, after: does('ip rule add pref 90 from 10.48.0.0/12 table 100') },
        'main first, for all but its default route': { refusedBy: own.claim, after: does(ip('rule add pref 90 lookup main suppress_prefixlength 0')) },
        'a rail that was down for a moment': { refusedBy: own.claim, after: does('ip link set net5 down; ip link set net5 up') },
        'a table without its wire': { refusedBy: straight.claim, after: does('ip route del 10.53.0.0/16 dev net4 table 103') },
        'two cables in each other\'s place': { refusedBy: own.claim, after: does(swapped) },
      },
    },
    'own-wire': {
      checks: [answers, asks, ...all],
      hints: [
        'To whom does an address belong on Linux, to an interface or to the machine?',
        failing => failing.includes(answers.claim) && failing.includes(asks.claim) ? 'Two settings: one for what worker answers, and one for what it asks. In worker: `sysctl -a | grep arp_`.'
          : failing.includes(answers.claim) ? 'Who answers is arp_ignore. Of `all` and the interface the larger number counts; `default` is for interfaces that do not exist yet.'
            : 'In whose name worker asks is arp_announce.',
        'In worker: `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2`',
      ],
      alternatives: {
        'each interface by itself': does('for file in /proc/sys/net/ipv4/conf/net*/arp_ignore; do echo 1 >$file; done; for file in /proc/sys/net/ipv4/conf/net*/arp_announce; do echo 2 >$file; done'),
        'only to those on the same wire, and an address of the wire where there is one': does('sysctl -qw net.ipv4.conf.all.arp_ignore=2 net.ipv4.conf.all.arp_announce=1'),
      },
      mutants: {
        'left as it is': { refusedBy: answers.claim, instead: async () => {} },
        'for interfaces to come': { refusedBy: answers.claim, instead: does('sysctl -qw net.ipv4.conf.default.arp_ignore=1 net.ipv4.conf.default.arp_announce=2') },
        'asks well, and answers for all': { refusedBy: answers.claim, instead: does('sysctl -qw net.ipv4.conf.all.arp_announce=2') },
        'answers well, and asks in any name': { refusedBy: asks.claim, instead: does('sysctl -qw net.ipv4.conf.all.arp_ignore=1') },
        'a filter by the route back': { refusedBy: answers.claim, instead: does('sysctl -qw net.ipv4.conf.all.arp_filter=1 net.ipv4.conf.all.arp_announce=2') },
        'answers to nobody': { refusedBy: answers.claim, after: does('sysctl -qw net.ipv4.conf.net3.arp_ignore=8') },
      },
    },
    store: {
      checks: [stored, ...all, answers, asks],
      solution: does('ip route add 10.160.0.0/16 via 10.57.0.1 dev net8'),
      hints: [
        'Which rule does a packet meet that has no source address yet, and which table does it lead to?',
        failing => failing.includes(cluster.claim) ? 'What is for the cluster has left eth0 too: only the range of the store is to change its way.'
          : failing.includes(stored.claim) ? 'In worker: `ip route get 10.160.0.20`. It says by which interface, and which source address comes with it.'
            : 'The store is well. Which rail is not any more?',
        'In worker: `ip route add 10.160.0.0/16 via 10.57.0.1 dev net8`',
      ],
      alternatives: {
        'a rule by where it goes': does(ip('rule add to 10.160.0.0/16 table 107')),
        'the store alone': does(ip('route add 10.160.0.20 via 10.57.0.1 src 10.57.0.10')),
      },
      mutants: {
        'nothing done': { refusedBy: stored.claim, instead: async () => {} },
        'in the table of the rail alone': { refusedBy: stored.claim, instead: does(ip('route add 10.160.0.0/16 via 10.57.0.1 dev net8 table 107')) },
        'all that has no source': { refusedBy: cluster.claim, instead: does(ip('rule add pref 32000 table 107')) },
        'the default route by rail 7, and pods by eth0': { refusedBy: cluster.claim, instead: does(ip('route add 10.244.0.0/16 via 10.244.1.1 dev eth0', 'route replace default via 10.57.0.1 dev net8')) },
        'in the name of eth0': { refusedBy: stored.claim, instead: does(ip('route add 10.160.0.0/16 via 10.57.0.1 dev net8 src 10.244.1.2')) },
        'rail 7 was down for a moment': { refusedBy: stored.claim, after: does('ip link set net8 down; ip link set net8 up') },
      },
    },
  },
})

async function hall(node1: Node): Promise<void> {
  await podsOnBridge(node1, '10.244.1.0/24', { worker: '10.244.1.2' })
  await joinRails(node1, { pods: { worker: [0, 10] } })
  await node1`bash -ec ${`
    sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
    ip route add default via 192.168.1.12
    ip netns exec worker sysctl -qw net.ipv4.conf.{all,default}.{arp_ignore,arp_announce,arp_filter}=0 net.ipv4.conf.{all,default}.rp_filter=2`}`
}

/** All that is behind the wires: node2 is the leaf of each rail, the hall where far is, the store, and the default gateway of the cluster. */
async function leaves(node2: Node): Promise<void> {
  await podsOnBridge(node2, '10.244.2.0/24', rank0)
  const guests = { far: RAILS.map(far), store: [store.store] }
  await node2`bash -ec ${`
    sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    for file in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 >$file; done
    ${ip('route add 10.244.1.0/24 via 192.168.1.11', ...RAILS.flatMap(number => [`addr add ${onRail(number, 1)}/16 dev rail${number}`, `link set rail${number} up`]),
      ...Object.entries(guests).flatMap(([name, addresses], index) => [
        `netns add ${name}`, `link add veth-${name} up type veth peer name eth0 netns ${name}`, `addr add 10.149.${index}.1/32 dev veth-${name}`,
        ...addresses.map(address => `route add ${address.replace(/\.0\.20$/, '.0.0/16')} dev veth-${name}`),
      ]))}
    ${Object.entries(guests).map(([name, addresses], index) => `ip -n ${name} -batch - <<'END'
link set lo up
${addresses.map(address => `addr add ${address}/32 dev eth0\n`).join('')}link set eth0 up
route add 10.149.${index}.1 dev eth0
route add default via 10.149.${index}.1
END
ip netns exec ${name} setsid socat -u TCP-LISTEN:5000,fork,reuseaddr OPEN:/dev/null </dev/null >/dev/null 2>&1 &`).join('\n')}`}`
}

/** What `ip route get` says of the worker's own traffic, now. */
function answerIs(asked: readonly string[], field: 'dev' | 'prefsrc', wrong: readonly [string, ...string[]], kind: string): Answer {
  const look = async (bench: Bench) => {
    const evidence = await bench.place('node1/worker').exec(['ip', '-j', 'route', 'get', ...asked])
    const route: unknown = evidence.exitCode === 0 ? JSON.parse(evidence.stdout) : []
    const first: unknown = Array.isArray(route) ? route[0] : undefined
    const value: unknown = first !== null && typeof first === 'object' && field in first ? Reflect.get(first, field) : undefined
    return { value: typeof value === 'string' ? value : '', evidence }
  }
  return {
    right: async bench => (await look(bench)).value,
    async grade(bench, given) {
      const { value, evidence } = await look(bench)
      if (value === '') return unknown('worker does not say by which way it would send that', evidence)
      return given.trim() === value ? pass(evidence) : fail(`${given.trim()} it is not: ask the kernel for ${kind}`, evidence)
    },
    wrong,
  }
}
