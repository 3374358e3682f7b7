// Containers and pods: who holds a network, who answers from where, and which port leads to whom. Each check passes on a
// right network, and fails for each reason that it can name.
import { describe, expect } from 'vitest'
import { answeredFrom, leadsTo, onlyBy, outlives } from '../../checks/index.ts'
import type { Check } from '../../runner/core/bench.ts'
import { judgeAll } from '../../runner/engine/judge.ts'
import { ALL, blue, bridges, emptyNetwork, red, UNHURRIED } from './network.ts'
import { changeNothing, fails as failsOn, inTurn, passes as passesOn, test, type Deed } from './on-nodes.ts'

/** On node1, in the background; ready when it says so. */
const begin = (script: string, ready: string): Deed => ({ node1 }) => node1`bash -ec ${`(${script}) </dev/null >/dev/null 2>&1 &
  until ${ready}; do sleep 0.01; done`}`
const served = (name: string, where: string, enter: string): Deed => begin(`exec setsid ${enter} serve '${name}' ${where}`, `pgrep -xf 'serve ${name} ${where}' >/dev/null`)
const inRed = 'ip netns exec red'
const wired = (pid: string): string => `ip link add pod0 up master cni0 type veth peer name eth0 netns ${pid}
  nsenter -t ${pid} -n ip addr add 10.244.1.7/24 dev eth0
  nsenter -t ${pid} -n ip link set eth0 up`

const passes = (title: string, check: Check, ...deeds: readonly Deed[]): void => passesOn(title, bridges, check, inTurn(...deeds))
const fails = (title: string, check: Check, reason: RegExp, ...deeds: readonly Deed[]): void => failsOn(title, bridges, check, inTurn(...deeds), reason)

describe('outlives', () => {
  const pod = { pod: '10.244.1.7' }
  const check = outlives(pod)
  /** A namespace without a name: `setsid unshare --net ...` with a cable. */
  const made = (command: string, as: string): Deed => ({ node1 }) => node1`bash -ec ${`setsid unshare --net ${command} </dev/null >/dev/null 2>&1 &
    until pid=$(pgrep -xf "${as}"); do sleep 0.01; done
    ${wired('$pid')}`}`
  passes('a mount holds it', outlives(red))
  passes('a mount elsewhere holds it', check, made('sleep 50', 'sleep 50'), ({ node1 }) => node1`touch /run/held; mount --bind /proc/$(pgrep -xf 'sleep 50')/ns/net /run/held; kill $(pgrep -xf 'sleep 50')`)
  passes('a process that does nothing holds it', check, made('sleep 50', 'sleep 50'))
  passes('also beside one that listens', check, made('sleep 50', 'sleep 50'), served('app', '8080', 'nsenter -t $(pgrep -xf "sleep 50") -n'))
  fails('only who listens there', check, /^net:\[\d+\] belongs to serve app 8080 \(PID \d+\), which listens there; nobody else is in it$/, made('serve app 8080', 'serve app 8080'))
  fails('only who answers by UDP', check, /belongs to socat UDP-RECVFROM:53,fork PIPE \(PID \d+\), which listens there/, made('socat UDP-RECVFROM:53,fork PIPE', 'socat UDP-RECVFROM:53,fork PIPE'))
  fails('and who waits for them', check, /besides, there is only unshare --net --fork serve app 8080 \(PID \d+\), started by it, waiting for it or at a terminal$/, made('--fork serve app 8080', 'serve app 8080'))
  fails('and what they have started', check, /besides, there is only sleep 100 /, made("bash -c 'sleep 100 & exec serve app 8080'", 'serve app 8080'))
  fails('and a shell at a terminal', check, /besides, there is only bash -i \(PID \d+\)/, made('serve app 8080', 'serve app 8080'),
    begin('sleep 60 | exec setsid socat - EXEC:"nsenter -t $(pgrep -xf "serve app 8080") -n bash -i",pty,setsid,ctty,stderr', 'pgrep -xf "bash -i" >/dev/null'))
  fails('a node is no pod', outlives({ node1: '192.168.1.11' }), /has no network of its own$/)
  fails('nobody has it', check, /no namespace has the address 10\.244\.1\.7 \(pod\)/)
  test('what a check itself runs there holds nothing', async () => {
    const network = await bridges()
    await made('serve app 8080', 'serve app 8080')(network)
    const others = [answeredFrom(pod, { at: '127.0.0.1:8080', program: 'app', in: pod }), leadsTo(red, '10.244.1.7:8080', pod, 8080)]
    for (let times = 0; times < 3; times++) {
      const [judged] = await judgeAll([check, ...others], async () => network.bench(), UNHURRIED)
      expect(judged?.verdict.status).toBe('fail')
    }
  })
})

describe('answeredFrom', () => {
  const local = answeredFrom(red, { at: '127.0.0.1:8080', program: 'app', in: red })
  const probed = answeredFrom({ node1: '10.244.1.1' }, { at: '10.244.1.2:8080', program: 'app', in: red })
  passes('a server in the pod', local, served('app', '8080', inRed))
  passes('any that says so', probed, begin(`exec setsid ${inRed} socat TCP-LISTEN:8080,fork,reuseaddr 'SYSTEM:read line; echo app in $(readlink /proc/self/ns/net)'`, `${inRed} ss -Hltn | grep -q :8080`))
  fails('nobody listens', local, /127\.0\.0\.1:8080 refuses: nobody listens on port 8080 in net:\[\d+\]/)
  fails('on localhost only', probed, /10\.244\.1\.2:8080 refuses: serve app 127\.0\.0\.1:8080 \(PID \d+\) listens on 127\.0\.0\.1:8080 only/, served('app', '127.0.0.1:8080', inRed))
  fails('another program', local, /says "application in .*": that is not app$/, served('application', '8080', inRed))
  fails('one that tells not where it is', local, /and not in which network namespace it runs$/, begin(`exec setsid ${inRed} socat TCP-LISTEN:8080,fork,reuseaddr 'SYSTEM:read line; echo app'`, `${inRed} ss -Hltn | grep -q :8080`))
  fails('an echo', local, /only repeats|says "[0-9a-f]{24}/, begin(`exec setsid ${inRed} socat TCP-LISTEN:8080,fork,reuseaddr PIPE`, `${inRed} ss -Hltn | grep -q :8080`))
  fails('one elsewhere, passed on', local, /is app, but in net:\[\d+\]; red is net:\[\d+\]/, served('app', '8080', 'ip netns exec blue'),
    begin(`exec setsid ${inRed} socat TCP-LISTEN:8080,fork,reuseaddr TCP:${ALL.blue}:8080`, `${inRed} ss -Hltn | grep -q :8080`))
  fails('no way', answeredFrom(red, { at: '192.0.2.1:8080', program: 'app', in: red }), /finds no way|hears nothing/)
})

const publish: Deed = ({ node1 }) => node1`nft ${'add table ip in; add chain ip in pre { type nat hook prerouting priority dstnat; }; add rule ip in pre tcp dport 8080 dnat to 10.244.1.2:80'}; sysctl -qw net.ipv4.ip_forward=1`
const outside = { node3: '192.168.1.13' }

describe('leadsTo', () => {
  const check = leadsTo(outside, '192.168.1.11:8080', red, 80)
  passes('translated', check, publish, served('web', '80', inRed))
  passes('whatever listens there', check, publish, begin(`exec setsid ${inRed} socat -u TCP-LISTEN:80,fork,reuseaddr /dev/null`, `${inRed} ss -Hltn | grep -q :80`))
  passes('passed on by a program', check, served('web', '80', inRed), begin('exec setsid socat TCP-LISTEN:8080,fork,reuseaddr TCP:10.244.1.2:80', 'ss -Hltn | grep -q :8080'))
  fails('nobody listens at the end', check, /^nobody listens on port 80 in red/, publish)
  fails('not published', check, /^192\.168\.1\.11:8080 refuses node3/, served('web', '80', inRed))
  fails('somebody else', check, /^somebody else answers node3 at 192\.168\.1\.11:8080: "other in /, served('web', '80', inRed), served('other', '8080', ''))
  fails('lost on the way', check, /^node3 hears nothing from 192\.168\.1\.11:8080/, publish, served('web', '80', inRed), ({ node1 }) => node1`iptables -P FORWARD DROP`)
  fails('a process of the node', leadsTo(outside, '192.168.1.11:8080', { web: '192.168.1.11' }, 80), /192\.168\.1\.11 is node1's own address/)
})

describe('onlyBy', () => {
  const check = onlyBy(outside, '192.168.1.11:8080', red, 80)
  passes('no route to it', check, publish, served('web', '80', inRed))
  passes('a route, and a firewall that knows what was translated', check, publish, served('web', '80', inRed), async ({ node1, node3 }) => {
    await node1`iptables -P FORWARD DROP; iptables -A FORWARD -m conntrack --ctstate DNAT -j ACCEPT`
    await node3`ip route add 10.244.1.0/24 via 192.168.1.11`
  })
  fails('a route', check, /^what node3 sends to 10\.244\.1\.2:80 comes in at red, from 192\.168\.1\.13$/, publish, served('web', '80', inRed), ({ node3 }) => node3`ip route add 10.244.1.0/24 via 192.168.1.11`)
  fails('nothing gets through at all', check, /^192\.168\.1\.11:8080 refuses node3/, served('web', '80', inRed))
})

describe('all of them', () => {
  const everything = [outlives(red), outlives(blue), answeredFrom(red, { at: '127.0.0.1:80', program: 'web', in: red }), leadsTo(outside, '192.168.1.11:8080', red, 80), onlyBy(outside, '192.168.1.11:8080', red, 80)]
  for (const [title, make, ...deeds] of [['a right network', bridges, publish, served('web', '80', inRed)], ['a wrong one', bridges], ['an empty one', emptyNetwork]] as const) {
    changeNothing(`change nothing on ${title}`, make, everything, inTurn(...deeds))
  }
})
