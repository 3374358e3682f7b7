// 16 · A port on every node: whoever is outside asks any node, and a pod answers; or only those nodes that have one.
import { readFileSync } from 'node:fs'
import { healthPort, loopbackPort, nodePortClosed, nodePortReaches, ownNodePortReaches, ownPort, reachEachOther, scrapes } from 'hardway/checks'
import { apply, controlPlane, kubeProxy } from 'hardway/cluster'
import { bash, defineLab, fail, pass, unknown, write, type Answer, type Deed, type Nodes } from 'hardway/lab'
import { otherPods, podsOnBridge, serves, sets, type Pods } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'ext'
type All = Nodes<Name>
type Node = All[Name]
type Number = 1 | 2 | 3

const pods = { red: '10.244.1.2', web1: '10.244.1.3', exporter: '10.244.2.2', web2: '10.244.2.3', violet: '10.244.3.2', web3: '10.244.3.3' } as const
const pick = <K extends keyof typeof pods>(...names: readonly K[]) => Object.fromEntries(names.map(name => [name, pods[name]]))
const ext = { ext: '192.168.1.200' }
const [node1, node2, node3] = [{ node1: '192.168.1.11' }, { node2: '192.168.1.12' }, { node3: '192.168.1.13' }]
const nodes = { ...node1, ...node2, ...node3 }

const metrics = { port: 31175, pods: pick('exporter'), targetPort: 9491 }
const web = (...names: readonly ('web1' | 'web2' | 'web3')[]) => ({ port: 30080, pods: pick(...names), targetPort: 8080 })
/** Nobody asked for these, on any node. */
const others = [{ port: 31176 }, { port: 9491 }, { port: 31175, protocol: 'udp' }] as const

const byNode2 = nodePortReaches(ext, node2, metrics)
const passing = ownPort(pick('exporter', 'web2'), { ...ext, ...pick('violet') }, [{ port: 31175 }])
const ownPorts = ownPort(ext, node2, others)

const byAll = nodePortReaches(ext, nodes, metrics)
const podsByAll = nodePortReaches(pick('red', 'violet', 'web2', 'exporter'), nodes, metrics)
const scraped = scrapes(ext, pick('exporter'), 31175, nodes)
const passingAll = ownPort(pick('red', 'violet'), { ...ext, ...pick('web2') }, [{ port: 31175 }])
const direct = nodePortReaches(pick('red', 'violet'), pick('exporter'), { ...metrics, port: 9491 }, { keepingAddress: true })
const everyone = reachEachOther(pick('red', 'violet', 'exporter'), { keepingAddress: true })

const nodesByAll = nodePortReaches(nodes, nodes, metrics)
const nodesPassing = ownPort(nodes, ext, [{ port: 31175 }])
const loopback = loopbackPort(node1, 'the agent', metrics)

/** Enough that one who may also choose another pod does. */
const often = { times: 20 }
const at = (node: Readonly<Record<string, string>>, name: 'web1' | 'web2' | 'web3') => nodePortReaches(ext, node, web(name), { keepingAddress: true, ...often })
const [web1At1, web2At2, web3At3] = [at(node1, 'web1'), at(node2, 'web2'), at(node3, 'web3')]
const fromInside = (...ready: readonly ('web1' | 'web2' | 'web3')[]) =>
  ownNodePortReaches([{ from: { ...pick('red'), ...node1 }, node: node1 }, { from: { ...pick('exporter'), ...node2 }, node: node2 }, { from: { ...pick('violet'), ...node3 }, node: node3 }], web(...ready), often)
const [inside, insideNow] = [fromInside('web2', 'web3'), fromInside('web1', 'web2')]
const anyWeb = web('web1', 'web2', 'web3')
const closed1 = nodePortClosed(ext, node1, anyWeb, node2)
const closed3 = nodePortClosed(ext, node3, anyWeb, node1)

const health = healthPort(ext, 32080, { ...node2, ...node3 }, node1)
const healthNow = healthPort(ext, 32080, { ...node1, ...node2 }, node3)

const onEach = (all: All, script: (number: Number) => string): Promise<unknown> => Promise.all(([1, 2, 3] as const).map(number => bash(all[`node${number}`], script(number))))
const each = (script: (number: Number) => string): Deed<Name> => all => onEach(all, script)

// What the lesson prints, a table a node, with what is to be different.
interface Rules {
  /** Who is asked about ports: what comes in, and what the node sends. */
  readonly match?: string
  readonly out?: string
  /** Rules in the chain of ports, and those of web. */
  readonly ports?: readonly string[]
  readonly web?: readonly string[]
  readonly post?: string
  /** Chains, as they stand in a table. */
  readonly more?: string
}
const LOCAL = 'fib daddr type local'
const MARK = 'meta mark set meta mark or 0x4000'
const MARKED = 'meta mark and 0x4000 != 0'
const TCP = 'meta l4proto tcp'
const TO = 'dnat to 10.244.2.2:9491'
const chain = (name: string, rules: readonly string[], hook = '') => `  chain ${name} {\n${hook === '' ? '' : `    type ${hook}\n`}${rules.map(rule => `    ${rule}\n`).join('')}  }\n`
const rules = ({ match = LOCAL, out, ports = [`tcp dport 31175 ${MARK} ${TO}`], web = [], post, more = '' }: Rules) => `nft -f - <<'END'
add table ip nodeport
delete table ip nodeport
table ip nodeport {
${more}${web.length > 0 ? chain('web', web) : ''}${chain('ports', [...ports, ...web.length > 0 ? ['tcp dport 30080 jump web'] : []])}
${chain('pre', [`${match} jump ports`], 'nat hook prerouting priority dstnat')}
${out === undefined ? '' : chain('out', [`${out} jump ports`], 'nat hook output priority -100')}
${post === undefined ? '' : chain('post', [post], 'nat hook postrouting priority srcnat')}
}
END`
const gone = 'nft delete table ip nodeport'

const BARE = { ports: [`tcp dport 31175 ${TO}`] }
const BACK = { post: `${MARKED} masquerade` }
const ITSELF = { ...BACK, out: `ip daddr != 127.0.0.0/8 ${LOCAL}` }
const onNode2 = (different: Rules): Deed<Name> => ({ node2 }) => bash(node2, rules({ ...BARE, ...different }))

type Web = 'web1' | 'web2' | 'web3'
const chosen = (ready: readonly Web[]) => `${TCP} dnat to numgen random mod ${ready.length} map { ${ready.map((name, index) => `${index} : ${pods[name]}`).join(', ')} }:8080`
const insideOf = (number: Number) => [`ip saddr 10.244.${number}.0/24`, 'fib saddr type local']
interface Serving { readonly ready?: readonly Web[]; readonly from?: readonly string[]; readonly outside?: string; readonly mark?: string }
/** Of one node: any pod for those who are in, the node's own, if it has one, for those who are not. */
const serving = (number: Number, { ready = ['web2', 'web3'], from = insideOf(number), outside, mark = MARK }: Serving = {}): Rules => {
  const own = ready.find(name => name === `web${number}`)
  const last = outside ?? (own === undefined ? undefined : `${TCP} dnat to ${pods[own]}:8080`)
  return { ...ITSELF, more: chain('web-inside', [`${mark} ${chosen(ready)}`]), web: [...from.map(who => `${who} goto web-inside`), ...last === undefined ? [] : [last], ...last === undefined && from.length === 0 ? ['return'] : []] }
}
const servingNow = (number: Number, different: Serving = {}) => serving(number, { ready: ['web1', 'web2'], ...different })

const iptables = (...lines: readonly string[]) => lines.map(line => `iptables -t nat ${line}`).join('\n')
const MASQ = ['-N MASQ', '-A MASQ -j MARK --or-mark 0x4000', '-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE']
const PORTS = ['-N PORTS', '-A PORTS -p tcp --dport 31175 -j MASQ', '-A PORTS -p tcp --dport 31175 -j DNAT --to-destination 10.244.2.2:9491', '-A PREROUTING -m addrtype --dst-type LOCAL -j PORTS']
const OUT = '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j PORTS'

/** Until somebody listens there; what ends with its starter is no server. */
const detached = (command: string, port: number, inside = '') => `setsid ${inside} ${command} </dev/null >/dev/null 2>&1 &
for try in $(seq 250); do [ -n "$(${inside} ss -Hltn sport = :${port})" ] && break; sleep 0.02; done`
const inPod = (name: string) => `ip netns exec ${name}`
const relay = (number: Number) => detached(`socat TCP-LISTEN:31175,bind=192.168.1.1${number},reuseaddr,fork TCP:10.244.2.2:9491`, 31175)

const HEALTH = `#!/bin/sh
# One answer: whether this node has a pod of web that is ready.
while read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done
count=$(grep -c . /run/web-here)
[ "\${count:-0}" -gt 0 ] && status='200 OK' || status='503 Service Unavailable'
printf 'HTTP/1.0 %s\\r\\nContent-Type: application/json\\r\\n\\r\\n{ "localEndpoints": %s }\\n' "$status" "\${count:-0}"
`
const healthServer = write('/usr/local/bin/web-health', HEALTH, '755')
const healthOf = (command = 'EXEC:/usr/local/bin/web-health', where = '') => detached(`socat TCP-LISTEN:32080,reuseaddr,fork${where} ${command}`, 32080)
const here = (number: Number, ready: readonly Web[]) => ready.includes(`web${number}`) ? `echo ${pods[`web${number}`]} >/run/web-here` : ': >/run/web-here'
const healthOn = (ready: readonly Web[]) => (number: Number) => `${healthServer}\n${here(number, ready)}\n${healthOf()}`
/** A server of another make, in a file: socat has quotes of its own. */
const answers = (script: string) => `${write('/usr/local/bin/answer', `#!/bin/sh\nwhile read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done\n${script}`, '755')}\n${healthOf('EXEC:/usr/local/bin/answer')}`
const says = (line: (number: Number) => string) => (number: Number) => answers(`printf 'HTTP/1.0 ${line(number)}\\r\\n\\r\\n'`)

// The same by an API server on ext, and a kube-proxy on each node.
const KUBE = ['kube-proxy', 'etcd', 'kube-apiserver']
const slice = (name: string, namespace: string, port: string, number: number, ready: readonly (keyof typeof pods)[]) => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: ${namespace}, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: ${port}, port: ${number}, protocol: TCP }]
endpoints: [${ready.map(pod => `{ addresses: [${pods[pod]}], nodeName: node${pods[pod].split('.')[2] ?? ''}, conditions: { ready: true } }`).join(', ')}]
`
const OBJECTS = `apiVersion: v1
kind: Namespace
metadata: { name: monitoring }
---
apiVersion: v1
kind: Service
metadata: { name: exporter, namespace: monitoring }
spec:
  type: NodePort
  selector: { app: exporter }
  ports: [{ name: metrics, port: 9491, targetPort: 9491, nodePort: 31175 }]
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: 32080
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080, nodePort: 30080 }]
---
${slice('exporter', 'monitoring', 'metrics', 9491, ['exporter'])}`
const byKubeProxy = (mode: 'iptables' | 'nftables', ...ready: readonly Web[]): Deed<Name> => async all => {
  await onEach(all, () => gone)
  await controlPlane(all.ext, { objects: `${OBJECTS}---\n${slice('web', 'default', 'http', 8080, ready)}` })
  await kubeProxy({ node1: all.node1, node2: all.node2, node3: all.node3 }, { api: all.ext, mode })
}

/** An address that follows from how the lab is wired. */
const address = (right: string, ...wrong: Answer['wrong']): Answer => ({
  right: () => Promise.resolve(right),
  wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('node1')
    if (node === undefined) return unknown('node1 shows no network namespace')
    if (!/^\d+(\.\d+){3}$/.test(value.trim())) return fail('expected an IPv4 address', node.evidence)
    return value.trim() === right ? pass(node.evidence) : fail(`it is not ${value.trim()}`, node.evidence)
  },
})

const podsOf = (node: Node, number: Number, own: Pods, ...lines: readonly string[]) => podsOnBridge(node, `10.244.${number}.0/24`, own, { routes: { ...otherPods(number), default: '192.168.1.200' }, script: [
  ...sets({
    'net.ipv4.ip_forward': 1, 'net.bridge.bridge-nf-call-iptables': 1, 'net.ipv4.conf.all.rp_filter': 0,
    ...Object.fromEntries(['all', 'lo', 'eth0', 'cni0'].map(link => [`net.ipv4.conf.${link}.route_localnet`, 0])),
  }),
  ...Object.keys(own).map(name => `ip link set veth-${name} type bridge_slave hairpin on`),
  'nft \'add table ip egress; add chain ip egress post { type nat hook postrouting priority srcnat; }; add rule ip egress post ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade\'',
  ...number === 1 ? [] : [healthServer],
  ...serves([[`web${number}`, '8080']]), ...lines,
] })

export default defineLab<Name>({
  setup: ({ node1, node2, node3, ext }) => Promise.all([
    podsOf(node1, 1, pick('red', 'web1'), 'serve --background agent 127.0.0.1:31175'),
    podsOf(node2, 2, pick('exporter', 'web2'), write('/usr/local/bin/exporter', readFileSync(new URL('files/exporter', import.meta.url), 'utf8'), '755'),
      detached('exporter 9491', 9491, inPod('exporter'))),
    podsOf(node3, 3, pick('violet', 'web3')),
    bash(ext, ...sets({ 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.eth0.rp_filter': 0 }), 'serve --background archive 31175'),
  ]),
  steps: {
    port: {
      checks: [byNode2, passing, ownPorts],
      hints: [
        'Where has a packet to be, for its destination to be rewritten before the node looks for a route? And which packets pass there?',
        failing => failing.includes(byNode2.claim) ? 'On node2: `nft list table ip nodeport`. Does the rule name the port that ext asks for, and the pod\'s own port behind its address?'
          : 'The rule takes too much. What does it ask of the destination, the protocol and the port?',
        'On node2: `flush chain ip nodeport pre` and `add rule ip nodeport pre fib daddr type local jump ports` by `nft -f -`, and in `ports`: `tcp dport 31175 dnat to 10.244.2.2:9491`',
      ],
      alternatives: {
        'by iptables, with addrtype': ({ node2 }) => bash(node2, iptables('-A PREROUTING -p tcp -m addrtype --dst-type LOCAL --dport 31175 -j DNAT --to-destination 10.244.2.2:9491')),
        'the addresses of the node by name': onNode2({ match: 'ip daddr { 192.168.1.12, 10.244.2.1 }' }),
        'a map of ports': onNode2({ ports: ['dnat ip to tcp dport map { 31175 : 10.244.2.2 . 9491 }'] }),
        'a program in between, as kube-proxy once was': ({ node2 }) => bash(node2, relay(2)),
      },
      mutants: {
        'whatever passes': { refusedBy: passing.claim, instead: onNode2({ match: '' }) },
        'whatever comes from pods, too': { refusedBy: passing.claim, after: ({ node2 }) => node2`nft add rule ip nodeport pre iifname cni0 jump ports` },
        'the port of the pod in place of the node\'s': { refusedBy: byNode2.claim, instead: onNode2({ ports: [`tcp dport 9491 ${TO}`] }) },
        'a number that no API server gives': { refusedBy: byNode2.claim, instead: onNode2({ ports: [`tcp dport 1175 ${TO}`] }) },
        'the whole range of node ports': { refusedBy: ownPorts.claim, instead: onNode2({ ports: [`tcp dport 30000-32767 ${TO}`] }) },
        'every protocol': { refusedBy: ownPorts.claim, instead: onNode2({ ports: [`meta l4proto { tcp, udp } th dport 31175 ${TO}`] }) },
        'only for what the node sends': { refusedBy: byNode2.claim, instead: ({ node2 }) => bash(node2, rules({ ...BARE, out: LOCAL, match: 'iifname lo' })) },
        'on the node where the pod is not': { refusedBy: byNode2.claim, instead: ({ node1 }) => bash(node1, rules(BARE)) },
        'a node that forwards nothing': { refusedBy: byNode2.claim, after: ({ node2 }) => node2`sysctl -qw net.ipv4.ip_forward=0` },
        'a firewall between the wire and the pods': {
          refusedBy: byNode2.claim,
          after: ({ node2 }) => node2`nft ${'add table ip lock; add chain ip lock forward { type filter hook forward priority 0; }; add rule ip lock forward iifname eth0 oifname cni0 ct state new drop'}`,
        },
        'somebody flushed the ports': { refusedBy: byNode2.claim, after: ({ node2 }) => node2`nft flush chain ip nodeport ports` },
      },
    },
    'way-back': {
      checks: [byAll, podsByAll, scraped, passingAll, direct, everyone, ownPort(ext, { ...node1, ...node3 }, others)],
      hints: [
        'Ext asks node1. Follow the answer: to whom does the exporter send it, and does it come past the one who rewrote the question?',
        failing => failing.includes(byAll.claim) ? 'The node that rewrites the destination has to put its own address in as the source, of those packets. How does the second chain know which those are?'
          : failing.includes(direct.claim) || failing.includes(everyone.claim) ? 'Packets between pods are masqueraded that nobody sent to a port of a node. Ask for the mark, and for nothing else.'
            : 'Ext is answered. Who is not? A pod beside the exporter, or the exporter itself, whose packet does not leave by the wire?',
        'On each node: `tcp dport 31175 meta mark set meta mark or 0x4000 dnat to 10.244.2.2:9491` in the chain `ports`, and in a chain at postrouting `meta mark and 0x4000 != 0 masquerade`',
      ],
      answers: {
        seen: address('192.168.1.13', '192.168.1.200', '10.244.3.1', '192.168.1.12', '10.244.2.2'),
        'seen-at-home': address('10.244.2.1', '192.168.1.12', '192.168.1.200', '10.244.2.2', '192.168.1.11'),
      },
      alternatives: {
        'by iptables': each(number => `${number === 2 ? `${gone}\n` : ''}${iptables(...MASQ, ...PORTS)}`),
        'what was translated, in place of a mark': each(() => rules({ ...BARE, post: 'ct status dnat masquerade' })),
        'what was asked for by that port, in place of a mark': each(() => rules({ ...BARE, post: 'ct original proto-dst 31175 masquerade' })),
        'another bit': each(() => rules({ ports: [`tcp dport 31175 meta mark set meta mark or 0x8 ${TO}`], post: 'meta mark and 0x8 != 0 masquerade' })),
        'the address of the node by name': each(number => rules({ post: `${MARKED} snat to 192.168.1.1${number}` })),
        'a program in between, on each node': each(number => `${number === 2 ? `${gone}\n` : ''}${relay(number)}`),
        // Node1 and node3 send on what is for them as it is; node2 translates what is for any of the three, and answers in their name.
        'direct server return': async all => {
          const dsr = (...lines: readonly string[]) => `nft -f - <<'END'\ntable ip dsr {\n${chain('pre', lines, 'filter hook prerouting priority mangle')}}\nEND`
          await onEach(all, number => number === 2
            ? rules({ match: 'ip daddr { 192.168.1.11, 192.168.1.12, 192.168.1.13 }', ports: [`tcp dport 31175 ip saddr 192.168.1.200 ${TO}`, `tcp dport 31175 ${MARK} ${TO}`], post: `${MARKED} masquerade` })
            : `sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
              ip route add default via 192.168.1.12 table 100
              ip rule add pref 50 fwmark 0x1 lookup 100
              ip rule add pref 100 lookup local
              ip rule del pref 0
              ${dsr(`iifname eth0 tcp dport 31175 ${LOCAL} meta mark set 1`)}
              ${rules({ match: `iifname != eth0 ${LOCAL}`, post: `${MARKED} masquerade` })}`)
        },
      },
      mutants: {
        'translated one way only': { refusedBy: byAll.claim, instead: each(() => rules(BARE)) },
        'a program that listens on one node': { refusedBy: byAll.claim, instead: ({ node1 }) => bash(node1, relay(1)) },
        'all that leaves by the wire is masqueraded': { refusedBy: everyone.claim, instead: each(() => rules({ post: 'oifname eth0 masquerade' })) },
        'all that is for the exporter is masqueraded': { refusedBy: direct.claim, instead: each(() => rules({ ...BARE, post: 'ip daddr 10.244.2.2 tcp dport 9491 masquerade' })) },
        'only what leaves by the wire': { refusedBy: podsByAll.claim, instead: each(() => rules({ post: `oifname eth0 ${MARKED} masquerade` })) },
        'only what comes from outside of the cluster': { refusedBy: podsByAll.claim, instead: each(() => rules({ post: `${MARKED} ip saddr != { 10.244.0.0/16, 192.168.1.11-192.168.1.13 } masquerade` })) },
        'marked when the matter is decided': { refusedBy: byAll.claim, instead: each(() => rules({ ports: [`tcp dport 31175 ${TO}`, `tcp dport 31175 ${MARK}`], ...BACK })) },
        'all nodes in the name of node1': { refusedBy: byAll.claim, instead: each(() => rules({ post: `${MARKED} snat to 192.168.1.11` })) },
        'whatever passes node3': { refusedBy: passingAll.claim, instead: each(number => rules({ ...BACK, ...number === 3 ? { match: '' } : {} })) },
        'each node to itself': { refusedBy: byAll.claim, instead: each(number => rules({ ...BACK, ports: [`tcp dport 31175 ${MARK} dnat to 10.244.${number}.2:9491`] })) },
        'somebody who takes all marks off': { refusedBy: byAll.claim, after: ({ node1 }) => node1`nft ${'add table ip shaper; add chain ip shaper forward { type filter hook forward priority 0; }; add rule ip shaper forward meta mark set 0'}` },
        'the way to the pods of node2 lost': { refusedBy: byAll.claim, after: ({ node3 }) => node3`ip route del 10.244.2.0/24` },
        'node1 is a host again': { refusedBy: byAll.claim, after: ({ node1 }) => node1`sysctl -qw net.ipv4.ip_forward=0` },
        // A pod of its own mind lets in the client, whom it does not see any more.
        'a list of clients in the pod': {
          refusedBy: byAll.claim,
          after: ({ node2 }) => node2`ip netns exec exporter nft ${'add table ip guests; add chain ip guests in { type filter hook input priority 0; }; add rule ip guests in tcp dport 9491 ip saddr != { 192.168.1.200, 10.244.0.0/16 } drop'}`,
        },
        'the exporter tells about something else': {
          refusedBy: scraped.claim,
          after: ({ node2 }) => bash(node2, `kill $(pgrep -xf 'exporter 9491')\n${detached('serve exporter 9491', 9491, inPod('exporter'))}`),
        },
      },
    },
    itself: {
      checks: [nodesByAll, nodesPassing, loopback, byAll, podsByAll],
      hints: [
        'Which hook does a packet pass first that a process of the node sends?',
        failing => failing.includes(loopback.claim) ? 'On node1: `curl -m 1 127.0.0.1:31175`, and `ss -ltn`. To which addresses does your rule apply, and what may leave a machine from 127.0.0.1?'
          : failing.includes(nodesPassing.claim) ? 'At output as at prerouting: not all that passes there is for a port of this node.'
            : 'A claim that fails says which node is refused by which. Each needs a chain at output, with the same jump.',
        'On each node: `add chain ip nodeport out { type nat hook output priority -100; }` and `add rule ip nodeport out ip daddr != 127.0.0.0/8 fib daddr type local jump ports`',
      ],
      alternatives: {
        ...Object.fromEntries((['iptables', 'nftables'] as const).map(mode => [`kube-proxy in ${mode} mode`, { requires: KUBE, instead: byKubeProxy(mode, 'web2', 'web3') }])),
        'by iptables, all of it': each(() => `${gone}\n${iptables(...MASQ, ...PORTS, OUT)}`),
        'martians let go': each(() => `sysctl -qw net.ipv4.conf.all.route_localnet=1\n${rules({ ...BACK, out: LOCAL })}`),
        // Its source is the node's own address already.
        'without the mark': each(() => rules({ ...BACK, more: chain('sent', [`ip daddr != 127.0.0.0/8 ${LOCAL} tcp dport 31175 ${TO}`], 'nat hook output priority -100') })),
        'the addresses of each node by name, at output': each(number => rules({ ...BACK, out: `ip daddr { 192.168.1.1${number}, 10.244.${number}.1 }` })),
      },
      mutants: {
        'nothing at output': { refusedBy: nodesByAll.claim, instead: async () => {} },
        'the loopback taken along': { refusedBy: loopback.claim, instead: each(() => rules({ ...BACK, out: LOCAL })) },
        'martians let go, and not masqueraded': {
          refusedBy: loopback.claim,
          instead: each(() => `sysctl -qw net.ipv4.conf.all.route_localnet=1\n${rules({ ...BACK, more: chain('sent', [`${LOCAL} tcp dport 31175 ${TO}`], 'nat hook output priority -100') })}`),
        },
        'whatever the node sends': { refusedBy: nodesPassing.claim, instead: each(() => rules({ ...BACK, out: 'ip daddr != 127.0.0.0/8' })) },
        'at output of node1 alone': { refusedBy: nodesByAll.claim, instead: ({ node1 }) => bash(node1, rules(ITSELF)) },
        'the agent has ended': {
          refusedBy: loopback.claim,
          after: ({ node1 }) => bash(node1, 'kill $(pgrep -xf \'serve agent 127.0.0.1:31175\'); while pgrep -xf \'serve agent 127.0.0.1:31175\' >/dev/null; do sleep 0.01; done'),
        },
        'a firewall for what node3 sends': {
          refusedBy: nodesByAll.claim,
          after: ({ node3 }) => node3`nft ${'add table ip lock; add chain ip lock out { type filter hook output priority 0; }; add rule ip lock out ip daddr 10.244.0.0/16 drop'}`,
        },
        'martians of node1 let go again': {
          refusedBy: loopback.claim,
          after: ({ node1 }) => node1`nft insert rule ip nodeport out tcp dport 31175 ip daddr 127.0.0.1 dnat to 10.244.2.2:9491`,
        },
      },
    },
    local: {
      checks: [web2At2, web3At3, closed1, inside, byAll],
      hints: [
        'Who was asked, and who answers, if only pods of the node itself are chosen? So whose address need not be changed, and what is left for a node without a pod?',
        failing => failing.includes(inside.claim) ? 'The policy is about what comes from outside. A pod of the node, and the node itself, are to reach any pod that is ready: `ip saddr` of its own pods, `fib saddr type local`.'
          : failing.includes(closed1.claim) ? 'Node1 has no pod of web that is ready. Does it send ext on to one all the same?'
            : 'A claim that fails says who answered, or whom the pod saw. From outside: the node\'s own pod, and no mark.',
        'On node2, in a chain for port 30080: `ip saddr 10.244.2.0/24 goto web-inside`, `fib saddr type local goto web-inside`, `meta l4proto tcp dnat to 10.244.2.3:8080`; in `web-inside` the mark, and `meta l4proto tcp dnat to numgen random mod 2 map { 0 : 10.244.2.3, 1 : 10.244.3.3 }:8080`. On node3 its own; on node1 without the last rule',
      ],
      alternatives: {
        'refused, where nobody is': each(number => rules(serving(number))),
        'those inside not marked': each(number => rules(serving(number, { mark: 'counter' }))),
        'known by the interface that they come from': each(number => rules(serving(number, { from: ['iifname cni0', 'fib saddr type local'] }))),
        'by iptables, as kube-proxy has it': each(number => iptables(
          '-N INSIDE', '-A INSIDE -m statistic --mode random --probability 0.5 -p tcp -j DNAT --to-destination 10.244.2.3:8080', '-A INSIDE -p tcp -j DNAT --to-destination 10.244.3.3:8080',
          '-N WEB', `-A WEB -s 10.244.${number}.0/24 -j INSIDE`, '-A WEB -m addrtype --src-type LOCAL -j INSIDE', ...number === 1 ? [] : [`-A WEB -p tcp -j DNAT --to-destination ${pods[`web${number}`]}:8080`],
          '-A PREROUTING -p tcp --dport 30080 -m addrtype --dst-type LOCAL -j WEB', '-A OUTPUT -p tcp --dport 30080 ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j WEB')),
      },
      mutants: {
        'as the exporter has it': { refusedBy: web2At2.claim, instead: each(number => rules(serving(number, { outside: 'goto web-inside' }))) },
        'all pods, and no mark': { refusedBy: web2At2.claim, instead: each(number => rules(serving(number, { outside: chosen(['web2', 'web3']) }))) },
        'the own pod, masqueraded': { refusedBy: web3At3.claim, instead: each(number => rules(serving(number, number === 1 ? {} : { outside: `${TCP} ${MARK} dnat to ${pods[`web${number}`]}:8080` }))) },
        'node1 sends on': { refusedBy: closed1.claim, instead: each(number => rules(serving(number, number === 1 ? { outside: 'goto web-inside' } : {}))) },
        'the pod that is not ready': { refusedBy: closed1.claim, instead: each(number => rules(serving(number, number === 1 ? { outside: `${TCP} dnat to 10.244.1.3:8080` } : {}))) },
        'those inside as those outside': { refusedBy: inside.claim, instead: each(number => rules(serving(number, { from: [] }))) },
        'pods inside, and processes outside': { refusedBy: inside.claim, instead: each(number => rules(serving(number, { from: [`ip saddr 10.244.${number}.0/24`] }))) },
        'processes inside, and pods outside': { refusedBy: inside.claim, instead: each(number => rules(serving(number, { from: ['fib saddr type local'] }))) },
        'one in three is not ready': { refusedBy: inside.claim, instead: each(number => rules({ ...serving(number), more: chain('web-inside', [`${MARK} ${chosen(['web1', 'web2', 'web3'])}`]) })) },
        'a program in between on node2': {
          refusedBy: web2At2.claim,
          instead: each(number => number === 2 ? `${rules({ ...ITSELF })}\n${detached('socat TCP-LISTEN:30080,reuseaddr,fork TCP:10.244.2.3:8080', 30080)}` : rules(serving(number))),
        },
        'whoever comes in by the wire is masqueraded': {
          refusedBy: web2At2.claim,
          after: ({ node2 }) => node2`nft ${'add table ip more; add chain ip more post { type nat hook postrouting priority srcnat; }; add rule ip more post iifname eth0 oifname cni0 masquerade'}`,
        },
        'the pod of node3 without a cable': { refusedBy: web3At3.claim, after: ({ node3 }) => node3`ip link set veth-web3 down` },
        'node1 locked for its own pods': {
          refusedBy: inside.claim,
          after: ({ node1 }) => node1`nft ${'add table ip lock; add chain ip lock forward { type filter hook forward priority 0; }; add rule ip lock forward iifname cni0 tcp dport 8080 drop'}`,
        },
      },
    },
    health: {
      checks: [health, web2At2, web3At3, closed1, inside, byAll],
      hints: [
        'What is asked by HTTP on port 32080, and of whom: a pod, or the node itself?',
        failing => failing.includes(health.claim) ? 'From ext: `curl -i http://192.168.1.11:32080/healthz`, and the same of the others. Does somebody listen, on which address, and what does /run/web-here hold?'
          : 'The health ports are right. Is what they say true of the ports?',
        'On each node: the addresses of its own ready pods in /run/web-here (none on node1), /usr/local/bin/web-health executable, and `setsid socat TCP-LISTEN:32080,reuseaddr,fork EXEC:/usr/local/bin/web-health </dev/null >/dev/null 2>&1 &`',
      ],
      alternatives: {
        'two answers, each written down where it holds': each(says(number => number === 1 ? '503 Service Unavailable' : '200 OK')),
        'what the rules say': each(number => answers(`nft list chain ip nodeport web | grep -q 'dnat to 10.244.${number}.' && line='200 OK' || line='503 No'; printf 'HTTP/1.0 %s\\r\\n\\r\\n' "$line"`)),
      },
      mutants: {
        'nobody listens on node1': { refusedBy: health.claim, instead: each(number => number === 1 ? 'true' : healthOn(['web2', 'web3'])(number)) },
        'all is well, everywhere': { refusedBy: health.claim, instead: each(says(() => '200 OK')) },
        'the pods of all nodes counted': { refusedBy: health.claim, instead: each(number => `${healthOn([])(number)}\nprintf '%s\\n' ${pods.web2} ${pods.web3} >/run/web-here`) },
        'nobody has said who is here': { refusedBy: health.claim, instead: each(() => `${healthServer}\n${healthOf()}`) },
        'heard on the node alone': { refusedBy: health.claim, instead: each(number => `${healthServer}\n${here(number, ['web2', 'web3'])}\n${healthOf(undefined, ',bind=127.0.0.1')}`) },
        'the whole range belongs to the exporter': { refusedBy: health.claim, after: ({ node2 }) => node2`nft add rule ip nodeport ports tcp dport 30000-32767 dnat to 10.244.2.2:9491` },
        'a node that is locked down': { refusedBy: health.claim, after: ({ node2 }) => node2`nft ${'add table ip lock; add chain ip lock in { type filter hook input priority 0; policy drop; }; add rule ip lock in ct state established accept'}` },
        'the server of node3 has ended': { refusedBy: health.claim, after: ({ node3 }) => bash(node3, 'kill $(pgrep -f \'^socat TCP-LISTEN:32080\'); while pgrep -f \'^socat TCP-LISTEN:32080\' >/dev/null; do sleep 0.01; done') },
        'well said, and nobody there': { refusedBy: web3At3.claim, after: ({ node3 }) => bash(node3, 'nft flush chain ip nodeport web') },
      },
    },
    moved: {
      replaces: ['local', 'health'],
      checks: [web1At1, web2At2, closed3, insideNow, healthNow, byAll],
      solution: each(number => `${rules(servingNow(number))}\n${here(number, ['web1', 'web2'])}`),
      hints: [
        'Go through the nodes: who has a pod of web that is ready now, and who has not any more? And which pods may those inside be sent to, on every node?',
        failing => failing.includes(insideNow.claim) ? 'The chain for those inside is the same on each node, and names pods of all. It has to change on all three.'
          : failing.includes(healthNow.claim) ? 'The ports have changed, and what is said of them has not, or not everywhere: /run/web-here.'
            : 'From outside: node1 to web1, node2 to web2, without a mark; and nothing on node3.',
        'On each node, in one `nft -f -`: `flush chain ip nodeport web-inside`, `add rule … map { 0 : 10.244.1.3, 1 : 10.244.2.3 }:8080`; `add rule ip nodeport web meta l4proto tcp dnat to 10.244.1.3:8080` on node1; on node3 `flush chain ip nodeport web`, and the two rules for those inside again. Then `echo 10.244.1.3 > /run/web-here` on node1, and `: > /run/web-here` on node3',
      ],
      alternatives: {
        'by the commands of the lesson': async all => {
          await onEach(all, number => `nft -f - <<'END'
flush chain ip nodeport web-inside
add rule ip nodeport web-inside ${MARK} ${chosen(['web1', 'web2'])}
${number === 1 ? `add rule ip nodeport web ${TCP} dnat to 10.244.1.3:8080` : ''}
${number === 3 ? ['flush chain ip nodeport web', ...insideOf(3).map(who => `add rule ip nodeport web ${who} goto web-inside`)].join('\n') : ''}
END
${here(number, ['web1', 'web2'])}`)
        },
        // Before it, the learner's own servers have the health port.
        ...Object.fromEntries((['iptables', 'nftables'] as const).map(mode => [`kube-proxy in ${mode} mode, told of the move`, {
          requires: KUBE,
          instead: async (all: All) => {
            await onEach(all, () => 'kill $(pgrep -f \'^socat TCP-LISTEN:32080\')')
            await byKubeProxy(mode, 'web2', 'web3')(all)
            await apply(all.ext, slice('web', 'default', 'http', 8080, ['web1', 'web2']))
          },
        }])),
      },
      mutants: {
        'nothing done': { refusedBy: web1At1.claim, instead: async () => {} },
        'moved, and nobody told': { refusedBy: healthNow.claim, instead: each(number => rules(servingNow(number))) },
        'told, and not moved': { refusedBy: web1At1.claim, instead: each(number => here(number, ['web1', 'web2'])) },
        'node3 goes on': { refusedBy: closed3.claim, instead: each(number => `${rules(servingNow(number, number === 3 ? { outside: `${TCP} dnat to 10.244.3.3:8080` } : {}))}\n${here(number, ['web1', 'web2'])}` ) },
        'those inside are sent where they were': {
          refusedBy: insideNow.claim,
          instead: each(number => `${rules({ ...servingNow(number), more: chain('web-inside', [`${MARK} ${chosen(['web2', 'web3'])}`]) })}\n${here(number, ['web1', 'web2'])}`),
        },
        'the new one does not see who comes': { refusedBy: web1At1.claim, instead: each(number => `${rules(servingNow(number, number === 1 ? { outside: `${TCP} ${MARK} dnat to 10.244.1.3:8080` } : {}))}\n${here(number, ['web1', 'web2'])}`) },
        'node3 is well, it says': { refusedBy: healthNow.claim, after: ({ node3 }) => bash(node3, 'echo 10.244.3.3 >/run/web-here') },
        'and the exporter noticed': { refusedBy: byAll.claim, after: ({ node3 }) => bash(node3, 'nft flush chain ip nodeport post') },
      },
    },
  },
})
