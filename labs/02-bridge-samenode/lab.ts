// 02 · Pods on a bridge: a switch in the kernel joins the pods of one node, and a firewall can reach into it.
import { allReach, bridgeOwns, bridgePortFor, defaultRouteTo, freshPod, reachEachOther, reachesItself, sameLayer2 } from 'hardway/checks'
import { defineLab, fail, pass, type Answer, type Bench } from 'hardway/lab'

const red = { red: '10.244.1.2' }
const blue = { blue: '10.244.1.3' }
const green = { green: '10.244.1.4' }
const yellow = { yellow: '10.244.1.5' }
const pods = { ...red, ...blue, ...green }
const gateway = '10.244.1.1'

const bridge = bridgeOwns('node1', gateway)
const redPort = bridgePortFor('node1', red)
const bluePort = bridgePortFor('node1', blue)
const greenPort = bridgePortFor('node1', green)
const reachGateway = allReach(pods, { node1: gateway })
const allPairs = reachEachOther(pods, { keepingAddress: true })
const noRouter = sameLayer2(red, blue)
const newcomer = freshPod('node1', gateway, pods)
const redDefault = defaultRouteTo(red, gateway)
const blueDefault = defaultRouteTo(blue, gateway)
const greenDefault = defaultRouteTo(green, gateway)
const reachNode = allReach(pods, { node1: '192.168.1.11' }, { keepingAddress: true })
const yellowPort = bridgePortFor('node1', yellow)
const yellowPairs = reachEachOther({ ...pods, ...yellow }, { keepingAddress: true })
const yellowDefault = defaultRouteTo(yellow, gateway)
const yellowItself = reachesItself(yellow)

async function nodeLinks(bench: Bench) {
  const own = (await bench.namespaces('node1')).find(one => one.own)
  if (own === undefined) throw new Error('node1 shows no namespace of its own')
  return { links: own.links, evidence: own.evidence }
}

/** The interface of node1 at the other end of green's cable. */
async function greensPort(bench: Bench) {
  const { links, evidence } = await nodeLinks(bench)
  const inner = (await bench.namespaces('node1')).flatMap(one => one.links).find(link => link.addresses.some(held => held.startsWith(`${green.green}/`)))
  return { link: links.find(link => link.kind === 'veth' && link.index === inner?.peerIndex && link.peerIndex === inner.index && link.master !== undefined), evidence }
}

const greenBehind: Answer = {
  right: async bench => String((await greensPort(bench)).link?.index),
  grade: async (bench, value) => {
    const { link, evidence } = await greensPort(bench)
    if (link === undefined) return fail('green is not plugged into a bridge yet', evidence)
    if (value === String(link.index)) return pass(evidence)
    return fail(value === link.name ? `its name is right; which number does node1 know ${link.name} by?` : 'green is not behind a port of that number', evidence)
  },
  wrong: ['0', '1', 'veth-green-br'],
}

const gatewayMac: Answer = {
  right: async bench => (await bridgeMac(bench)).mac ?? '',
  grade: async (bench, value) => {
    const { mac, evidence } = await bridgeMac(bench)
    // A bridge takes another MAC when its ports change, and red may not have asked since.
    const known = await bench.place('node1/red').exec(['ip', 'neigh', 'show', 'to', gateway])
    const lladdr = / lladdr (\S+)/.exec(known.stdout)?.[1]
    const said = value.toLowerCase()
    if (mac === undefined) return fail(`no bridge of node1 has the address ${gateway} yet`, evidence)
    return said === mac || said === lladdr ? pass(known, evidence) : fail('that is not who red takes for its gateway', known, evidence)
  },
  wrong: ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', gateway],
}

async function bridgeMac(bench: Bench) {
  const { links, evidence } = await nodeLinks(bench)
  return { mac: links.find(link => link.kind === 'bridge' && link.addresses.some(held => held.startsWith(`${gateway}/`)))?.mac, evidence }
}

export default defineLab<'node1'>({
  // Three pods as lab 01 leaves one: their own ends are up, those of the node are down and belong to nothing. The
  // firewall is what a machine has on which Docker and kube-proxy have been. Interface numbers are given once, and
  // this node has had others before.
  setup: ({ node1 }) => node1`
    for number in $(seq $((RANDOM % 9 + 1))); do echo "link add old$number group 9 type veth peer name gone$number"; done | ip -batch -
    ip link delete group 9
    address=2
    for pod in red blue green; do
      ip netns add $pod
      ip link add veth-$pod-br type veth peer name veth-$pod netns $pod
      printf '%s\\n' "link set lo up" "addr add 10.244.1.$address/24 dev veth-$pod" "link set veth-$pod up" | ip -n $pod -batch -
      address=$((address + 1))
    done
    iptables -P FORWARD DROP
    sysctl -qw net.ipv4.ip_forward=0 net.bridge.bridge-nf-call-iptables=1`,
  steps: {
    bridge: {
      checks: [bridge],
      hints: [
        'Three things are to be true of one interface: what kind it is, what state it is in, and what address it has. Which of them does `ip -d addr` not show yet?',
        'A bridge is a kind of link, and made like other links: `ip link add NAME type …`. An address goes onto the bridge itself, as it would onto a network card.',
        'Type on node1: `ip link add v-net-0 type bridge`, `ip link set dev v-net-0 up`, `ip addr add 10.244.1.1/24 dev v-net-0`',
      ],
      alternatives: {
        'cni0, as the bridge plugin calls it': ({ node1 }) => node1`
          ip link add cni0 up type bridge
          ip addr add 10.244.1.1/24 dev cni0`,
        'cbr0, with brctl and ifconfig': ({ node1 }) => node1`
          brctl addbr cbr0
          ifconfig cbr0 10.244.1.1 netmask 255.255.255.0 up`,
        'a wider mask': ({ node1 }) => node1`
          ip link add v-net-0 up type bridge
          ip addr add 10.244.1.1/16 dev v-net-0`,
      },
      mutants: {
        'the address of the gateway on a port': {
          refusedBy: bridge.claim,
          instead: ({ node1 }) => node1`
            ip link add v-net-0 up type bridge
            ip link set veth-red-br master v-net-0 up
            ip addr add 10.244.1.1/24 dev veth-red-br`,
        },
        'the address of the gateway on a cable': {
          refusedBy: bridge.claim,
          instead: ({ node1 }) => node1`
            ip link set veth-red-br up
            ip addr add 10.244.1.1/24 dev veth-red-br`,
        },
        'a bridge without an address': { refusedBy: bridge.claim, instead: ({ node1 }) => node1`ip link add v-net-0 up type bridge` },
        'another address of the subnet': {
          refusedBy: bridge.claim,
          instead: ({ node1 }) => node1`
            ip link add v-net-0 up type bridge
            ip addr add 10.244.1.254/24 dev v-net-0`,
        },
        'a bridge that was never brought up': {
          refusedBy: bridge.claim,
          instead: ({ node1 }) => node1`
            ip link add v-net-0 type bridge
            ip addr add 10.244.1.1/24 dev v-net-0`,
        },
        'the bridge down again': { refusedBy: bridge.claim, after: ({ node1 }) => node1`ip link set v-net-0 down` },
      },
    },

    ports: {
      checks: [redPort, bluePort, greenPort, reachGateway],
      answers: { 'green-behind': greenBehind },
      hints: [
        'What does `bridge link` show of each of the three? Is it there at all, and what is its state?',
        'One command makes an interface a port of a bridge (`ip link help`, and look for `master`), another brings it up. Each of the three needs both.',
        'Type on node1, and the same for blue and green: `ip link set veth-red-br master v-net-0`, `ip link set veth-red-br up`',
      ],
      alternatives: {
        'with brctl': ({ node1 }) => node1`
          for pod in red blue green; do
            brctl addif v-net-0 veth-$pod-br
            ifconfig veth-$pod-br up
          done`,
        'up first, then a port, and renamed as plugins do': ({ node1 }) => node1`
          for pod in red blue green; do
            ip link set veth-$pod-br name veth0a1b-$pod
            ip link set veth0a1b-$pod up
            ip link set veth0a1b-$pod master v-net-0
          done`,
        'a bridge that learns of no MAC by itself': ({ node1 }) => node1`
          for pod in red blue green; do
            ip link set veth-$pod-br master v-net-0
            bridge link set dev veth-$pod-br learning off
            bridge fdb add $(ip -n $pod -br link show veth-$pod | awk '{ print $3 }') dev veth-$pod-br master static
            ip link set veth-$pod-br up
          done`,
      },
      mutants: {
        'ports that stay down': {
          refusedBy: redPort.claim,
          instead: ({ node1 }) => node1`for pod in red blue green; do ip link set veth-$pod-br master v-net-0; done`,
        },
        'cables that are up, and plugged into nothing': {
          refusedBy: redPort.claim,
          instead: ({ node1 }) => node1`for pod in red blue green; do ip link set veth-$pod-br up; done`,
        },
        'green forgotten': {
          refusedBy: greenPort.claim,
          instead: ({ node1 }) => node1`for pod in red blue; do ip link set veth-$pod-br master v-net-0 up; done`,
        },
        // Every pod reaches every other one: a check that only pings would be content.
        'three cables and proxy ARP, and no bridge in it': {
          refusedBy: redPort.claim,
          instead: ({ node1 }) => node1`
            sysctl -qw net.ipv4.ip_forward=1
            iptables -P FORWARD ACCEPT
            address=2
            for pod in red blue green; do
              ip link set veth-$pod-br up
              sysctl -qw net.ipv4.conf.veth-$pod-br.proxy_arp=1
              ip route add 10.244.1.$((address++))/32 dev veth-$pod-br
            done`,
        },
        'a bridge for each pod': {
          refusedBy: reachGateway.claim,
          instead: ({ node1 }) => node1`
            ip link set veth-red-br master v-net-0 up
            for pod in blue green; do
              ip link add v-net-$pod up type bridge
              ip link set veth-$pod-br master v-net-$pod up
            done`,
        },
        'the end in blue is down': { refusedBy: bluePort.claim, after: ({ node1 }) => node1`ip -n blue link set veth-blue down` },
        'a port that may not forward': { refusedBy: greenPort.claim, after: ({ node1 }) => node1`bridge link set dev veth-green-br state 0` },
        'an isolated port': { refusedBy: redPort.claim, after: ({ node1 }) => node1`bridge link set dev veth-red-br isolated on` },
        'blue has the MAC of red': {
          refusedBy: bluePort.claim,
          after: ({ node1 }) => node1`ip -n blue link set veth-blue address $(ip -n red -br link show veth-red | awk '{ print $3 }')`,
        },
      },
    },

    firewall: {
      checks: [allPairs, noRouter, newcomer],
      hints: [
        'Ping blue from red once more, and then look at `iptables -nvL FORWARD`: which of its numbers has grown?',
        'A frame that stays on the bridge comes in by it and goes out by it, as far as iptables is told. Which rule says yes to just that, whoever the two pods are?',
        failing => failing.length === 1 && failing[0] === newcomer.claim
          ? 'Your rules name the pods that there are. Name the bridge instead: `iptables -A FORWARD -i v-net-0 -o v-net-0 -j ACCEPT`'
          : 'Type on node1: `iptables -A FORWARD -i v-net-0 -o v-net-0 -j ACCEPT`',
      ],
      alternatives: {
        'bridged frames no longer shown to iptables': ({ node1 }) => node1`sysctl -qw net.bridge.bridge-nf-call-iptables=0`,
        'a policy that accepts': ({ node1 }) => node1`iptables -P FORWARD ACCEPT`,
        'a rule for the range of the pods, as flannel has one': ({ node1 }) => node1`
          iptables -A FORWARD -s 10.244.0.0/16 -j ACCEPT
          iptables -A FORWARD -d 10.244.0.0/16 -j ACCEPT`,
        'a rule for whatever is bridged': {
          requires: ['xt-physdev'],
          instead: ({ node1 }) => node1`iptables -I FORWARD -m physdev --physdev-is-bridged -j ACCEPT`,
        },
        'written with nft': ({ node1 }) => node1`nft insert rule ip filter FORWARD iifname v-net-0 oifname v-net-0 accept`,
        'no firewall at all': ({ node1 }) => node1`nft flush ruleset`,
      },
      mutants: {
        'node1 turned into a router': { refusedBy: allPairs.claim, instead: ({ node1 }) => node1`sysctl -qw net.ipv4.ip_forward=1` },
        'only ping is let through': { refusedBy: allPairs.claim, instead: ({ node1 }) => node1`iptables -A FORWARD -p icmp -j ACCEPT` },
        'only what red begins': {
          refusedBy: allPairs.claim,
          instead: ({ node1 }) => node1`
            iptables -A FORWARD -s 10.244.1.2 -j ACCEPT
            iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT`,
        },
        'rules for these three pods, and for no other': {
          refusedBy: newcomer.claim,
          instead: ({ node1 }) => node1`
            for source in 2 3 4; do
              for target in 2 3 4; do iptables -A FORWARD -s 10.244.1.$source -d 10.244.1.$target -j ACCEPT; done
            done`,
        },
        'FORWARD drops what is bridged': { refusedBy: allPairs.claim, after: ({ node1 }) => node1`iptables -F FORWARD` },
        'a drop left over in ebtables': { refusedBy: allPairs.claim, after: ({ node1 }) => node1`ebtables -A FORWARD -p IPv4 -j DROP` },
        'a drop on the bridge, by nft': {
          refusedBy: allPairs.claim,
          after: ({ node1 }) => node1`
            nft add table bridge tenants
            nft add chain bridge tenants apart '{ type filter hook forward priority 0; }'
            nft add rule bridge tenants apart ip saddr 10.244.1.2 ip daddr 10.244.1.3 drop`,
        },
        'two ports that are isolated': {
          refusedBy: allPairs.claim,
          after: ({ node1 }) => node1`for pod in red blue; do bridge link set dev veth-$pod-br isolated on; done`,
        },
        'blue on a bridge of its own': {
          refusedBy: allPairs.claim,
          after: ({ node1 }) => node1`
            ip link add v-net-1 up type bridge
            ip link set veth-blue-br master v-net-1`,
        },
        'everybody appears as the gateway': {
          refusedBy: allPairs.claim,
          after: ({ node1 }) => node1`iptables -t nat -A POSTROUTING -s 10.244.1.0/24 -j MASQUERADE`,
        },
        // Isolated from each other, they still meet in node1, which answers for both: a private VLAN.
        'red and blue meet in a router': {
          refusedBy: noRouter.claim,
          after: ({ node1 }) => node1`
            for pod in red blue; do
              bridge link set dev veth-$pod-br isolated on
              ip -n $pod neigh flush all
            done
            sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.v-net-0.proxy_arp_pvlan=1 net.ipv4.conf.v-net-0.send_redirects=0 net.ipv4.conf.all.send_redirects=0`,
        },
      },
    },

    gateway: {
      checks: [redDefault, blueDefault, greenDefault, reachNode],
      answers: { 'gateway-mac': gatewayMac },
      hints: [
        'Ask red where it would send a packet for node1: `ip route get 192.168.1.11`. Why does that fail, although node1 is at the other end of red\'s own cable?',
        'A pod needs one more route, for whatever no other route is about. `ip route help` has a word for that destination, and another one for "by way of".',
        'Type on node1, and the same for blue and green: `ip -n red route add default via 10.244.1.1`',
      ],
      alternatives: {
        'with the older route command': ({ node1 }) => node1`
          for pod in red blue green; do ip netns exec $pod route add default gw 10.244.1.1; done`,
        'two halves of the world': ({ node1 }) => node1`
          for pod in red blue green; do
            ip -n $pod route add 0.0.0.0/1 via 10.244.1.1
            ip -n $pod route add 128.0.0.0/1 via 10.244.1.1
          done`,
        'with the pod\'s own address named as the source': ({ node1 }) => node1`
          address=2
          for pod in red blue green; do ip -n $pod route add default via 10.244.1.1 dev veth-$pod src 10.244.1.$((address++)); done`,
      },
      mutants: {
        'a gateway that nobody is': {
          refusedBy: redDefault.claim,
          instead: ({ node1 }) => node1`for pod in red blue green; do ip -n $pod route add default via 10.244.1.254; done`,
        },
        'blue for a gateway': {
          refusedBy: redDefault.claim,
          instead: ({ node1 }) => node1`
            for pod in red green; do ip -n $pod route add default via 10.244.1.3; done
            ip -n blue route add default via 10.244.1.1`,
        },
        'the whole world on the link': {
          refusedBy: redDefault.claim,
          instead: ({ node1 }) => node1`for pod in red blue green; do ip -n $pod route add default dev veth-$pod; done`,
        },
        'only a route to node1': {
          refusedBy: redDefault.claim,
          instead: ({ node1 }) => node1`for pod in red blue green; do ip -n $pod route add 192.168.1.0/24 via 10.244.1.1; done`,
        },
        'only red and green': {
          refusedBy: blueDefault.claim,
          instead: ({ node1 }) => node1`for pod in red green; do ip -n $pod route add default via 10.244.1.1; done`,
        },
        'the bridge has lost its address': { refusedBy: greenDefault.claim, after: ({ node1 }) => node1`ip addr flush dev v-net-0` },
        'node1 lets nobody in': { refusedBy: reachNode.claim, after: ({ node1 }) => node1`iptables -A INPUT -i v-net-0 -j DROP` },
      },
    },

    newcomer: {
      checks: [yellowPort, yellowPairs, yellowDefault, yellowItself],
      hints: [
        'What does a pod consist of by now? Go through the steps of both labs, and keep those that are about one pod: the bridge and the firewall are there.',
        failing => failing.includes(yellowPort.claim)
          ? 'A namespace, its loopback, a cable, an address, both ends up. The end of node1 needs one thing more than in lab 01: it has to be a port.'
          : failing.includes(yellowPairs.claim)
            ? 'The port is right. Who else has the address that you gave, and how much of 10.244.1.0/24 does yellow take to be on its link?'
            : 'Yellow is on the bridge and reaches the others. What did red, blue and green get in the step before, and what did each of them have from the beginning?',
        'Type on node1: `ip netns add yellow`, `ip -n yellow link set lo up`, `ip link add veth-yellow-br up master v-net-0 type veth peer name veth-yellow netns yellow`, `ip -n yellow addr add 10.244.1.5/24 dev veth-yellow`, `ip -n yellow link set veth-yellow up`, `ip -n yellow route add default via 10.244.1.1`',
      ],
      solution: ({ node1 }) => node1`
        ip netns add yellow
        ip -n yellow link set lo up
        ip link add veth-yellow type veth peer name veth-yellow-br
        ip link set veth-yellow netns yellow
        ip link set veth-yellow-br master v-net-0
        ip link set veth-yellow-br up
        ip -n yellow addr add 10.244.1.5/24 dev veth-yellow
        ip -n yellow link set veth-yellow up
        ip -n yellow route add default via 10.244.1.1`,
      alternatives: {
        'made from within, and named, as the bridge plugin does': ({ node1 }) => node1`
          ip netns add cni-7d3f
          ip -n cni-7d3f link set lo up
          ip -n cni-7d3f link add eth0 type veth peer name veth7d3f90aa netns 1
          ip link set veth7d3f90aa up master v-net-0
          ip -n cni-7d3f addr add 10.244.1.5/24 dev eth0
          ip -n cni-7d3f link set eth0 up
          ip -n cni-7d3f route add default via 10.244.1.1`,
        'a namespace that only a process holds': ({ node1 }) => node1`
          setsid unshare --net sleep infinity </dev/null >/dev/null 2>&1 &
          until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
          ip link add veth-yellow up master v-net-0 type veth peer name eth0 netns $!
          nsenter --target $! --net bash -ec 'ip link set lo up; ip addr add 10.244.1.5/24 dev eth0; ip link set eth0 up; ip route add default via 10.244.1.1'`,
      },
      mutants: {
        'a cable that is plugged into nothing': { refusedBy: yellowPort.claim, after: ({ node1 }) => node1`ip link set veth-yellow-br nomaster` },
        'the address of green': {
          refusedBy: yellowPairs.claim,
          after: ({ node1 }) => node1`
            ip -n yellow addr flush dev veth-yellow
            ip -n yellow addr add 10.244.1.4/24 dev veth-yellow`,
        },
        'red has the address of yellow too': { refusedBy: yellowPairs.claim, after: ({ node1 }) => node1`ip -n red addr add 10.244.1.5/24 dev veth-red` },
        'a mask that leaves the others out': {
          refusedBy: yellowPairs.claim,
          after: ({ node1 }) => node1`
            ip -n yellow addr flush dev veth-yellow
            ip -n yellow addr add 10.244.1.5/32 dev veth-yellow`,
        },
        'yellow without a default route': { refusedBy: yellowDefault.claim, after: ({ node1 }) => node1`ip -n yellow route delete default` },
        'the loopback of yellow left down': { refusedBy: yellowItself.claim, after: ({ node1 }) => node1`ip -n yellow link set lo down` },
        'yellow has the MAC of green': {
          refusedBy: yellowPort.claim,
          after: ({ node1 }) => node1`ip -n yellow link set veth-yellow address $(ip -n green -br link show veth-green | awk '{ print $3 }')`,
        },
      },
    },
  },
})
