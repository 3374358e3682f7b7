// 01 · First network namespace: a pod's network is a namespace of the kernel's, and a veth is the way into it.
import { isSeparateNamespace, loopbackWorks, reachEachOther, reachesItself, sameLayer2, vethPair } from 'hardway/checks'
import { defineLab, fail, pass, type Answer, type Bench } from 'hardway/lab'

type Namespace = Awaited<ReturnType<Bench['namespaces']>>[number]

const separate = isSeparateNamespace('node1', 'red')
const loopback = loopbackWorks('node1', 'red')
const cable = vethPair('node1', 'red')
const exchange = reachEachOther({ red: '10.244.1.2', node1: '10.244.1.1' })
const redItself = reachesItself({ red: '10.244.1.2' })
// The addresses of the second cable. Whoever has them is red and blue: the names are not the lesson there.
const red = { red: '10.244.9.1' }
const blue = { blue: '10.244.9.2' }
const direct = reachEachOther({ ...red, ...blue })
const noRouter = sameLayer2(red, blue)
const blueItself = reachesItself(blue)

/** Every network namespace of node1: its own first. */
async function namespaces(bench: Bench): Promise<{ own: Namespace; red: Namespace | undefined; all: readonly Namespace[] }> {
  const all = await bench.namespaces('node1')
  const own = all.find(one => one.own)
  if (own === undefined) throw new Error('node1 shows no namespace of its own')
  return { own, red: all.find(one => one.named === 'red'), all }
}

const redInode: Answer = {
  right: async bench => String((await namespaces(bench)).red?.inode),
  grade: async (bench, value) => {
    const { own, red } = await namespaces(bench)
    if (red === undefined) return fail('node1 has no network namespace red yet', own.evidence)
    const number = Number(/^(?:net:\[)?(\d+)\]?$/.exec(value)?.[1])
    if (number === red.inode) return pass(red.evidence)
    return fail(number === own.inode ? 'that is the number of node1\'s own namespace: ask in red' : 'that is not the number in the brackets of net:[…] in red', red.evidence)
  },
  // That of the first namespace of any machine, that of none, and a name.
  wrong: ['4026531840', '0', 'red'],
}

/** The two ends of the veth between red and node1, by number. */
function cableOf(red: Namespace | undefined, own: Namespace): { inner: number; outer: number } | undefined {
  for (const inner of red?.links.filter(link => link.peerNamespace !== undefined) ?? []) {
    const outer = own.links.find(link => link.kind === 'veth' && link.index === inner.peerIndex && link.peerIndex === inner.index)
    if (outer !== undefined) return { inner: inner.index, outer: outer.index }
  }
  return undefined
}

const otherEnd: Answer = {
  right: async bench => {
    const { own, red } = await namespaces(bench)
    return String(cableOf(red, own)?.outer)
  },
  grade: async (bench, value) => {
    const { own, red } = await namespaces(bench)
    const cable = cableOf(red, own)
    if (red === undefined || cable === undefined) return fail('no veth joins node1 and red yet', own.evidence)
    if (value === String(cable.outer)) return pass(red.evidence, own.evidence)
    return fail(value === String(cable.inner) ? 'that is the number of the end in red; the other one is behind its @if' : 'neither end has that number', red.evidence, own.evidence)
  },
  wrong: ['0', '1', 'veth-red-br'],
}

const blueMac: Answer = {
  right: async bench => (await macs(bench)).blue ?? '',
  grade: async (bench, value) => {
    const { red, blue, evidence } = await macs(bench)
    if (blue === undefined) return fail('nobody has the address 10.244.9.2 yet', evidence)
    if (value.toLowerCase() === blue) return pass(evidence)
    return fail(value.toLowerCase() === red ? 'that is red\'s own end; who answered when red asked for 10.244.9.2?' : 'that is not the MAC address of the interface with 10.244.9.2', evidence)
  },
  wrong: ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '10.244.9.2'],
}

async function macs(bench: Bench) {
  const { own, all } = await namespaces(bench)
  const holder = (address: string) => all.find(one => one.links.some(link => link.addresses.some(held => held.startsWith(`${address}/`))))
  const mac = (address: string) => holder(address)?.links.find(link => link.addresses.some(held => held.startsWith(`${address}/`)))?.mac
  return { red: mac('10.244.9.1'), blue: mac('10.244.9.2'), evidence: (holder('10.244.9.2') ?? own).evidence }
}

export default defineLab<'node1'>({
  // Interface numbers are given once: this node has had others before, so that no two learners' veths have the same.
  setup: ({ node1 }) => node1`
    for number in $(seq $((RANDOM % 9 + 1))); do echo "link add old$number group 9 type veth peer name gone$number"; done | ip -batch -
    ip link delete group 9`,
  steps: {
    namespace: {
      checks: [separate],
      answers: { 'red-inode': redInode },
      hints: [
        'Which of the tools that you know manages network namespaces? `ip` has a word for each kind of thing it manages, and `ip help` lists them.',
        'The word is `netns`. `ip netns help` shows what it can do with one; a name is all that it wants to know.',
        'Type on node1: `ip netns add red`',
      ],
      alternatives: {
        'unshare that gives the name itself': ({ node1 }) => node1`
          mkdir -p /run/netns
          touch /run/netns/red
          unshare --net=/run/netns/red true`,
        'a process first, its name later': ({ node1 }) => node1`
          setsid unshare --net sleep infinity </dev/null >/dev/null 2>&1 &
          until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
          ip netns attach red $!`,
      },
      mutants: {
        'another name for node1 itself': { refusedBy: separate.claim, instead: ({ node1 }) => node1`ip netns attach red $$` },
        'a file that looks like a namespace': { refusedBy: separate.claim, instead: ({ node1 }) => node1`mkdir -p /run/netns && touch /run/netns/red` },
        'a namespace of another name': { refusedBy: separate.claim, instead: ({ node1 }) => node1`ip netns add blue` },
        'deleted again': { refusedBy: separate.claim, after: ({ node1 }) => node1`ip netns delete red` },
      },
    },

    loopback: {
      checks: [loopback],
      hints: [
        'In which state is `lo` in red, and in which is that of node1? `ip link` tells, in both places.',
        'An interface that is DOWN carries nothing. `ip -n red` does in red what `ip` does on node1; what would you type to bring up an interface of node1?',
        'Type on node1: `ip -n red link set lo up`',
      ],
      alternatives: {
        'by nsenter, as for a namespace without a name': ({ node1 }) => node1`nsenter --net=/run/netns/red ip link set lo up`,
        'with ifconfig': ({ node1 }) => node1`ip netns exec red ifconfig lo up`,
      },
      mutants: {
        'the loopback of node1, not that of red': { refusedBy: loopback.claim, instead: ({ node1 }) => node1`ip link set lo up` },
        'an address on a loopback that stays down': { refusedBy: loopback.claim, instead: ({ node1 }) => node1`ip -n red addr add 127.0.0.1/8 dev lo` },
        'loopback down again': { refusedBy: loopback.claim, after: ({ node1 }) => node1`ip -n red link set lo down` },
        'a firewall in red that drops what comes by lo': {
          refusedBy: loopback.claim, after: ({ node1 }) => node1`ip netns exec red iptables -A INPUT -i lo -j DROP`,
        },
      },
    },

    cable: {
      checks: [cable],
      answers: { 'other-end': otherEnd },
      hints: [
        'A cable has two ends. In which namespace is each of them now? `ip -br link` on node1, and in red.',
        'A new pair has both ends where it was made. `ip link set` can do more than up and down: `ip link help` has a word for the namespace that an interface is to be in.',
        'Type on node1: `ip link add veth-red type veth peer name veth-red-br`, then `ip link set veth-red netns red`',
      ],
      alternatives: {
        'the peer made in red at once': ({ node1 }) => node1`ip link add veth-red-br type veth peer name veth-red netns red`,
        'made in red, one end handed out, named as plugins do': ({ node1 }) => node1`ip -n red link add eth0 type veth peer name veth1a2b3c4d netns 1`,
      },
      mutants: {
        'both ends on node1': { refusedBy: cable.claim, instead: ({ node1 }) => node1`ip link add veth-red type veth peer name veth-red-br` },
        'both ends in red': { refusedBy: cable.claim, instead: ({ node1 }) => node1`ip -n red link add veth-red type veth peer name veth-red-br` },
        'an end in a third namespace': {
          refusedBy: cable.claim,
          instead: ({ node1 }) => node1`
            ip netns add blue
            ip link add veth-red netns red type veth peer name veth-red-br netns blue`,
        },
        'a bridge of the same name': {
          refusedBy: cable.claim,
          instead: ({ node1 }) => node1`
            ip link add veth-red-br type bridge
            ip -n red link add veth-red type bridge`,
        },
        'one end deleted': { refusedBy: cable.claim, after: ({ node1 }) => node1`ip link delete veth-red-br` },
        'the end in red taken back': { refusedBy: cable.claim, after: ({ node1 }) => node1`ip -n red link set veth-red netns 1` },
      },
    },

    addresses: {
      checks: [exchange, redItself],
      hints: [
        'Does each end have an address, and is each end up? Ask `ip -br addr` on node1 and in red: the second column is the state.',
        failing => failing.includes(exchange.claim)
          ? 'UP together with NO-CARRIER means that this end is up and the other is not. And an address has to be in the namespace that it is for: `ip -n red` works there.'
          : 'Both ends work. What is for an address of red itself does not leave by the veth: `ip route get 10.244.1.2`, asked in red, names the interface that it takes.',
        'Type on node1: `ip addr add 10.244.1.1/24 dev veth-red-br`, `ip link set veth-red-br up`, `ip -n red addr add 10.244.1.2/24 dev veth-red`, `ip -n red link set veth-red up`; and `ip -n red link set lo up` if that is down',
      ],
      alternatives: {
        'point to point, no subnet at all': ({ node1 }) => node1`
          ip addr add 10.244.1.1 peer 10.244.1.2 dev veth-red-br
          ip link set veth-red-br up
          ip -n red addr add 10.244.1.2 peer 10.244.1.1 dev veth-red
          ip -n red link set veth-red up`,
        'a /32 and a route, as Calico gives its pods': ({ node1 }) => node1`
          ip addr add 10.244.1.1/32 dev veth-red-br
          ip link set veth-red-br up
          ip -n red addr add 10.244.1.2/32 dev veth-red
          ip -n red link set veth-red up
          ip route add 10.244.1.2/32 dev veth-red-br scope link
          ip -n red route add 10.244.1.1/32 dev veth-red scope link`,
        'the smallest subnet that holds both, and other names': ({ node1 }) => node1`
          ip link set veth-red-br name veth1a2b3c4d
          ip -n red link set veth-red name eth0
          ip addr add 10.244.1.1/30 dev veth1a2b3c4d
          ip link set veth1a2b3c4d up
          ip -n red addr add 10.244.1.2/30 dev eth0
          ip -n red link set eth0 up`,
      },
      mutants: {
        'the address of red on the end of node1': {
          refusedBy: exchange.claim,
          instead: ({ node1 }) => node1`
            ip addr add 10.244.1.1/24 dev veth-red-br
            ip addr add 10.244.1.2/24 dev veth-red-br
            ip link set veth-red-br up
            ip -n red link set veth-red up`,
        },
        'the two addresses swapped': {
          refusedBy: exchange.claim,
          instead: ({ node1 }) => node1`
            ip addr add 10.244.1.2/24 dev veth-red-br
            ip link set veth-red-br up
            ip -n red addr add 10.244.1.1/24 dev veth-red
            ip -n red link set veth-red up`,
        },
        'a mask that leaves node1 out': {
          refusedBy: exchange.claim,
          instead: ({ node1 }) => node1`
            ip addr add 10.244.1.1/24 dev veth-red-br
            ip link set veth-red-br up
            ip -n red addr add 10.244.1.2/32 dev veth-red
            ip -n red link set veth-red up`,
        },
        'addresses, and nothing brought up': {
          refusedBy: exchange.claim,
          instead: ({ node1 }) => node1`
            ip addr add 10.244.1.1/24 dev veth-red-br
            ip -n red addr add 10.244.1.2/24 dev veth-red`,
        },
        'peer down': { refusedBy: exchange.claim, after: ({ node1 }) => node1`ip link set veth-red-br down` },
        'node1 has the address of red too': { refusedBy: exchange.claim, after: ({ node1 }) => node1`ip addr add 10.244.1.2/32 dev eth0` },
        'only ping is let in': {
          refusedBy: exchange.claim,
          after: ({ node1 }) => node1`
            ip netns exec red iptables -A INPUT -p icmp -j ACCEPT
            ip netns exec red iptables -A INPUT -i veth-red -j DROP`,
        },
        'the loopback of red is down': { refusedBy: redItself.claim, after: ({ node1 }) => node1`ip -n red link set lo down` },
      },
    },

    'second-cable': {
      checks: [direct, noRouter, blueItself],
      answers: { 'blue-mac': blueMac },
      hints: [
        'You have done all of this once. Which of the four steps does blue need, and which of them does the cable need at both of its ends?',
        failing => failing.includes(direct.claim)
          ? 'A namespace; its loopback; a pair of which neither end stays on node1; two addresses; two ends up. `ip link add` makes the pair, and each end can be moved by a command of its own.'
          : failing.includes(blueItself.claim)
            ? 'The cable works. What does a new namespace lack until somebody brings it up?'
            : 'They reach each other, and by way of node1. This cable is to have no end there.',
        'Type on node1: `ip netns add blue`, `ip -n blue link set lo up`, `ip link add to-blue netns red type veth peer name to-red netns blue`, `ip -n red addr add 10.244.9.1/24 dev to-blue`, `ip -n red link set to-blue up`, and the like for blue',
      ],
      solution: ({ node1 }) => node1`
        ip netns add blue
        ip -n blue link set lo up
        ip link add to-blue type veth peer name to-red
        ip link set to-blue netns red
        ip link set to-red netns blue
        ip -n red addr add 10.244.9.1/24 dev to-blue
        ip -n red link set to-blue up
        ip -n blue addr add 10.244.9.2/24 dev to-red
        ip -n blue link set to-red up`,
      alternatives: {
        'a namespace without a name, held by a process': ({ node1 }) => node1`
          setsid unshare --net sleep infinity </dev/null >/dev/null 2>&1 &
          until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
          ip -n red link add to-blue type veth peer name eth0 netns $!
          ip -n red addr add 10.244.9.1/24 dev to-blue
          ip -n red link set to-blue up
          nsenter --target $! --net bash -ec 'ip link set lo up; ip addr add 10.244.9.2/24 dev eth0; ip link set eth0 up'`,
        'a cable with its ends made in place, and no subnet': ({ node1 }) => node1`
          ip netns add blue
          ip -n blue link set lo up
          ip link add eth1 netns red type veth peer name eth0 netns blue
          ip -n red addr add 10.244.9.1 peer 10.244.9.2 dev eth1
          ip -n red link set eth1 up
          ip -n blue addr add 10.244.9.2 peer 10.244.9.1 dev eth0
          ip -n blue link set eth0 up`,
        'two cables and a bridge without an address': {
          requires: ['bridge'],
          instead: ({ node1 }) => node1`
            ip netns add blue
            ip -n blue link set lo up
            ip link add switch up type bridge
            ip link add out1 up master switch type veth peer name eth1 netns red
            ip link add out2 up master switch type veth peer name eth1 netns blue
            ip -n red addr add 10.244.9.1/24 dev eth1
            ip -n red link set eth1 up
            ip -n blue addr add 10.244.9.2/24 dev eth1
            ip -n blue link set eth1 up`,
        },
      },
      mutants: {
        'by way of node1, which routes': {
          refusedBy: noRouter.claim,
          instead: ({ node1 }) => node1`
            ip netns add blue
            ip -n blue link set lo up
            ip link add veth-blue-br up type veth peer name veth-blue netns blue
            ip -n blue addr add 10.244.9.2/32 dev veth-blue
            ip -n blue link set veth-blue up
            ip -n blue route add 10.244.1.1/32 dev veth-blue
            ip -n blue route add default via 10.244.1.1
            ip route add 10.244.9.2/32 dev veth-blue-br
            ip -n red addr add 10.244.9.1/32 dev lo
            ip -n red route add 10.244.9.2/32 via 10.244.1.1 src 10.244.9.1
            ip route add 10.244.9.1/32 via 10.244.1.2
            sysctl -qw net.ipv4.ip_forward=1`,
        },
        'red has both addresses': {
          refusedBy: direct.claim,
          instead: ({ node1 }) => node1`
            ip netns add blue
            ip -n red addr add 10.244.9.1/24 dev veth-red
            ip -n red addr add 10.244.9.2/24 dev veth-red`,
        },
        'blue has an address, and no cable': {
          refusedBy: direct.claim,
          instead: ({ node1 }) => node1`
            ip netns add blue
            ip -n blue link set lo up
            ip -n blue addr add 10.244.9.2/24 dev lo
            ip -n red addr add 10.244.9.1/24 dev veth-red`,
        },
        'blue cannot talk to itself': { refusedBy: blueItself.claim, after: ({ node1 }) => node1`ip -n blue link set lo down` },
        'the end in red is down': { refusedBy: direct.claim, after: ({ node1 }) => node1`ip -n red link set to-blue down` },
        'two subnets on one cable': {
          refusedBy: direct.claim,
          after: ({ node1 }) => node1`
            ip -n blue addr flush dev to-red
            ip -n blue addr add 10.244.9.2/31 dev to-red`,
        },
      },
    },
  },
})
