// 03 · The path of a container: a bridge, a cable that nobody has named, and an address that the world does not know.
import { allReach, bridgeOwns, bridgePortFor, cannotReach, defaultRouteTo, forwards, freshPod, freshPodSeenAs, leadsTo, onlyBy, reachEachOther, reaches, routedTimes, seenAs } from 'hardway/checks'
import { defineLab, fail, pass, type Answer, type Bench, type Nodes } from 'hardway/lab'

type Name = 'node1' | 'ext'
type Node = Nodes<Name>[Name]

const web = { web: '172.17.0.2' }
const busybox = { busybox: '172.17.0.3' }
const cache = { cache: '172.17.0.4' }
const db = { db: '172.18.0.2' }
const ext = { ext: '192.168.1.200' }
const node1 = { node1: '192.168.1.11' }
const gateway = '172.17.0.1'
const kept = { keepingAddress: true }

const bridge = bridgeOwns('node1', gateway)
const webPort = bridgePortFor('node1', web)
const busyboxPort = bridgePortFor('node1', busybox)
const reachGateway = allReach({ ...web, ...busybox }, { node1: gateway })
const dbGateway = reaches(db, { node1: '172.18.0.1' })
const router = forwards('node1')
const together = reachEachOther({ ...web, ...busybox }, kept)
const oneRouter = routedTimes(busybox, ext, 1)
const asNode = seenAs({ ...web, ...busybox }, ext, node1)
const published = leadsTo(ext, '192.168.1.11:8080', web, 80)
const noWayAround = onlyBy(ext, '192.168.1.11:8080', web, 80)
const hidden = cannotReach(ext, web, { though: busybox, still: node1 })
const allTogether = reachEachOther({ ...web, ...busybox, ...cache }, kept)
const cacheAsNode = seenAs(cache, ext, node1)
const cachePublished = leadsTo(ext, '192.168.1.11:8081', cache, 6379)
const anyOther = freshPod('node1', gateway, { ...web, ...cache })
const anyOtherAsNode = freshPodSeenAs('node1', gateway, ext, node1)

/** Three containers as Docker leaves them running: below a shim each, in a network namespace that has no name, and */
/** with a veth whose names are random. Those of docker0 hang loose, for docker0 is gone. */
const containers = `
  random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \\n'; }
  container() {
    address=$1 gateway=$2 bridge=$3; shift 3
    veth=veth$(random 4 | cut -c 1-7)
    id=$(random 32)
    setsid perl -e '
      my ($id, @command) = @ARGV;
      my $pid = fork // die "fork: $!\\n";
      exec "unshare", "--net", "--", @command if !$pid;
      $0 = "/usr/bin/containerd-shim-runc-v2 -namespace moby -id $id -address /run/containerd/containerd.sock";
      waitpid $pid, 0;' "$id" "$@" </dev/null >/dev/null 2>&1 &
    until shim=$(pgrep -f "^/usr/bin/containerd-shim-runc-v2 .*$id") && pid=$(pgrep -P $shim) &&
      [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] && [ "$(pgrep -xf "$*")" = $pid ]; do sleep 0.01; done
    printf '%s\\n' "link add $veth up type veth peer name tmp0" "link set tmp0 netns $pid name eth0" | ip -batch -
    [ -z "$bridge" ] || ip link set $veth master $bridge
    printf '%s\\n' 'link set lo up' "addr add $address dev eth0" 'link set eth0 up' "route add default via $gateway" | nsenter -t $pid -n ip -batch -
  }
  # Interface numbers are given once, and this node has had others before.
  for number in $(seq $((RANDOM % 9 + 4))); do echo "link add old$number group 9 type veth peer name gone$number"; done | ip -batch -
  ip link delete group 9
  other=br-$(random 6)
  ip link add $other up type bridge forward_delay 0
  ip addr add 172.18.0.1/16 dev $other
  container 172.17.0.3/16 172.17.0.1 '' sleep 1d
  container 172.18.0.2/16 172.18.0.1 $other socat TCP-LISTEN:5432,fork,reuseaddr PIPE
  container 172.17.0.2/16 172.17.0.1 '' serve web 80
  iptables -P FORWARD DROP
  sysctl -qw net.ipv4.ip_forward=0 net.bridge.bridge-nf-call-iptables=1`

/** Puts the veth of the container that runs just this onto docker0, found as the lesson finds it. */
const plug = (node: Node, command: string) => node`
  pid=$(pgrep -xf ${command})
  number=$(nsenter -t $pid -n ip -j link show eth0 | jq '.[].link_index')
  ip link set $(ip -j link | jq -r ".[] | select(.ifindex == $number).ifname") master docker0`

/** iptables on node1, a rule a line. */
const rules = (node: Node, ...lines: readonly string[]) => node`bash -ec ${lines.map(line => `iptables ${line}`).join('\n')}`
const inNft = (node: Node, ...lines: readonly string[]) => node`nft -f - <<< ${lines.join('\n')}`
const forwardOn = (node: Node) => node`sysctl -qw net.ipv4.ip_forward=1`
const OUT = '-A FORWARD -i docker0 -j ACCEPT'
const BACK = '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'
const LET_IN = '-A FORWARD -d 172.17.0.2 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT'
const TRANSLATE = '-t nat -A PREROUTING ! -i docker0 -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:80'
const routeOnExt = (node: Node) => node`ip route add 172.17.0.0/16 via 192.168.1.11`

/** A container of the learner's: cache, on docker0. */
const startCache = (node: Node, command = 'serve cache 6379') => node`
  setsid unshare --net ${command.split(' ')} </dev/null >/dev/null 2>&1 &
  until pid=$(pgrep -xf ${command}); do sleep 0.01; done
  until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
  ip link add veth-cache up type veth peer name eth0 netns $pid
  ip link set veth-cache master docker0
  nsenter -t $pid -n ip -batch - <<END
link set lo up
addr add 172.17.0.4/16 dev eth0
link set eth0 up
route add default via 172.17.0.1
END`
const publishCache = (node: Node) => rules(node,
  '-t nat -A PREROUTING ! -i docker0 -p tcp --dport 8081 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.4:6379',
  '-A FORWARD -d 172.17.0.4 ! -i docker0 -o docker0 -p tcp --dport 6379 -j ACCEPT')

/** busybox by its address, and the interfaces of node1. */
async function busyboxOf(bench: Bench) {
  const all = await bench.namespaces('node1')
  const own = all.find(one => one.own)
  const namespace = all.find(one => one.links.some(link => link.addresses.includes('172.17.0.3/16')))
  if (own === undefined || namespace === undefined) throw new Error('busybox is gone: `npx lab reset` starts the lab anew')
  const inner = namespace.links.find(link => link.kind === 'veth')
  const outer = own.links.find(link => link.kind === 'veth' && link.index === inner?.peerIndex && link.peerIndex === inner.index)
  return { own, namespace, outer }
}

/** Every process of node1: its number, that of its parent, of its network namespace, and what it is. */
async function processes(bench: Bench) {
  const evidence = await bench.place('node1').exec(['ps', '-eo', 'pid=,ppid=,netns=,args='])
  const all = evidence.stdout.split('\n').map(line => line.trim().split(/\s+/)).map(([pid = '', parent = '', inode = '', ...args]) =>
    ({ pid, parent, inode: Number(inode), args: args.join(' ') }))
  const isShim = (pid: string): boolean => all.find(one => one.pid === pid)?.args.includes('containerd-shim') === true
  return { evidence, all, isShim }
}

const pid: Answer = {
  right: async bench => {
    const { namespace } = await busyboxOf(bench)
    const { all, isShim } = await processes(bench)
    return all.find(one => one.inode === namespace.inode && isShim(one.parent))?.pid ?? ''
  },
  grade: async (bench, value) => {
    const { namespace, own } = await busyboxOf(bench)
    const { evidence, all, isShim } = await processes(bench)
    const found = all.find(one => one.pid === value)
    if (found === undefined) return fail(`node1 has no process ${value}`, evidence)
    if (isShim(value)) return fail(`${value} is a shim, the parent of a container: it is in net:[${found.inode}], as all of node1 is`, evidence)
    if (found.inode === own.inode) return fail(`${value} is in net:[${found.inode}], node1's own network`, evidence)
    if (found.inode !== namespace.inode) return fail(`${value} is in a network of its own, and that has not busybox's address`, evidence)
    return isShim(found.parent) ? pass(evidence, namespace.evidence) : fail(`${value} is in busybox's network, but not the process that its shim has started`, evidence)
  },
  wrong: ['1', '0', 'busybox'],
}

const veth: Answer = {
  right: async bench => (await busyboxOf(bench)).outer?.name ?? '',
  grade: async (bench, value) => {
    const { own, namespace, outer } = await busyboxOf(bench)
    if (outer === undefined) return fail('busybox has no cable to node1 any more', own.evidence, namespace.evidence)
    if (value === outer.name) return pass(own.evidence, namespace.evidence)
    if (value === String(outer.index)) return fail('that is its number: what does node1 call it?', own.evidence)
    if (value.startsWith(`${outer.name}@`)) return fail('that is the one; its name ends before the @', own.evidence)
    return own.links.some(link => link.name === value) ? fail(`${value} is there, and leads to somebody else`, own.evidence) : fail(`node1 has no interface ${value}`, own.evidence)
  },
  wrong: ['eth0', 'docker0', 'veth3f80d9c'],
}

const gatewayMac: Answer = {
  right: async bench => (await docker0(bench)).mac ?? '',
  grade: async (bench, value) => {
    const { mac, evidence } = await docker0(bench)
    const { namespace } = await busyboxOf(bench)
    // A bridge that was given no MAC takes another when its ports change, and busybox may not have asked since.
    const known = await namespace.place.exec(['ip', 'neigh', 'show', 'to', gateway])
    const said = value.toLowerCase()
    if (mac === undefined) return fail(`no bridge of node1 has the address ${gateway} yet`, evidence)
    return said === mac || said === / lladdr (\S+)/.exec(known.stdout)?.[1] ? pass(evidence, known) : fail('that is not whom busybox takes for its gateway', evidence, known)
  },
  wrong: ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '192.168.1.200'],
}

async function docker0(bench: Bench) {
  const { own } = await busyboxOf(bench)
  return { mac: own.links.find(link => link.kind === 'bridge' && link.addresses.some(held => held.startsWith(`${gateway}/`)))?.mac, evidence: own.evidence }
}

const whoAsks: Answer = {
  right: async bench => (await asked(bench)).by ?? '',
  grade: async (bench, value) => {
    const { by, evidence } = await asked(bench)
    if (by === undefined) return fail('web does not answer at 192.168.1.11:8080 yet', evidence)
    return value === by ? pass(evidence) : fail('web names another', evidence)
  },
  wrong: ['172.17.0.2', '172.18.0.1', 'ext'],
}

async function asked(bench: Bench) {
  const evidence = await bench.place('ext').exec(['curl', '-s', '-m', '2', 'http://192.168.1.11:8080/'])
  return { by: /asked by (\S+)/.exec(evidence.stdout)?.[1], evidence }
}

/** Rules that name one container by its address. */
const rulesByName: Answer = {
  right: async bench => String((await namingOne(bench)).count),
  grade: async (bench, value) => {
    const { count, evidence } = await namingOne(bench)
    return value === String(count) ? pass(evidence) : fail(/^\d+$/.test(value) ? `it is not ${value}` : `${value} is no number`, evidence)
  },
  wrong: ['0', '2', '7'],
}

async function namingOne(bench: Bench) {
  const evidence = await bench.place('node1').exec(['iptables-save'])
  return { count: evidence.stdout.split('\n').filter(line => /^-A .*\b172\.17\.0\.(?!0\b|1\b)\d+/.test(line)).length, evidence }
}

export default defineLab<Name>({
  setup: ({ node1, ext }) => Promise.all([
    node1`bash -ec ${containers}`,
    ext`setsid serve storage 80 </dev/null >/dev/null 2>&1 &
      until curl -s -o /dev/null 127.0.0.1; do sleep 0.01; done`,
  ]),
  steps: {
    bridge: {
      checks: [bridge],
      hints: [
        'Which gateway do the routes of the containers name? Does any interface of node1 have that address now, `ip -br addr`? What kind of interface had it before?',
        'A bridge is a kind of link, as in lab 02: `ip link add NAME type …`, an address with its prefix length, and up.',
        'On node1: `ip link add docker0 up address 02:42:2d:46:c5:ed type bridge forward_delay 0` and `ip addr add 172.17.0.1/16 dev docker0`',
      ],
      alternatives: {
        'with brctl and ifconfig, and a MAC that the kernel chooses': ({ node1 }) => node1`
          brctl addbr docker0
          brctl setfd docker0 0
          ifconfig docker0 172.17.0.1 netmask 255.255.0.0 up`,
        'under another name': ({ node1 }) => node1`
          ip link add containers up type bridge forward_delay 0
          ip addr add 172.17.0.1/16 dev containers`,
      },
      mutants: {
        'the address on the card of node1': { refusedBy: bridge.claim, instead: ({ node1 }) => node1`ip addr add 172.17.0.1/16 dev eth0` },
        'the address on the other bridge': {
          refusedBy: bridge.claim,
          instead: ({ node1 }) => node1`
            ip link add docker0 up type bridge
            ip addr add 172.17.0.254/16 dev docker0`,
        },
        'a bridge that is down': {
          refusedBy: bridge.claim,
          instead: ({ node1 }) => node1`
            ip link add docker0 type bridge
            ip addr add 172.17.0.1/16 dev docker0`,
        },
        'removed once more': { refusedBy: bridge.claim, after: ({ node1 }) => node1`ip link delete docker0` },
      },
    },

    cable: {
      checks: [webPort, busyboxPort, defaultRouteTo(web, gateway), defaultRouteTo(busybox, gateway), reachGateway, dbGateway],
      answers: { pid, veth, 'gateway-mac': gatewayMac },
      hints: [
        'Which process is the container? Not the one that started it. `ps -eo pid,ppid,netns,args` tells which of them has a network of its own.',
        failing => failing.length === 1 && failing.includes(dbGateway.claim)
          ? 'Web and busybox are where they belong. Db is not theirs: its gateway is 172.18.0.1. Which bridge has that address, `ip -br addr`, and which bridge is db\'s cable in, `bridge link`? (Db may need half a minute to forget the MAC that it has learned meanwhile.)'
          : 'In its network, `ip link` shows `eth0@ifN`. N is the number of the other end, and counts on node1: `ip link` there begins each line with a number.',
        'On node1, for each of the two: `nsenter -t PID -n ip link show eth0`, then `ip link set VETH master docker0` for the veth that has the number behind the @if',
      ],
      alternatives: {
        'ethtool tells the number as well': ({ node1 }) => node1`
          for command in 'sleep 1d' 'serve web 80'; do
            number=$(nsenter -t $(pgrep -xf "$command") -n ethtool -S eth0 | awk '$1 == "peer_ifindex:" { print $2 }')
            brctl addif docker0 $(ip -o link | awk -F '[ @:]+' -v n=$number '$1 == n { print $2 }')
          done`,
        'by a name that is given to the namespace': ({ node1 }) => node1`
          for command in 'sleep 1d' 'serve web 80'; do
            ip netns attach found $(pgrep -xf "$command")
            number=$(ip netns exec found cat /sys/class/net/eth0/iflink)
            ip link set $(grep -lx $number /sys/class/net/veth*/ifindex | cut -d / -f 5) master docker0
            ip netns delete found
          done`,
      },
      mutants: {
        // Nothing in the shim's network is the container's: its eth0 is the card of node1.
        'the shim in place of the container': {
          refusedBy: busyboxPort.claim,
          instead: async ({ node1 }) => {
            await plug(node1, 'serve web 80')
            await node1`nsenter -t $(ps -o ppid= -p $(pgrep -xf 'sleep 1d')) -n ip link set eth0 master docker0`
          },
        },
        // nsenter -n changes the network and not the mounts: /sys is still that of node1.
        'a number from /sys, which is not the container\'s': {
          refusedBy: busyboxPort.claim,
          instead: async ({ node1 }) => {
            await plug(node1, 'serve web 80')
            await node1`
              number=$(nsenter -t $(pgrep -xf 'sleep 1d') -n cat /sys/class/net/eth0/iflink)
              ip link set $(ip -j link | jq -r ".[] | select(.ifindex == $number).ifname" | grep . || echo lo) master docker0 || true`
          },
        },
        'everything that is called veth': {
          refusedBy: dbGateway.claim,
          instead: ({ node1 }) => node1`for veth in $(ip -br link | grep -o '^veth[^@]*'); do ip link set $veth master docker0; done`,
        },
        'only web': { refusedBy: busyboxPort.claim, instead: ({ node1 }) => plug(node1, 'serve web 80') },
        'the cables joined to each other by another bridge': {
          refusedBy: reachGateway.claim,
          instead: ({ node1 }) => node1`
            ip link add docker1 up type bridge forward_delay 0
            for veth in $(ip -br link | grep -o '^veth[^@]*'); do [ -e /sys/class/net/$veth/master ] || ip link set $veth master docker1; done`,
        },
        'pulled out again': {
          refusedBy: busyboxPort.claim,
          after: ({ node1 }) => node1`ip link set $(bridge link | grep -o 'veth[^@:]*' | while read -r veth; do [ -e /sys/class/net/docker0/brif/$veth ] && echo $veth; done | tail -n 1) nomaster; for veth in /sys/class/net/docker0/brif/*; do ip link set $(basename $veth) nomaster; done`,
        },
        'busybox has lost its default route': {
          refusedBy: defaultRouteTo(busybox, gateway).claim,
          after: ({ node1 }) => node1`nsenter -t $(pgrep -xf 'sleep 1d') -n ip route delete default`,
        },
        'a node that lets no container in': { refusedBy: reachGateway.claim, after: ({ node1 }) => rules(node1, '-A INPUT -i docker0 -j DROP') },
      },
    },

    forward: {
      checks: [router, together, oneRouter],
      hints: [
        'Two things keep packets from passing. One you know from lab 02, and its counters move: `iptables -nvL FORWARD`. Is this machine a router at all?',
        failing => failing.includes(together.claim)
          ? 'Frames between the two pass the FORWARD chain too, as net.bridge.bridge-nf-call-iptables is 1: in by docker0, out by docker0. Which rule lets them? (Where one sees 172.17.0.1 in place of the other, they pass, and POSTROUTING changes them: `iptables -t nat -nvL POSTROUTING`.)'
          : 'What comes in by docker0 may go anywhere; what goes out by docker0 only if it belongs to something that began inside. And `sysctl net.ipv4.ip_forward`?',
        'On node1: `sysctl -w net.ipv4.ip_forward=1`, `iptables -A FORWARD -i docker0 -j ACCEPT`, `iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`. If it held before, something that came later is in the way: `iptables -S FORWARD` and `iptables -t nat -S POSTROUTING` print all rules in order.',
      ],
      alternatives: {
        'in the words of Docker': async ({ node1 }) => {
          await forwardOn(node1)
          await rules(node1,
            '-N DOCKER-USER', '-A DOCKER-USER -j RETURN', '-A FORWARD -j DOCKER-USER', BACK,
            '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT', '-A FORWARD -i docker0 -o docker0 -j ACCEPT')
        },
        'a machine that forwards everything': async ({ node1 }) => {
          await forwardOn(node1)
          await rules(node1, '-P FORWARD ACCEPT')
        },
        'rules by nft': async ({ node1 }) => {
          await forwardOn(node1)
          await inNft(node1, 'add rule ip filter FORWARD iifname "docker0" accept', 'add rule ip filter FORWARD oifname "docker0" ct state established,related accept')
        },
        'bridged frames kept from the firewall': async ({ node1 }) => {
          await node1`sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=0`
          await rules(node1, '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT', BACK)
        },
      },
      mutants: {
        'a router behind a closed firewall': { refusedBy: together.claim, instead: ({ node1 }) => forwardOn(node1) },
        'a firewall that lets everything pass, and no router': { refusedBy: router.claim, instead: ({ node1 }) => rules(node1, OUT, BACK) },
        'a router in the container': {
          refusedBy: router.claim,
          instead: async ({ node1 }) => {
            await rules(node1, OUT, BACK)
            await node1`nsenter -t $(pgrep -xf 'sleep 1d') -n sysctl -qw net.ipv4.ip_forward=1`
          },
        },
        'the rules the wrong way round': {
          refusedBy: oneRouter.claim,
          instead: async ({ node1 }) => {
            await forwardOn(node1)
            await rules(node1, '-A FORWARD -o docker0 -j ACCEPT')
          },
        },
        'out, but not to each other': {
          refusedBy: together.claim,
          instead: async ({ node1 }) => {
            await forwardOn(node1)
            await rules(node1, '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT', BACK)
          },
        },
        // The wire itself plugged into docker0: no router, and no bridge of the containers' own.
        'the wire put into the bridge': {
          refusedBy: oneRouter.claim,
          instead: async ({ node1, ext }) => {
            await forwardOn(node1)
            await rules(node1, OUT, BACK)
            await node1`
              ip addr delete 192.168.1.11/24 dev eth0
              ip addr add 192.168.1.11/24 dev docker0
              ip link set eth0 master docker0
              for command in 'sleep 1d' 'serve web 80'; do nsenter -t $(pgrep -xf "$command") -n ip route add 192.168.1.0/24 dev eth0; done`
            await ext`ip route add 172.17.0.0/16 dev eth0`
          },
        },
        'forwarding turned off': { refusedBy: router.claim, after: ({ node1 }) => node1`sysctl -qw net.ipv4.ip_forward=0` },
        'one interface that does not forward': { refusedBy: router.claim, after: ({ node1 }) => node1`sysctl -qw net.ipv4.conf.docker0.forwarding=0` },
        'somebody who starts later, and is first': { refusedBy: together.claim, after: ({ node1 }) => rules(node1, '-I FORWARD -i docker0 -j DROP') },
      },
    },

    masquerade: {
      checks: [asNode, together],
      hints: [
        'The request reaches ext. Where does ext send its answer, and why does it not get there? Who, that ext knows, could ask in busybox\'s name?',
        failing => failing.includes(together.claim) && !failing.includes(asNode.claim)
          ? 'Between containers nobody has to be hidden. Which packets does your rule take that go out by docker0? Its counters tell, `iptables -t nat -nvL POSTROUTING`.'
          : 'The source address is changed after routing, in the chain POSTROUTING of the table nat. By which address does node1 leave, and which packets are meant? (And if it is changed, and the answer ends in FORWARD: which rule of the last step lets answers in?)',
        'On node1: `iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE`; and for the answers, if it is not there from the last step, `iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`',
      ],
      alternatives: {
        'masquerade by nft': ({ node1 }) => inNft(node1,
          'add table ip out', 'add chain ip out post { type nat hook postrouting priority srcnat; }',
          'add rule ip out post ip saddr 172.17.0.0/16 oifname != "docker0" masquerade'),
        'the address written down': ({ node1 }) => rules(node1, '-t nat -A POSTROUTING -s 172.17.0.0/16 -o eth0 -j SNAT --to-source 192.168.1.11'),
        'snat to, by nft': ({ node1 }) => inNft(node1,
          'add table ip out', 'add chain ip out post { type nat hook postrouting priority 100; }',
          'add rule ip out post oifname "eth0" ip saddr 172.17.0.0/16 snat to 192.168.1.11'),
        'by destination': ({ node1 }) => rules(node1, '-t nat -A POSTROUTING -s 172.17.0.0/16 ! -d 172.17.0.0/16 -j MASQUERADE'),
      },
      mutants: {
        // With bridge-nf-call-iptables, frames between two containers pass POSTROUTING too, on their way out by docker0.
        'without ! -o docker0': { refusedBy: together.claim, instead: ({ node1 }) => rules(node1, '-t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE') },
        'the ! forgotten': { refusedBy: asNode.claim, instead: ({ node1 }) => rules(node1, '-t nat -A POSTROUTING -s 172.17.0.0/16 -o docker0 -j MASQUERADE') },
        'everything that leaves by any interface': { refusedBy: together.claim, instead: ({ node1 }) => rules(node1, '-t nat -A POSTROUTING -j MASQUERADE') },
        'an address that nobody has': { refusedBy: asNode.claim, instead: ({ node1 }) => rules(node1, '-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j SNAT --to-source 192.168.1.99') },
        'the address of docker0': { refusedBy: asNode.claim, instead: ({ node1 }) => rules(node1, '-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j SNAT --to-source 172.17.0.1') },
        'only busybox': { refusedBy: asNode.claim, instead: ({ node1 }) => rules(node1, '-t nat -A POSTROUTING -s 172.17.0.3 ! -o docker0 -j MASQUERADE') },
        'ext told the way back': {
          refusedBy: asNode.claim,
          instead: async ({ node1, ext }) => {
            await rules(node1, '-P FORWARD ACCEPT')
            await routeOnExt(ext)
          },
        },
        'forwarding off': { refusedBy: asNode.claim, after: ({ node1 }) => node1`sysctl -qw net.ipv4.ip_forward=0` },
        'the rule is gone': { refusedBy: asNode.claim, after: ({ node1 }) => rules(node1, '-t nat -F POSTROUTING') },
        'answers are not let in': { refusedBy: asNode.claim, after: ({ node1 }) => rules(node1, BACK.replace('-A', '-D')) },
        'a rule in DOCKER-USER that lets nothing out': {
          refusedBy: asNode.claim,
          after: ({ node1 }) => rules(node1, '-N DOCKER-USER', '-I FORWARD -j DOCKER-USER', '-A DOCKER-USER -o eth0 -j DROP'),
        },
      },
    },

    publish: {
      checks: [published, noWayAround, hidden, together],
      answers: { 'who-asks': whoAsks },
      hints: [
        'ext can name no address but node1\'s. So it is node1 that has to know whom a packet for its port 8080 is really for. Before routing, or after?',
        failing => failing.includes(hidden.claim) || (failing.includes(noWayAround.claim) && !failing.includes(published.claim))
          ? 'ext gets to the container by its own address. What have you told ext, or what does node1 forward that nobody has published?'
          : 'Two rules: one changes the destination, in PREROUTING of the table nat. The other lets the packet pass FORWARD, which sees it with its new destination.',
        `On node1: \`iptables ${TRANSLATE}\` and \`iptables ${LET_IN}\``,
      ],
      alternatives: {
        'a program that passes it on, as docker-proxy does': ({ node1 }) => node1`setsid socat TCP-LISTEN:8080,fork,reuseaddr TCP:172.17.0.2:80 </dev/null >/dev/null 2>&1 &`,
        'dnat to, by nft': async ({ node1 }) => {
          await inNft(node1, 'add table ip in', 'add chain ip in pre { type nat hook prerouting priority dstnat; }', 'add rule ip in pre ip daddr 192.168.1.11 tcp dport 8080 dnat to 172.17.0.2:80')
          await rules(node1, LET_IN)
        },
        'whatever was translated may pass': ({ node1 }) => rules(node1, TRANSLATE, '-A FORWARD -o docker0 -m conntrack --ctstate DNAT -j ACCEPT'),
      },
      mutants: {
        'translated, and not let in': { refusedBy: published.claim, instead: ({ node1 }) => rules(node1, TRANSLATE) },
        'let in, and not translated': { refusedBy: published.claim, instead: ({ node1 }) => rules(node1, LET_IN) },
        'the port of the host let in': { refusedBy: published.claim, instead: ({ node1 }) => rules(node1, TRANSLATE, LET_IN.replace('--dport 80', '--dport 8080')) },
        'the wrong port of the container': { refusedBy: published.claim, instead: ({ node1 }) => rules(node1, TRANSLATE.replace(':80', ':8080'), '-A FORWARD -d 172.17.0.2 -p tcp -j ACCEPT') },
        'the wrong container': { refusedBy: published.claim, instead: ({ node1 }) => rules(node1, TRANSLATE.replace('172.17.0.2', '172.17.0.3'), LET_IN.replace('172.17.0.2', '172.17.0.3')) },
        'for what node1 itself sends': { refusedBy: published.claim, instead: ({ node1 }) => rules(node1, '-t nat -A OUTPUT -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:80', LET_IN) },
        'web without a network of its own, as with --net=host': { refusedBy: published.claim, instead: ({ node1 }) => node1`setsid serve web 8080 </dev/null >/dev/null 2>&1 &` },
        'only for node1 itself, as with -p 127.0.0.1:8080:80': { refusedBy: published.claim, instead: ({ node1 }) => node1`setsid socat TCP-LISTEN:8080,bind=127.0.0.1,fork,reuseaddr TCP:172.17.0.2:80 </dev/null >/dev/null 2>&1 &` },
        'ext told the way to the container': {
          refusedBy: noWayAround.claim,
          after: ({ ext }) => routeOnExt(ext),
        },
        'ext told the way, and everything let in': {
          refusedBy: hidden.claim,
          after: async ({ node1, ext }) => {
            await rules(node1, '-A FORWARD -o docker0 -j ACCEPT')
            await routeOnExt(ext)
          },
        },
        'a rule in DOCKER-USER that lets nothing in': {
          refusedBy: published.claim,
          after: ({ node1 }) => rules(node1, '-N DOCKER-USER', '-I FORWARD -j DOCKER-USER', '-A DOCKER-USER -i eth0 -j DROP'),
        },
        'web has stopped': { refusedBy: published.claim, after: ({ node1 }) => node1`setsid nsenter -t $(pgrep -xf 'serve web 80') -n sleep 1h </dev/null >/dev/null 2>&1 & sleep 0.2; kill $(pgrep -xf 'serve web 80')` },
      },
    },

    another: {
      checks: [allTogether, cacheAsNode, cachePublished, bridgePortFor('node1', cache)],
      hints: [
        'Five things make a container\'s network: a namespace, a cable, a bridge, an address, a default route. Which of the rules that you have written name a container, and which name docker0?',
        'A namespace without a name begins with `unshare --net`, and lives as long as a process in it. `setsid … </dev/null >/dev/null 2>&1 &` lets that process outlive your shell. Its PID is what `ip link … netns PID` and `nsenter -t PID -n` want.',
        'On node1: `setsid unshare --net serve cache 6379 </dev/null >/dev/null 2>&1 &`, `pid=$(pgrep -xf \'serve cache 6379\')`, `ip link add veth-cache up type veth peer name eth0 netns $pid`, `ip link set veth-cache master docker0`; then with `nsenter -t $pid -n ip …`: lo up, 172.17.0.4/16 on eth0, eth0 up, default via 172.17.0.1; then the two rules of the last step for 8081 and 172.17.0.4:6379',
      ],
      alternatives: {
        'a namespace with a name, and another server': async ({ node1 }) => {
          await node1`
            ip netns add cache
            ip link add vethc0ffee0 up type veth peer name eth0 netns cache
            ip link set vethc0ffee0 master docker0
            ip -n cache -batch - <<END
link set lo up
addr add 172.17.0.4/16 dev eth0
link set eth0 up
route add default via 172.17.0.1
END
            setsid ip netns exec cache socat TCP-LISTEN:6379,fork,reuseaddr PIPE </dev/null >/dev/null 2>&1 &`
          await publishCache(node1)
        },
      },
      mutants: {
        'a process in the network of node1': {
          refusedBy: allTogether.claim,
          instead: ({ node1 }) => node1`
            ip addr add 172.17.0.4/16 dev docker0
            setsid serve cache 8081 </dev/null >/dev/null 2>&1 &`,
        },
        'the port that is taken already': {
          refusedBy: cachePublished.claim,
          instead: async ({ node1 }) => {
            await startCache(node1)
            await rules(node1, TRANSLATE.replace('172.17.0.2:80', '172.17.0.4:6379'), LET_IN.replace('172.17.0.2', '172.17.0.4').replace('80', '6379'))
          },
        },
        'nobody listens in it': {
          refusedBy: cachePublished.claim,
          instead: async ({ node1 }) => {
            await startCache(node1, 'sleep 2d')
            await publishCache(node1)
          },
        },
        'no default route': {
          refusedBy: cacheAsNode.claim,
          instead: async ({ node1 }) => {
            await startCache(node1)
            await publishCache(node1)
            await node1`nsenter -t $(pgrep -xf 'serve cache 6379') -n ip route delete default`
          },
        },
        'the address of web': {
          refusedBy: allTogether.claim,
          after: ({ node1 }) => node1`nsenter -t $(pgrep -xf 'serve cache 6379') -n ip addr add 172.17.0.2/16 dev eth0`,
        },
        'on the bridge of db': {
          refusedBy: bridgePortFor('node1', cache).claim,
          after: ({ node1 }) => node1`ip link set veth-cache nomaster`,
        },
        'the container has ended': { refusedBy: allTogether.claim, after: ({ node1 }) => node1`kill $(pgrep -xf 'serve cache 6379'); while pgrep -xf 'serve cache 6379' >/dev/null; do sleep 0.01; done` },
      },
    },

    fifth: {
      alreadyTrue: 'what names docker0 and its range needs nothing more for one more container',
      checks: [anyOther, anyOtherAsNode],
      answers: { 'rules-by-name': rulesByName },
      hints: [
        'Which of the rules that you typed names a container, and which names the bridge or its range?',
        '`iptables-save` prints them all. A container of its own has an address that ends in 2 or more; 172.17.0.0/16 is all of them.',
        failing => failing.length === 0 ? 'It holds already. That is the point.'
          : 'Something that you wrote names the containers of today. `npx lab goto fifth` brings you to where it holds, on fresh nodes.',
      ],
      mutants: {
        'a masquerade for each that is there': {
          refusedBy: anyOtherAsNode.claim,
          after: ({ node1 }) => rules(node1, '-t nat -F POSTROUTING', ...[2, 3, 4].map(last => `-t nat -A POSTROUTING -s 172.17.0.${last} ! -o docker0 -j MASQUERADE`)),
        },
        'a way out for each that is there': {
          refusedBy: anyOtherAsNode.claim,
          after: ({ node1 }) => rules(node1, OUT.replace('-A', '-D'), ...[2, 3, 4].map(last => `-A FORWARD -i docker0 -s 172.17.0.${last} -j ACCEPT`)),
        },
        'neighbours by a list': {
          refusedBy: anyOther.claim,
          after: ({ node1 }) => rules(node1, OUT.replace('-A', '-D'), '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT', ...[2, 3, 4].map(last => `-A FORWARD -i docker0 -o docker0 -d 172.17.0.${last} -j ACCEPT`)),
        },
      },
    },
  },
})
