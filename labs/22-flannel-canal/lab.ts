// 22 · Flannel and Canal: a daemon makes what lab 08 made by hand, a plugin asks it, and somebody else's rules stand beside it.
import { readFileSync } from 'node:fs'
import { asPoliciesSay, hasLease, knowsWay, largestPacket, reachEachOther } from 'hardway/checks'
import { controlPlane } from 'hardway/cluster'
import { bash, defineLab, fail, pass, unknown, write, type Answer, type Deed } from 'hardway/lab'
import { objectsOf } from 'hardway/kubernetes'

type Name = 'node1' | 'node2' | 'node3' | 'ext'

const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')
const ofLab = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

const PODS = {
  red: { node: 1, address: '10.244.1.2', app: 'gradient-receiver' },
  blue: { node: 1, address: '10.244.1.3', app: 'notebook' },
  green: { node: 2, address: '10.244.2.2', app: 'trainer' },
  teal: { node: 2, address: '10.244.2.3', app: 'notebook' },
  violet: { node: 3, address: '10.244.3.2', app: 'trainer' },
} as const
const podObject = (name: keyof typeof PODS): string => {
  const { node, address, app } = PODS[name]
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default, labels: { app: ${app} } }
spec: { nodeName: node${node}, containers: [{ name: main, image: ${name} }] }
status: { phase: Running, podIP: ${address}, podIPs: [{ ip: ${address} }] }`
}
/** What a kubelet notes of itself. flanneld takes for granted that a Node has annotations. */
const OF_KUBELET = 'volumes.kubernetes.io/controller-managed-attach-detach: "true"'
const nodeObject = (number: number, range = `10.244.${number}.0/24`): string => `apiVersion: v1
kind: Node
metadata: { name: node${number}, annotations: { ${OF_KUBELET} } }
spec: { podCIDR: ${range}, podCIDRs: [${range}] }
status: { addresses: [{ type: InternalIP, address: 192.168.1.1${number} }] }`
const NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: default, labels: { kubernetes.io/metadata.name: default } }'
const MAY = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: canal }
rules:
- { apiGroups: [''], resources: [nodes, pods, namespaces], verbs: [get, list, watch] }
- { apiGroups: [''], resources: [nodes/status], verbs: [patch] }
- { apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: canal }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: canal }
subjects:
- { apiGroup: rbac.authorization.k8s.io, kind: User, name: system:canal }`
const FOUR = ['red', 'blue', 'green', 'teal'] as const

/** What the lesson prints, so that nothing is said twice. */
const lesson = readFileSync(new URL('lesson.md', import.meta.url), 'utf8')
const printed = (path: string): string => lesson.split(`\`\`\`file ${path}\n`)[1]?.split('\n```')[0] ?? ''
const NET = '/etc/kube-flannel/net-conf.json'
const FLANNEL = JSON.stringify({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } })
const CONF = '/etc/cni/net.d/10-flannel.conflist'
const POLICY = '/root/policy.yaml'

const { red, blue, green, teal, violet } = PODS
const kept = { keepingAddress: true }
const leases = { node1: hasLease('node1', '10.244.1.0/24'), node2: hasLease('node2', '10.244.2.0/24'), node3: hasLease('node3', '10.244.3.0/24') }
const ways = { there: knowsWay('node1', 'node2', '10.244.2.0/24'), back: knowsWay('node2', 'node1', '10.244.1.0/24'), joined: knowsWay('node2', 'node3', '10.244.3.0/24') }
const notebooks = reachEachOther({ blue: blue.address, green: green.address, teal: teal.address }, kept)
const training = reachEachOther({ red: red.address, green: green.address }, kept)
const large = largestPacket({ green: green.address }, { red: red.address })
const objects = (...pods: readonly (keyof typeof PODS)[]) => async () => objectsOf([NAMESPACE, ...pods.map(podObject), printed(`ext:${POLICY}`)].join('\n---\n'), 'policy.yaml')
const asSaid = asPoliciesSay('of red, blue, green and teal only green, a trainer, reaches red, and everybody reaches the others', objects(...FOUR), { ports: ['29500', '29500/UDP'] })
const newcomer = reachEachOther({ violet: violet.address, blue: blue.address, green: green.address }, kept)
const newTrainer = asPoliciesSay('violet, a trainer on node3, reaches red too', objects(...FOUR, 'violet'), { ports: ['29500', '29500/UDP'], about: (from, to) => from === 'default/violet' && to === 'default/red' })

// Deeds
const both = (script: (number: number) => string): Deed<Name> => ({ node1, node2 }) => Promise.all([node1, node2].map((node, index) => bash(node, script(index + 1))))
const inTurn = (...deeds: readonly Deed<Name>[]): Deed<Name> => async all => {
  for (const deed of deeds) await deed(all)
}
const flanneld = (number: number, conf: object = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }, ...flags: readonly string[]) =>
  `${write(NET, JSON.stringify(conf))}\nstart-flanneld node${number} ${flags.join(' ')}`
/** The other's entries come by the API, a moment after the lease. */
const settled = (others: readonly number[]) => others.map(other => `for try in $(seq 200); do ip route get 10.244.${other}.2 >/dev/null 2>&1 && break; sleep 0.05; done`).join('\n')
const backend = (one: object, other = one): Deed<Name> => inTurn(
  both(number => flanneld(number, { Network: '10.244.0.0/16', ...number === 1 ? one : other })), both(number => settled([3 - number])))

const conflist = (delegate: object) => JSON.stringify({ cniVersion: '1.0.0', name: 'cbr0', plugins: [{ type: 'flannel', delegate }] })
const names = (number: number) => Object.entries(PODS).flatMap(([name, { node }]) => node === number ? [name] : [])
const pods = (number: number, conf = printed(`node1:${CONF}`)) => `${write(CONF, conf)}\nfor pod in ${names(number).join(' ')}; do runtime add $pod; done`

const apply = (yaml: string): Deed<Name> => ({ ext }) => bash(ext, `kubectl apply -f - <<'END'\n${yaml}\nEND`)
const policy = apply(printed(`ext:${POLICY}`))
const SEEN = 'sysctl -qw net.bridge.bridge-nf-call-iptables=1'
const rules = (...lines: readonly string[]) => `nft -f - <<'END'
table ip netpol {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    ${lines.join('\n    ')}
  }
}
END`
const compile = (number: number) => `${SEEN}\nnetpol node${number} | nft -f -`

const node3 = (conf?: object): Deed<Name> => all => bash(all.node3, [flanneld(3, conf), pods(3), settled([1, 2])].join('\n'))
const untilKnown: Deed<Name> = both(() => settled([3]))
const recompiled: Deed<Name> = ({ node1 }) => bash(node1, 'netpol node1 | nft -f -')
/** The status of a pod is a kubelet's to write, and a resource of its own. */
const JOINS = 'kubectl apply -f /root/node3.yaml -f /root/violet.yaml\nkubectl apply --server-side --subresource=status -f /root/violet.yaml'
const joins: Deed<Name> = ({ ext }) => bash(ext, JOINS)

const TABLE = ofLab('22-flannel-canal/files/routes.txt')
/** A word of the table on node1. */
const word = (right: string, form: RegExp, what: string, wrong: Answer['wrong']): Answer => ({
  right: () => Promise.resolve(right), wrong,
  grade: async (bench, value) => {
    const shown = await bench.place('node1').exec(['cat', '/root/routes.txt'])
    if (shown.exitCode !== 0) return unknown('node1 has no file /root/routes.txt', shown)
    if (!form.test(value)) return fail(`expected ${what}, and got ${JSON.stringify(value)}`, shown)
    return value === right ? pass(shown) : fail(`the longest prefix that has the address decides, and its line says something else`, shown)
  },
})
const [INTERFACE, ADDRESS] = [/^[a-z][\w.]*$/, /^\d+(\.\d+){3}$/]

export default defineLab<Name>({
  setup: async all => {
    await controlPlane(all.ext, { objects: [nodeObject(1), nodeObject(2), ...FOUR.map(podObject), MAY].join('\n---\n'), users: ['canal'] })
    const { stdout: credentials } = await all.ext`cat /etc/kubernetes/canal.conf`
    await Promise.all([all.node1, all.node2, all.node3].map(node => bash(node, [
      'sysctl -qw net.ipv4.ip_forward=0 net.bridge.bridge-nf-call-iptables=0',
      'mkdir -p /etc/kube-flannel /etc/cni/net.d',
      write('/etc/kubernetes/canal.conf', credentials, '600'),
      write('/opt/cni/bin/flannel', file('flannel'), '755'),
      write('/usr/local/bin/start-flanneld', file('start-flanneld'), '755'),
      write('/usr/local/bin/runtime', ofLab('12-write-a-cni/files/runtime'), '755'),
      write('/usr/local/bin/netpol', file('netpol'), '755'),
      write('/usr/local/lib/netpol.jq', ofLab('19-networkpolicy/files/compile.jq')),
      ...node === all.node1 ? [write('/root/routes.txt', TABLE)] : [],
    ].join('\n'))))
    await bash(all.ext, [write('/root/node3.yaml', nodeObject(3)), write('/root/violet.yaml', podObject('violet'))].join('\n'))
  },
  steps: {
    lease: {
      checks: [leases.node1, leases.node2, ways.there, ways.back],
      hints: [
        'Who has decided which node has which range, and where is that written? `kubectl get nodes -o yaml` on ext.',
        failing => failing.includes(leases.node1.claim) || failing.includes(leases.node2.claim) ? 'What does flanneld itself say? `tail /var/log/flanneld.log`'
          : 'Each flanneld has its range, and they do not hear of each other in a way that both understand. Compare net-conf.json of both nodes.',
        'net-conf.json on both nodes, then `start-flanneld node1` and `start-flanneld node2`.',
      ],
      alternatives: {
        'host-gw: the wire carries pods as they are': backend({ Backend: { Type: 'host-gw' } }),
        'DirectRouting: a tunnel only where there is a router between': backend({ Backend: { Type: 'vxlan', DirectRouting: true } }),
        'rules of nftables': backend({ EnableNFTables: true, Backend: { Type: 'vxlan' } }),
        'the port of the standard, and another identifier': backend({ Backend: { Type: 'vxlan', VNI: 4242, Port: 4789 } }),
      },
      mutants: {
        'on node1 alone': { refusedBy: leases.node2.claim, instead: ({ node1 }) => bash(node1, flanneld(1)) },
        'under the name of the other node': { refusedBy: leases.node2.claim, instead: both(() => flanneld(1)) },
        'a network that the ranges are not in': { refusedBy: leases.node1.claim, instead: both(number => `${flanneld(number, { Network: '10.42.0.0/16', Backend: { Type: 'vxlan' } })} || true`) },
        'one end with a tunnel, and one without': { refusedBy: ways.there.claim, instead: both(number => flanneld(number, { Network: '10.244.0.0/16', Backend: { Type: number === 1 ? 'vxlan' : 'host-gw' } })) },
        'sent to a node that is gone': { refusedBy: ways.there.claim, after: ({ node1 }) => node1`ip route replace 10.244.2.0/24 via 192.168.1.19` },
        'the file of the day before': { refusedBy: leases.node1.claim, after: ({ node1 }) => node1`sed -i s/10.244.1.1/10.244.7.1/ /run/flannel/subnet.env` },
      },
    },
    pods: {
      checks: [notebooks, training, large],
      hints: [
        'Is there a pod at all? What has the plugin said when it was asked for one, and what did it read before?',
        failing => failing.includes(large.claim) && !failing.includes(training.claim) ? 'What has the plugin made of FLANNEL_MTU? `ip -n red link show eth0`'
          : 'Where does a ping from green to red end, and with which source does it arrive? `tcpdump -ni flannel.1` on both nodes, and `cat /var/lib/cni/flannel/*`.',
        'The file that the step prints, on both nodes; then `runtime add red` and `runtime add blue` on node1, `runtime add green` and `runtime add teal` on node2.',
      ],
      alternatives: {
        'the bridge plugin itself, told all that the other one reads': both(number => pods(number, JSON.stringify({ cniVersion: '1.0.0', name: 'cbr0', plugins: [
          { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, mtu: 1450, ipam: { type: 'host-local', subnet: `10.244.${number}.0/24`, routes: [{ dst: '0.0.0.0/0' }] } }] }))),
        'without a bridge': both(number => pods(number, JSON.stringify({ cniVersion: '1.0.0', name: 'cbr0', plugins: [
          { type: 'ptp', ipMasq: false, mtu: 1450, ipam: { type: 'host-local', subnet: `10.244.${number}.0/24`, routes: [{ dst: '0.0.0.0/0' }] } }] }))),
      },
      mutants: {
        'masqueraded twice': { refusedBy: notebooks.claim, instead: both(number => pods(number, conflist({ isDefaultGateway: true, ipMasq: true }))) },
        'the MTU of the cable': { refusedBy: large.claim, instead: both(number => pods(number, conflist({ isDefaultGateway: true, mtu: 1500 }))) },
        'no gateway': { refusedBy: training.claim, instead: both(number => pods(number, conflist({ isGateway: false }))) },
        'a range that no Node has': { refusedBy: notebooks.claim, instead: both(number => pods(number, conflist({ isDefaultGateway: true, ipam: { type: 'host-local', subnet: `10.88.${number}.0/24` } }))) },
        'what comes out of the tunnel is not forwarded': { refusedBy: training.claim, after: ({ node2 }) => node2`iptables -I FORWARD -i flannel.1 -j DROP` },
        'an entry for where node2 was': { refusedBy: training.claim, after: ({ node1 }) => bash(node1, 'bridge fdb replace "$(ip -j neigh show 10.244.2.0 | jq -r ".[0].lladdr")" dev flannel.1 dst 192.168.1.99') },
      },
    },
    canal: {
      checks: [asSaid],
      hints: [
        'The API has stored a policy. Which program on node1 has read it?',
        'The claim names a pair of pods. Do the packets of that pair cross a router, or only a bridge?',
        'On node1 and node2: `sysctl -w net.bridge.bridge-nf-call-iptables=1`, and `netpol node1 | nft -f -` with the name of the node.',
      ],
      answers: {
        'to-its-own-pod': word('cali65bb5da2c3b', INTERFACE, 'the name of an interface', ['flannel.1', 'docker0', 'cni0']),
        'to-another-node': word('flannel.1', INTERFACE, 'the name of an interface', ['bond0.2236', 'docker0', 'cali65bb5da2c3b']),
        'to-storage': word('10.21.236.1', ADDRESS, 'an address', ['10.21.236.74', '172.17.0.1', '10.244.3.0']),
      },
      alternatives: {
        'rules by hand': inTurn(policy, both(() => `${SEEN}\n${rules(`ip daddr ${red.address} ip saddr != ${green.address} drop`)}`)),
        'in words of iptables': inTurn(policy, ({ node1 }) => bash(node1, `${SEEN}\niptables -I FORWARD -d ${red.address} ! -s ${green.address} -m conntrack --ctstate NEW -j DROP`)),
      },
      mutants: {
        'a policy that nobody reads': { refusedBy: asSaid.claim, instead: policy },
        'made before the policy was there': { refusedBy: asSaid.claim, instead: inTurn(both(compile), policy) },
        'the bridge not shown': { refusedBy: asSaid.claim, instead: inTurn(policy, both(number => `netpol node${number} | nft -f -`)) },
        'only what comes by the tunnel': { refusedBy: asSaid.claim, instead: inTurn(policy, both(() => `${SEEN}\n${rules(`iifname "flannel.1" ip daddr ${red.address} ip saddr != ${green.address} drop`)}`)) },
        'the rules of the other node': { refusedBy: asSaid.claim, instead: inTurn(policy, both(number => `${SEEN}\nnetpol node${3 - number} | nft -f -`)) },
        'whoever flushes rules that are not theirs': { refusedBy: asSaid.claim, after: ({ node1 }) => node1`nft flush ruleset` },
      },
    },
    join: {
      checks: [leases.node3, ways.joined, newcomer, newTrainer],
      hints: [
        'What had node1 and node2 before you began, that node3 has not? Ask the API.',
        failing => failing.includes(leases.node3.claim) ? 'flanneld waits for a Node of its name that has a podCIDR: /root/node3.yaml on ext.'
          : failing.includes(newcomer.claim) ? 'node3 wants all that steps 1 and 2 gave the others: net-conf.json with the same backend, flanneld, the conflist, a pod.'
            : 'node1 has made its rules from what the API had then. What has come since?',
        'On ext the two commands of the step. node3: the two files of steps 1 and 2, `start-flanneld node3`, `runtime add violet`. node1: `netpol node1 | nft -f -`.',
      ],
      solution: inTurn(joins, node3(), untilKnown, recompiled),
      alternatives: {
        'one line by hand, where nobody compiles': inTurn(joins, node3(), untilKnown, ({ node1 }) => node1`nft insert rule ip netpol ingress ip daddr ${red.address} ip saddr ${violet.address} return`),
      },
      mutants: {
        'a Node without a range': { refusedBy: leases.node3.claim, instead: inTurn(apply('apiVersion: v1\nkind: Node\nmetadata: { name: node3 }'), ({ node3: node }) => bash(node, `${write(NET, FLANNEL)}\ntimeout 2 start-flanneld node3 || true`)) },
        'a range that node1 has': { refusedBy: leases.node3.claim, instead: inTurn(apply([nodeObject(3, '10.244.1.0/24'), podObject('violet')].join('\n---\n')), node3()) },
        'another identifier of the tunnel': { refusedBy: newcomer.claim, instead: inTurn(joins, node3({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan', VNI: 2 } }), untilKnown, recompiled) },
        'nobody listens on node2 any more': { refusedBy: ways.joined.claim, instead: inTurn(({ node2 }) => bash(node2, 'kill "$(cat /run/flanneld.pid)"; while kill -0 "$(cat /run/flanneld.pid)" 2>/dev/null; do sleep 0.02; done'), joins, node3(), recompiled) },
        'the rules as they were': { refusedBy: newTrainer.claim, instead: inTurn(joins, node3(), untilKnown) },
      },
    },
  },
})
