// 26 · A network for a small cluster: one daemon of the learner's own makes it of the objects of the API.
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  asObjectsSay, asPoliciesSay, changesUnseen, clusterNow, followsNodes, nodePortReaches, outlivesApi, podsAddressed, reachEachOther, reaches, seenAs, serviceAnswers, serviceHairpin,
  survivesKills, type ClusterNow, type Service,
} from 'hardway/checks'
import { apply, controlPlane } from 'hardway/cluster'
import { bash, defineLab, fail, pass, write, type Deed } from 'hardway/lab'

type Name = 'node1' | 'node2' | 'api'

const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')

// The objects: ranges are drawn anew for each start, so that nothing can be known beforehand.
type Labels = Readonly<Record<string, string>>
const metadata = (at: string, labels?: Labels) => {
  const [namespace = '', name = ''] = at.includes('/') ? at.split('/') : ['', at]
  return { name, ...namespace === '' ? {} : { namespace }, ...labels === undefined ? {} : { labels } }
}
const nodeObject = (name: string, address: string, podCIDR: string) =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: metadata(name), spec: { podCIDR, podCIDRs: [podCIDR] }, status: { addresses: [{ type: 'InternalIP', address }] } })
const namespace = (name: string, labels: Labels) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: metadata(name, { 'kubernetes.io/metadata.name': name, ...labels }) })
const pod = (at: string, nodeName: string, labels: Labels, ports: Readonly<Record<string, number>> = {}) => ({
  apiVersion: 'v1', kind: 'Pod', metadata: metadata(at, labels),
  spec: { nodeName, containers: [{ name: 'main', image: 'main', ports: Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort, protocol: name === 'dns' ? 'UDP' : 'TCP' })) }] },
  status: { phase: 'Pending' },
})
const service = (at: string, clusterIP: string, selector: Labels, ports: readonly object[], more = {}) =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: metadata(at), spec: { clusterIP, selector, ports, ...more } })

const policy = (at: string, spec: object) => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: metadata(at), spec })

const pods = [
  pod('shop/client', 'node1', { app: 'client' }), pod('shop/web-1', 'node1', { app: 'web' }, { http: 8080 }),
  pod('shop/web-2', 'node2', { app: 'web' }, { http: 8080 }), pod('dev/guest', 'node2', { app: 'guest' }), pod('kube-system/dns', 'node2', { 'k8s-app': 'kube-dns' }, { dns: 53 }),
]
/** Ranges of nodes of different sizes, in a network that is drawn, and addresses of Services in another. */
function draw(): readonly object[] {
  const [block, services] = [randomInt(16, 120), randomInt(130, 250)]
  const range = (third: number) => { const prefix = randomInt(25, 28); return `10.${block}.${third}.${randomInt(0, 2 ** (prefix - 24)) * 2 ** (32 - prefix)}/${prefix}` }
  const vip = (third: number) => `10.${services}.${third}.${randomInt(2, 250)}`
  return [
    namespace('shop', { team: 'shop' }), namespace('dev', { team: 'guests' }), namespace('kube-system', {}),
    nodeObject('node1', '192.168.1.11', range(randomInt(1, 120))), nodeObject('node2', '192.168.1.12', range(randomInt(130, 250))),
    ...pods,
    policy('shop/web', {
      podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['client', 'web'] }] } }, { ipBlock: { cidr: '192.168.1.0/24' } }], ports: [{ protocol: 'TCP', port: 'http' }] }],
    }),
    policy('dev/nothing-but-dns', {
      podSelector: {}, policyTypes: ['Egress'],
      egress: [{ to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }], ports: [{ protocol: 'UDP', port: 53 }] }],
    }),
    policy('dev/and-the-shop', {
      podSelector: { matchLabels: { app: 'guest' } }, policyTypes: ['Egress'],
      egress: [{ to: [{ namespaceSelector: { matchLabels: { team: 'shop' } } }], ports: [{ protocol: 'TCP', port: 80 }, { protocol: 'TCP', port: 8080 }] }],
    }),
    service('shop/web', vip(1), { app: 'web' }, [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080, nodePort: randomInt(30_000, 32_767) }], { type: 'NodePort' }),
    service('kube-system/dns', vip(2), { 'k8s-app': 'kube-dns' }, [{ name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 }, { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 53 }], { type: 'ClusterIP' }),
  ]
}

const REFERENCE = '/root/reference'
const PIECES = { 'node-net': '755', '10-pods': '755', '20-routes': '755', '30-rules': '755', 'pods.jq': '644', 'egress.nft.jq': '644', 'services.nft.jq': '644', 'policies.nft.jq': '644' } as const
type Piece = keyof typeof PIECES
const PROGRAM = '/usr/local/bin/node-net'
const installed = (piece: Piece): string => piece === 'node-net' ? PROGRAM : `/usr/local/lib/node-net/${piece}`

// Who is meant, wherever they are: no policy ever chooses the client, and of dns nobody.
const API = { on: 'api', port: 8001 }
const NODES = { node1: '192.168.1.11', node2: '192.168.1.12' }
const { node1, node2 } = NODES
const named = (now: ClusterNow, ...names: readonly string[]) => Object.fromEntries(names.map(name => [name, now.podAt(name)]))
const CLIENT = 'shop/client'
const [WEB1, WEB2, GUEST, DNS] = ['shop/web-1', 'shop/web-2', 'dev/guest', 'kube-system/dns']
const kept = { keepingAddress: true }
function serviceOf(now: ClusterNow, at: string, number: number, protocol: 'tcp' | 'udp', backends: readonly string[], targetPort: number): Service {
  const vip = now.objects.services.find(({ namespace, name }) => `${namespace}/${name}` === at)?.clusterIP ?? ''
  return { at: `${vip}:${number}`, protocol, backends: named(now, ...backends), targetPort }
}
const web = (now: ClusterNow) => serviceOf(now, 'shop/web', 80, 'tcp', [WEB1, WEB2], 8080)
const nodePortOf = (now: ClusterNow): number => now.objects.services.flatMap(({ ports }) => ports).find(port => port.nodePort !== undefined)?.nodePort ?? 0

const addressed = podsAddressed(API)
const ownPods = asObjectsSay(API, 'each node reaches its own pods, and pods of one node reach each other', now => [
  ...[CLIENT, WEB1].map(name => reaches({ node1 }, named(now, name))), ...[WEB2, GUEST, DNS].map(name => reaches({ node2 }, named(now, name))),
  reaches(named(now, WEB1), named(now, CLIENT)), reaches(named(now, WEB2), named(now, DNS)),
])
const across = asObjectsSay(API, 'pods of both nodes reach each other, and each sees the other\'s own address', now => [reachEachOther(named(now, CLIENT, DNS), kept), reaches(named(now, WEB2), named(now, CLIENT), kept)])
const toOthers = asObjectsSay(API, 'each node reaches the pods of the other', now => [reaches({ node1 }, named(now, DNS)), reaches({ node2 }, named(now, CLIENT))])
const outside = asObjectsSay(API, 'what is no pod sees a pod of each node as that node', now => [seenAs(named(now, CLIENT), { api: '192.168.1.200' }, { node1 }), seenAs(named(now, DNS), { api: '192.168.1.200' }, { node2 })])
const answered = asObjectsSay(API, 'the client and both nodes are answered by the Service shop/web, always, by a pod that sees who asks', now => [serviceAnswers({ ...named(now, CLIENT), node1, node2 }, web(now))])
const byUdp = asObjectsSay(API, 'the client and node1 are answered by the Service kube-system/dns, by UDP', now => [serviceAnswers({ ...named(now, CLIENT), node1 }, serviceOf(now, 'kube-system/dns', 53, 'udp', [DNS], 53))])
const itself = asObjectsSay(API, 'the pods of shop/web are answered by their own Service, also by themselves', now => [serviceHairpin(web(now))])
const byNodePort = asObjectsSay(API, 'the machine of the API reaches shop/web by its port of either node', now => [nodePortReaches({ api: '192.168.1.200' }, NODES, { port: nodePortOf(now), pods: named(now, WEB1, WEB2), targetPort: 8080 }, { times: 12 })])
const asSaid = asPoliciesSay('each pod reaches whom the policies let it reach, and nobody else', async bench => (await clusterNow(bench, API)).objects, {
  ports: ['80', '8080', '53/UDP'],
  // A real API server has a Service too, which leads to itself and to no pod.
  about: (_, to) => !to.startsWith('default/kubernetes:'),
})
const kills = survivesKills('node1')
const nodesLeave = followsNodes('node1')
const partition = outlivesApi('node1')
const unseen = changesUnseen('node1')

// Deeds
const each = (script: string | ((number: number) => string)): Deed<Name> => ({ node1, node2 }) => Promise.all([node1, node2].map((node, index) => bash(node, typeof script === 'string' ? script : script(index + 1))))
/** Pieces as the repository has them, on both nodes, some of them changed; until all that they do is done. */
const having = (pieces: readonly Piece[], ...changes: readonly (readonly [piece: Piece, from: string, to: string])[]): Deed<Name> => each([
  ...pieces.map(piece => {
    const text = changes.filter(([which]) => which === piece).reduce((before, [, from, to]) => {
      if (!before.includes(from)) throw new Error(`${piece} has nothing to change: ${from}`)
      return before.replace(from, () => to)
    }, pieces === EVERYTHING ? file(piece) : begun(piece))
    return write(installed(piece), text, PIECES[piece])
  }),
  AGAIN,
].join('\n'))
const QUIET = `for try in {1..100}; do lines=$(wc -l </var/log/node-net.log); sleep 0.15; [ "$lines" = "$(wc -l </var/log/node-net.log)" ] && break; done`
const AGAIN = `restart-node-net 2>/dev/null || true\n${QUIET}`
/** A reference that lacks what the last step is about. */
const begun = (piece: Piece): string => file(piece).split('\n').filter(line => !line.endsWith('(for the last step)')).join('\n')
const EVERYTHING = Object.keys(PIECES) as readonly Piece[]
const [PODS, ROUTES, SERVICES, POLICIES] = [['node-net', '10-pods', 'pods.jq'], ['20-routes', '30-rules', 'egress.nft.jq'], ['services.nft.jq'], ['policies.nft.jq']] as const satisfies readonly (readonly Piece[])[]
const whole = (...changes: readonly (readonly [piece: Piece, from: string, to: string])[]) => having(EVERYTHING, ...changes)
interface Item { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels }; readonly spec: { readonly nodeName?: string; readonly clusterIP?: string; readonly selector?: Labels; readonly ports?: readonly { readonly name: string; readonly protocol: string; readonly port: number; readonly targetPort: number }[] }; readonly status?: { readonly podIP?: string } }
/** Etcd and the API server in place of what stands in for them, at the same port, where whoever comes is taken for the administrator. */
const byRealApi: Deed<Name> = async all => {
  const items = async (...kinds: readonly string[]) => (await all.api`for kind in ${kinds}; do cluster get $kind; done`).stdout.trim().split('\n').map(line => JSON.parse(line) as Item)
  const objects = await items('namespaces', 'nodes', 'pods', 'services', 'networkpolicies')
  const services = objects.filter(({ kind }) => kind === 'Service')
  const yaml = (some: readonly object[]) => some.map(one => JSON.stringify(one)).join('\n---\n')
  await controlPlane(all.api, { serviceCidr: `${services[0]?.spec.clusterIP?.split('.').slice(0, 2).join('.') ?? ''}.0.0/16`, objects: yaml(objects.map(one => one.kind === 'Pod' ? { ...one, status: { phase: 'Pending' } } : one)) })
  await bash(all.api, `kill $(pgrep -xf '/usr/bin/perl /usr/local/bin/api-server --background 8001')
    setsid socat TCP-LISTEN:8001,fork,reuseaddr,retry=50,interval=0.1 OPENSSL:127.0.0.1:6443,commonname=localhost,cafile=/etc/kubernetes/pki/ca.crt,cert=/etc/kubernetes/pki/admin.crt,key=/etc/kubernetes/pki/admin.key </dev/null >/dev/null 2>&1 &
    until cluster get nodes >/dev/null 2>&1; do sleep 0.05; done`)
  await each(AGAIN)(all)
  await all.node1`cluster wait`
  // Nobody controls EndpointSlices there.
  const pods = await items('pods')
  await apply(all.api, yaml(services.map(({ metadata: { name, namespace = '' }, spec: { selector = {}, ports = [] } }) => ({
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } }, addressType: 'IPv4',
    ports: ports.map(port => ({ name: port.name, protocol: port.protocol, port: port.targetPort })),
    endpoints: pods.filter(one => one.metadata.namespace === namespace && Object.entries(selector).every(([key, value]) => one.metadata.labels?.[key] === value))
      .map(one => ({ addresses: [one.status?.podIP ?? ''], conditions: { ready: true }, nodeName: one.spec.nodeName })),
  }))))
  await each(QUIET)(all)
}
/** The daemon is ended, and nobody starts it again. */
const DEAD = 'kill -9 "$(cat /run/node-net.pid)"'

export default defineLab<Name>({
  setup: async ({ node1, node2, api }) => {
    const objects = draw()
    const tool = write('/usr/local/bin/cluster', file('cluster'), '755')
    await Promise.all([
      bash(api, `${tool}\napi-server --background 8001 <<'END'\n${objects.map(object => JSON.stringify(object)).join('\n')}\nEND`),
      ...[node1, node2].map(node => bash(node, [
        'sysctl -qw net.ipv4.ip_forward=0', 'ip route add default via 192.168.1.200', tool, write('/usr/local/bin/restart-node-net', file('restart-node-net'), '755'),
        ...EVERYTHING.map(piece => write(`${REFERENCE}/${piece}`, begun(piece), PIECES[piece])),
      ].join('\n'))),
    ])
  },
  steps: {
    pods: {
      checks: [addressed, ownPods],
      hints: [
        'What does the API say of a pod of node1: where is it to be, and what of its status is missing? `cluster get pods`',
        failing => failing.includes(addressed.claim)
          ? 'The range is the Node\'s `spec.podCIDR`, and it is another each time. An address is told by a PATCH of the pod\'s status: `podIP`. What does /var/log/node-net.log say?'
          : 'The pods have addresses. What does `ip route get` say on the node for one of them, and in the pod\'s namespace for the node?',
        'On both nodes: `cp /root/reference/node-net /usr/local/bin/`, `mkdir -p /usr/local/lib/node-net`, `cp /root/reference/{10-pods,pods.jq} /usr/local/lib/node-net/`, `restart-node-net`',
      ],
      answers: {
        free: {
          right: async bench => String(2 ** (32 - Number((await clusterNow(bench, API)).nodes.get('node2')?.range.split('/')[1])) - 2), wrong: ['254', '256', '0'],
          grade: async (bench, value) => {
            const { nodes, evidence } = await clusterNow(bench, API)
            if (!/^\d+$/.test(value)) return fail('expected a number', evidence)
            return Number(value) === 2 ** (32 - Number(nodes.get('node2')?.range.split('/')[1])) - 2 ? pass(evidence) : fail(`it is not ${value}`, evidence)
          },
        },
      },
      alternatives: {
        'nobody watches, and all is asked again and again': having(PODS, ['node-net', 'exec 3< <(watch)', 'exec 3</dev/null']),
        'addresses from the end of the range': having(PODS, ['pods.jq', '| [range(1;', '| ([range(1;'], ['pods.jq', '| address] as $range', '| address] | reverse) as $range']),
      },
      mutants: {
        'a range known by heart': { refusedBy: addressed.claim, instead: having(PODS, ['pods.jq', '($self.spec.podCIDR | split("/"))', '(if $node == "node1" then ["10.244.1.0", "24"] else ["10.244.2.0", "24"] end)']) },
        'every range is a /24': { refusedBy: addressed.claim, instead: having(PODS, ['pods.jq', 'pow(2; 32 - ($prefix | tonumber)) - 1', '255'], ['pods.jq', '| address] as $range', '| address] as $all | ($all | .[130:] + .[:130]) as $range']) },
        'everybody gets the first one': { refusedBy: addressed.claim, instead: having(PODS, ['pods.jq', '.value + {address: $free[.key]}', '.value + {address: $free[0]}']) },
        'pods of all nodes made here': { refusedBy: addressed.claim, instead: having(PODS, ['pods.jq', 'and .spec.nodeName == $node ', '']) },
        'nobody is told': { refusedBy: addressed.claim, instead: having(PODS, ['10-pods', 'curl -sf', 'true -sf']) },
        'no way out of the pods': { refusedBy: ownPods.claim, instead: having(PODS, ['10-pods', 'route add default via 169.254.1.1\n', '']) },
        'a node is a host': { refusedBy: ownPods.claim, instead: having(PODS, ['10-pods', 'sysctl -qw net.ipv4.ip_forward=1\n', '']) },
        'dead, when a pod comes': {
          refusedBy: addressed.claim,
          after: async ({ node1 }) => bash(node1, `${DEAD}\ncluster apply <<<'${JSON.stringify(pod('shop/late', 'node1', { app: 'late' }))}'`),
        },
        'cut off from the API, when a pod comes': {
          refusedBy: addressed.claim,
          after: async ({ node2, api }) => {
            await node2`nft ${'add table ip cut; add chain ip cut out { type filter hook output priority 0; }; add rule ip cut out ip daddr 192.168.1.200 tcp dport 8001 drop'}`
            await bash(api, `cluster apply <<<'${JSON.stringify(pod('shop/late', 'node2', { app: 'late' }))}'`)
          },
        },
      },
    },
    routes: {
      checks: [across, toOthers, outside],
      hints: [
        'Which object says where the pods of node2 are, and by which address that node is reached?',
        failing => failing.includes(outside.claim) ? 'What goes to no pod has to leave by the node\'s address. Which ranges are pods\', of all nodes?' : 'On node1: `ip route get` for an address of node2\'s range. On node2: does it forward, `sysctl net.ipv4.ip_forward`?',
        'On both nodes: `cp /root/reference/{20-routes,30-rules,egress.nft.jq} /usr/local/lib/node-net/`, and `restart-node-net`',
      ],
      mutants: {
        'the routes of another cluster': { refusedBy: across.claim, instead: having(ROUTES, ['20-routes', 'range: .spec.podCIDR', 'range: "10.244.\\(.metadata.name[4:]).0/24"']) },
        'masqueraded between pods': { refusedBy: across.claim, instead: having(ROUTES, ['egress.nft.jq', ' ip daddr != @pods masquerade', ' masquerade']) },
        'only the own range is pods\'': { refusedBy: across.claim, instead: having(ROUTES, ['egress.nft.jq', '($nodes[] | "add element', '($nodes[] | select(.metadata.name == $node) | "add element']) },
        'no masquerade': { refusedBy: outside.claim, instead: having(['20-routes']) },
        'dead, and a route is lost': { refusedBy: toOthers.claim, after: ({ node1 }) => bash(node1, `${DEAD}\nip route del "$(cluster get nodes | jq -r 'select(.metadata.name == "node2").spec.podCIDR')"`) },
      },
    },
    services: {
      checks: [answered, byUdp, itself, byNodePort],
      hints: [
        'What do you know of lab 15: which objects say who answers, and what do rules make of them? `nft list table ip services`',
        failing => failing.includes(itself.claim) ? 'Who is led to itself sees its own address come from outside: masquerade what has the same source and destination.'
          : failing.includes(byNodePort.claim) ? 'A port of the node may lead to a pod of another. By whom has the answer to come back?'
            : 'Which hook does a packet of the node\'s own pass, and which one that is forwarded? And of which protocol is the port?',
        'On both nodes: `cp /root/reference/services.nft.jq /usr/local/lib/node-net/`, and `restart-node-net`',
      ],
      mutants: {
        'the node itself forgotten': { refusedBy: answered.claim, instead: having(SERVICES, ['services.nft.jq', ', ["own", "output"]', '']) },
        'every port is TCP': { refusedBy: byUdp.claim, instead: having(SERVICES, ['services.nft.jq', '(.protocol // "TCP" | ascii_downcase)', '"tcp"']) },
        'the port that was asked for': { refusedBy: answered.claim, instead: having(SERVICES, ['services.nft.jq', '.port) as $port |', '.port) as $target | $port.port as $port |'], ['services.nft.jq', '| .spec.ports[] |', '| .spec.ports[] | . as $port |']) },
        'led to itself, and left alone': { refusedBy: itself.claim, instead: having(SERVICES, ['services.nft.jq', 'ip saddr \\(.) ip daddr \\(.) masquerade', 'ip saddr \\(.) ip daddr \\(.) counter']) },
        'a port of the node without a way back': { refusedBy: byNodePort.claim, instead: having(SERVICES, ['services.nft.jq', 'ct status dnat ct original ip daddr != @vips masquerade', 'ct status dnat ct original ip daddr != @vips counter']) },
        'all that is translated is masqueraded': { refusedBy: answered.claim, instead: having(SERVICES, ['services.nft.jq', 'ct status dnat ct original ip daddr != @vips masquerade', 'ct status dnat masquerade']) },
      },
    },
    policies: {
      checks: [asSaid, answered, byUdp, itself, byNodePort],
      hints: [
        'A cell of the table is wrong. Is it about who asks, or about who is asked, and on which node are the rules for that pod?',
        'Policies only add: of all that choose a pod, one is enough. And who is named is named by labels of now: which addresses are those?',
        'On both nodes: `cp /root/reference/policies.nft.jq /usr/local/lib/node-net/`, and `restart-node-net`',
      ],
      alternatives: {
        'the real API server': { requires: ['etcd', 'kube-apiserver'], instead: async all => { await having(POLICIES)(all); await byRealApi(all) } },
      },
      mutants: {
        'the first policy decides': { refusedBy: asSaid.claim, instead: having(POLICIES, ['policies.nft.jq', '[$policies[] | select(.types | index($type))]', '[$policies[] | select(.types | index($type))] | unique_by(.own)']) },
        'answers are questions': { refusedBy: asSaid.claim, instead: having(POLICIES, ['policies.nft.jq', '  "add rule ip policies forward ct state established,related accept",\n', '']) },
        'labels of any namespace': { refusedBy: asSaid.claim, instead: having(POLICIES, ['policies.nft.jq', 'else $its == $home end', 'else true end']) },
        'ports by number alone': { refusedBy: asSaid.claim, instead: having(POLICIES, ['policies.nft.jq', '| select(. != []) | "ip daddr . \\($proto) dport \\(set)" end', '| select(. != []) | "\\($proto) dport 80" end']) },
        'egress accepted in passing': { refusedBy: asSaid.claim, instead: having(POLICIES, ['policies.nft.jq', '\\($port) return"', '\\($port) \\(if $type == "Egress" then "accept" else "return" end)"']) },
        'dead, and the rules gone': { refusedBy: asSaid.claim, after: ({ node2 }) => bash(node2, `${DEAD}\nnft delete table ip policies`) },
      },
    },
    resync: {
      checks: [kills, nodesLeave, partition, unseen, addressed, asSaid],
      solution: whole(),
      hints: [
        'Three lines are missing: one where objects are asked for, one where it is decided about pods, one where it is about routes. Which objects would you have to take away to see each?',
        failing => failing.includes(partition.claim) ? 'Let node1 not reach the API, and look at `nft list table ip services`. What does `jq -s` make of no input at all?'
          : failing.includes(nodesLeave.claim) ? 'The kernel has routes that the program made, known by `proto 27`, and the API has Nodes. What is in the one and not in the other?'
            : 'A namespace that belongs to no pod, and one that was half made: what is the same about them, as pods.jq sees it?',
        'In node-net: `select(length == $count) |` before `map(`. In pods.jq, before the lines for `add`: `($spaces - [$whole[].space] | .[] | "del \\(.) \\(cable)"),`. In 20-routes, before `($nodes[]`: `([$has[].dst] - [$nodes[].range] | .[] | "route del \\(.) proto 27"),`',
      ],
      alternatives: {
        'asked again and again, by a program that watches nothing': whole(['node-net', 'exec 3< <(watch)', 'exec 3</dev/null']),
        'who is kept out is told so': whole(['policies.nft.jq', 'policies \\($chain) drop', 'policies \\($chain) reject']),
      },
      mutants: {
        'no answer is an empty cluster': { refusedBy: partition.claim, instead: whole(['node-net', 'select(length == $count) |', '']) },
        'it ends when the API does': { refusedBy: partition.claim, instead: whole(['node-net', '  sleep 0.2\n', '  exit\n']) },
        'what is gone stays': { refusedBy: kills.claim, instead: whole(['pods.jq', '($spaces - [$whole[].space] | .[] | "del \\(.) \\(cable)"),', '']) },
        'an address is never given twice': { refusedBy: kills.claim, instead: whole(['pods.jq', '($range - [$whole[].has]) as $free', '($range - [$whole[].has] - $ever) as $free'], ['10-pods', '--arg spaces', '--argjson ever "$(touch /run/ever; jq -Rnc [inputs] /run/ever)" --arg spaces'], ['10-pods', '  ip netns add "$1"\n', '  echo "$3" >>/run/ever\n  ip netns add "$1"\n']) },
        'routes that nobody takes away': { refusedBy: nodesLeave.claim, instead: whole(['20-routes', '([$has[].dst] - [$nodes[].range] | .[] | "route del \\(.) proto 27"),', '']) },
        'routes that are there are right': { refusedBy: nodesLeave.claim, instead: whole(['20-routes', 'route replace \\(.range) via', 'route add \\(.range) via']) },
        'emptied, then made': { refusedBy: unseen.claim, instead: whole(['30-rules', 'done) && nft', 'done) && nft flush ruleset && nft']) },
        'one table after another': { refusedBy: unseen.claim, instead: whole(['30-rules', ' && nft -f - <<<"$rules"', ' && while read -r line; do nft "$line"; done <<<"$rules"']) },
        'policies of the beginning': { refusedBy: kills.claim, instead: whole(['30-rules', 'nft.jq; do\n', 'nft.jq; do\n  case $filter in */policies*) nft list table ip policies 2>/dev/null | grep -q jump && continue ;; esac\n']) },
        'once and never again': { refusedBy: kills.claim, instead: whole(['node-net', '  while read -r -u 3 event; do\n', '  while read -r -u 3 event; do continue\n']) },
      },
    },
  },
})
