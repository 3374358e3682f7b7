// 15 · ClusterIP by nftables: a program that makes a node's rules of Services and EndpointSlices, as often as they change.
import { readFileSync } from 'node:fs'
import { serviceAnswers, serviceLeavesOut, serviceOnlyAt, serviceRefuses, serviceShares, syncAddsNothing, syncAnswers, syncLosesNone, syncSticks, syncTakesAway, type Service } from 'hardway/checks'
import { controlPlane, kubeProxy } from 'hardway/cluster'
import { bash, defineLab, fail, pass, unknown, write, type Answer, type Deed } from 'hardway/lab'
import { BACKENDS, BEAT, LEAVING, RENDEZVOUS, servicePods } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'ext'

const red = { red: '10.244.1.4' }
const { b1, b2, b3 } = BACKENDS
const node1 = { node1: '192.168.1.11' }

const gradient: Service = { at: '10.96.0.42:29500', backends: BACKENDS, targetPort: RENDEZVOUS }
const beat: Service = { at: '10.96.0.43:514', protocol: 'udp', backends: { b3 }, targetPort: BEAT }
const notebook: Service = { at: '10.96.0.88:80', backends: { b1, b2 }, targetPort: RENDEZVOUS }

const everyone = serviceAnswers({ ...red, b1, b2, ...node1 }, gradient)
const shares = serviceShares(red, gradient)
const onlyThere = serviceOnlyAt(red, gradient)
const byUdp = serviceAnswers({ ...red, ...node1 }, beat)
const leftOut = serviceLeavesOut(red, beat, LEAVING)
const nobody = serviceRefuses({ ...red, ...node1 }, { at: '10.96.0.99:80' }, gradient)
const remembered = serviceAnswers(red, notebook)

const follows = syncAnswers('node1', 'endpoints')
const leavesOut = syncAnswers('node1', 'unready')
const refuses = syncAnswers('node1', 'nobody')
const refusesPort = syncAnswers('node1', 'unknown port')
const lastResort = syncAnswers('node1', 'terminating')
const losesNone = syncLosesNone('node1')
const addsNothing = syncAddsNothing('node1')
const takesAway = syncTakesAway('node1')
const stays = syncSticks('node1', 'stays')
const expires = syncSticks('node1', 'expires')
const outlives = syncSticks('node1', 'outlives')
const moves = syncSticks('node1', 'moves')

// The objects as the API has them, one a file; kube-proxy is given the same.
interface Port { readonly name?: string; readonly protocol?: 'TCP' | 'UDP'; readonly port: number; readonly targetPort: number | string }
type Conditions = readonly [ready: boolean, serving: boolean, terminating: boolean]

const service = (name: string, clusterIP: string, port: Port, more = {}) => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' },
  spec: { type: 'ClusterIP', clusterIP, ports: [{ protocol: 'TCP', ...port }], selector: { app: name }, sessionAffinity: 'None', ...more },
})
const slice = (name: string, suffix: string, port: number, protocol: 'TCP' | 'UDP', endpoints: readonly (readonly [address: string, node: string, conditions?: Conditions])[]) => ({
  apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice',
  metadata: { name: `${name}-${suffix}`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4', ports: [{ name: '', protocol, port }],
  endpoints: endpoints.map(([address, nodeName, [ready, serving, terminating] = [true, true, false]]) => ({ addresses: [address], conditions: { ready, serving, terminating }, nodeName })),
})
const OBJECTS = [
  service('gradient-service', '10.96.0.42', { port: 29_500, targetPort: RENDEZVOUS }),
  slice('gradient-service', '7xk2p', RENDEZVOUS, 'TCP', [[b1, 'node1'], [b2, 'node1']]),
  slice('gradient-service', 'q9f4d', RENDEZVOUS, 'TCP', [[b3, 'node2']]),
  service('beat', '10.96.0.43', { protocol: 'UDP', port: 514, targetPort: 'syslog' }),
  slice('beat', '4nq7z', BEAT, 'UDP', [[b3, 'node2'], [LEAVING.old, 'node3', [false, true, true]]]),
  service('notebook', '10.96.0.88', { port: 80, targetPort: RENDEZVOUS }, { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } }),
  slice('notebook', 'v8c3m', RENDEZVOUS, 'TCP', [[b1, 'node1'], [b2, 'node1']]),
  service('archive', '10.96.0.99', { port: 80, targetPort: 80 }),
  slice('archive', 'p5w2t', 80, 'TCP', []),
]

const onNode1 = (script: string): Deed<Name> => ({ node1 }) => bash(node1, script)
const nft = (...lines: readonly string[]): string => `nft -f - <<'END'\n${lines.join('\n')}\nEND`

// By hand. What is given replaces a part of what the lesson prints.
interface Table { readonly element?: string; readonly gradient?: readonly string[]; readonly choose?: readonly string[]; readonly arriving?: string; readonly own?: string; readonly leaving?: string; readonly more?: readonly string[] }
const all = `0 : ${b1} . 29400, 1 : ${b2} . 29400, 2 : ${b3} . 29400`
const table = ({
  element = '10.96.0.42 . tcp . 29500 : goto gradient', gradient = [`meta l4proto tcp dnat to numgen random mod 3 map { ${all} }`],
  choose = ['ip daddr . meta l4proto . th dport vmap @ports', 'ip daddr 10.96.0.42 reject'],
  arriving = 'type nat hook prerouting priority dstnat', own = 'type nat hook output priority dstnat',
  leaving = `ip saddr . ip daddr { ${[b1, b2, b3].map(one => `${one} . ${one}`).join(', ')} } masquerade`, more = [],
}: Table): Deed<Name> => onNode1(nft(
  'table ip services {', ...more,
  'map ports { type ipv4_addr . inet_proto . inet_service : verdict', `elements = { ${element} }`, '}',
  'chain gradient {', ...gradient, '}', 'chain choose {', ...choose, '}',
  ...arriving === '' ? [] : ['chain arriving {', arriving, 'goto choose', '}'],
  ...own === '' ? [] : ['chain own {', own, 'goto choose', '}'],
  'chain leaving {', 'type nat hook postrouting priority srcnat', leaving, '}', '}'))

const iptables = (chances: readonly string[]) => onNode1([
  'iptables -t nat -N SVC',
  ...[b1, b2, b3].map((address, index) => `iptables -t nat -A SVC -p tcp ${chances[index] ?? ''} -j DNAT --to-destination ${address}:29400`),
  ...['PREROUTING', 'OUTPUT'].map(hook => `iptables -t nat -A ${hook} -d 10.96.0.42 -p tcp --dport 29500 -j SVC`),
  ...[b1, b2, b3].map(address => `iptables -t nat -A POSTROUTING -s ${address} -d ${address} -j MASQUERADE`),
].join('\n'))
const chance = (probability: number): string => `-m statistic --mode random --probability ${probability}`

const byKubeProxy = (mode: 'iptables' | 'nftables'): Deed<Name> => async ({ node1, ext }) => {
  await controlPlane(ext, { objects: OBJECTS.map(object => JSON.stringify(object)).join('\n---\n') })
  await kubeProxy({ node1 }, { api: ext, mode })
}

// The program. A mutant changes a few words of it; a change that finds nothing to change is no mutant.
const LESSON = readFileSync(new URL('lesson.md', import.meta.url), 'utf8')
const [SYNC, FILTER, UNUSED] = ['/usr/local/bin/sync-services', '/usr/local/lib/services.jq', '/usr/local/lib/unused.jq']
const EDIT = String.raw`BEGIN { ($from, $to) = splice @ARGV, 0, 2 } $done = s/\Q$from\E/$to/; END { $? = 1 unless $done }`
const edit = (file: string, ...changes: readonly (readonly [from: string, to: string])[]): Deed<Name> => async ({ node1 }) => {
  for (const [from, to] of changes) await node1`perl -0777 -i -pe ${EDIT} ${from} ${to} ${file}`
  // Some no longer run to their end: that is for the claims to say.
  await node1`${SYNC} || true`
}
/** What a step prints, with a few words changed. */
const wrong = (step: string, file: string, ...changes: readonly (readonly [from: string, to: string])[]): Deed<Name> => async nodes => {
  const printed = LESSON.split(`{#${step}}`)[1]?.split('\n## ')[0]?.matchAll(/^```file node1:(\S+)\n(.*?)^```$/gms) ?? []
  await bash(nodes.node1, [...printed].map(([, path = '', text = '']) => write(path, text)).concat(`chmod +x ${SYNC}`).join('\n'))
  await edit(file, ...changes)(nodes)
}
const program = (text: string): Deed<Name> => onNode1(`${write(SYNC, `#!/bin/bash\n${text}`, '755')}\n${SYNC} || true`)
const COMPILE = `cat /srv/api/*.json | jq -rsf ${FILTER}`
const TRANSACTION = `{ echo add table ip services; echo delete table ip services; ${COMPILE}; } | nft -f -`

const READY = 'def usable: map(select(.conditions.ready != false));'
const OWN_SLICES = '[ $slices[] | select(.metadata.namespace == $namespace and .metadata.labels["kubernetes.io/service-name"] == $name) ] as $own'
const PORT_OF_SLICE = '(.ports[]? | select((.name // "") == $port) | .port) as $target'
const ASK_MAP = '"add rule ip services choose ip daddr . meta l4proto . th dport vmap @ports",'
const ASK_VIPS = '"add rule ip services choose ip daddr @vips reject",'
const ASK_STICKY = String.raw`"add rule ip services \($chain) ip saddr @\($set) goto \($one)",`
const REMEMBER = String.raw`"add rule ip services \($one) update @\($set) { ip saddr }" ),`

// The same by other means: two tables of iptables, each a transaction.
const BY_IPTABLES = String.raw`def usable: map(select(.conditions.ready != false));
map(select(.kind == "EndpointSlice" and .addressType == "IPv4")) as $slices
| [ .[] | select(.kind == "Service" and (.spec.clusterIP // "None") != "None") | .metadata as { $namespace, $name } | .spec as $spec
    | $spec.ports[] | (.name // "") as $port
    | { vip: $spec.clusterIP, port, protocol: (.protocol // "TCP" | ascii_downcase), seconds: $spec.sessionAffinityConfig.clientIP.timeoutSeconds,
        endpoints: ([ $slices[] | select(.metadata.namespace == $namespace and .metadata.labels["kubernetes.io/service-name"] == $name)
          | (.ports[]? | select((.name // "") == $port) | .port) as $target | .endpoints[]? + { $target } ] | usable | map({ address: .addresses[0], target }) | unique) } ]
| to_entries | map(.value + { chain: "SVC-\(.key)" })
| "*filter", ":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT", ( map(.vip) | unique[] | "-A FORWARD -d \(.) -j REJECT", "-A OUTPUT -d \(.) -j REJECT" ), "COMMIT",
  "*nat", ":PREROUTING ACCEPT", ":INPUT ACCEPT", ":OUTPUT ACCEPT", ":POSTROUTING ACCEPT",
  ( .[] | . as $service | (.endpoints | length) as $count
    | ":\(.chain) -", ( .endpoints | keys[] | ":\($service.chain)-\(.) -" ),
      ( "PREROUTING", "OUTPUT" | "-A \(.) -d \($service.vip) -p \($service.protocol) --dport \($service.port) -j \($service.chain)" ),
      ( select(.seconds) | .endpoints | to_entries[]
        | "-A \($service.chain) -m recent --name \($service.vip)-\($service.port)-\(.value.address) --rcheck --seconds \($service.seconds) --reap -j \($service.chain)-\(.key)" ),
      ( .endpoints | to_entries[]
        | "-A \($service.chain) " + (if .key + 1 < $count then "-m statistic --mode random --probability \(1 / ($count - .key) * 1e8 | round / 1e8) " else "" end) + "-j \($service.chain)-\(.key)",
          ( select($service.seconds) | "-A \($service.chain)-\(.key) -m recent --name \($service.vip)-\($service.port)-\(.value.address) --set" ),
          "-A \($service.chain)-\(.key) -p \($service.protocol) -j DNAT --to-destination \(.value.address):\(.value.target)",
          "-A POSTROUTING -s \(.value.address) -d \(.value.address) -j MASQUERADE" ) ),
  "COMMIT"`
const byIptables: Deed<Name> = onNode1([
  'nft delete table ip services 2>/dev/null || true', write(FILTER, BY_IPTABLES),
  write(SYNC, `#!/bin/bash\nset -o pipefail\n${COMPILE} | iptables-restore`, '755'), SYNC,
].join('\n'))

/** The last step's, in the place that it belongs to. */
const usable = (definition: string): Deed<Name> => edit(FILTER, [READY, definition])
const SERVING = 'map(select(.conditions.serving and .conditions.terminating))'

const answerIs = (right: string, wrong: Answer['wrong']): Answer => ({
  right: () => Promise.resolve(right), wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('node1')
    if (node === undefined) return unknown('node1 shows no network namespace')
    return value === right ? pass(node.evidence) : fail(`it is not ${value}`, node.evidence)
  },
})

export default defineLab<Name>({
  setup: async nodes => {
    await servicePods(nodes, { bridgedFramesToo: true, defaultRoute: true })
    // As lab 14 left it.
    await bash(nodes.node1, ['for pod in b1 b2; do bridge link set dev veth-$pod hairpin on; done',
      ...OBJECTS.map(object => write(`/srv/api/${object.kind.toLowerCase()}-${object.metadata.name}.json`, JSON.stringify(object)))].join('\n'))
  },
  steps: {
    map: {
      checks: [everyone, shares, onlyThere],
      hints: [
        'What is the key of the map, and what does red\'s packet have in each of these three places? `nft list table ip services` on node1.',
        failing => failing.includes(everyone.claim)
          ? 'Who of the four is not answered? What a pod sends comes in, what the node sends goes out, and a pod that is led to itself needs another source address: three hooks.'
          : failing.includes(shares.claim)
            ? 'Each number from 0 to 2 is as likely as the others. Does each of them have an entry, and does the number depend on anything but chance?'
            : 'A port is asked for that the Service does not have. Which rule led that packet to a pod?',
        'On node1: `nft delete table ip services`, if there is one, and the `nft -f -` of this section',
      ],
      alternatives: {
        'a verdict for each number': table({
          gradient: ['numgen random mod 3 vmap { 0 : goto one, 1 : goto two, 2 : goto three }', '}', 'chain one {', `meta l4proto tcp dnat to ${b1}:29400`, '}', 'chain two {', `meta l4proto tcp dnat to ${b2}:29400`, '}', 'chain three {', `meta l4proto tcp dnat to ${b3}:29400`],
        }),
        'in turns': table({ gradient: [`meta l4proto tcp dnat to numgen inc mod 3 map { ${all} }`] }),
        'a hash of address and port': table({ gradient: [`meta l4proto tcp dnat to jhash ip saddr . tcp sport mod 3 map { ${all} }`] }),
        'a rule, and no map': table({ choose: ['ip daddr 10.96.0.42 tcp dport 29500 goto gradient', 'ip daddr 10.96.0.42 tcp dport != 29500 reject with tcp reset'] }),
        'what is unknown is not refused': table({ choose: ['ip daddr . meta l4proto . th dport vmap @ports'] }),
        'one map for the endpoints of all Services': table({
          more: ['map endpoints { typeof numgen random mod 3 . ip daddr . th dport : ip daddr . th dport', `elements = { ${[b1, b2, b3].map((address, index) => `${index} . 10.96.0.42 . 29500 : ${address} . 29400`).join(', ')} }`, '}'],
          gradient: ['meta l4proto tcp dnat ip to numgen random mod 3 . ip daddr . th dport map @endpoints'],
        }),
        'iptables, as in lab 14': { requires: ['iptables-nft', 'xt-statistic'], instead: iptables([chance(0.333_333_33), chance(0.5)]) },
        'kube-proxy in nftables mode': { requires: ['kube-proxy', 'etcd', 'kube-apiserver'], instead: byKubeProxy('nftables') },
        'kube-proxy in iptables mode': { requires: ['kube-proxy', 'etcd', 'kube-apiserver', 'iptables-nft', 'xt-statistic', 'xt-comment'], instead: byKubeProxy('iptables') },
      },
      mutants: {
        'for pods alone': { refusedBy: everyone.claim, instead: table({ own: '' }) },
        'for the node alone': { refusedBy: everyone.claim, instead: table({ arriving: '' }) },
        'the port of the Service for that of the pods': { refusedBy: everyone.claim, instead: table({ gradient: [`dnat to numgen random mod 3 map { 0 : ${b1}, 1 : ${b2}, 2 : ${b3} }`] }) },
        'nobody is led to itself': { refusedBy: everyone.claim, instead: table({ leaving: 'counter' }) },
        'everybody in the name of the node': { refusedBy: everyone.claim, instead: table({ leaving: 'ct status dnat masquerade' }) },
        'a number that nobody has': { refusedBy: everyone.claim, instead: table({ gradient: [`meta l4proto tcp dnat to numgen random mod 4 map { ${all} }`] }) },
        'a third, and a third of the rest': { refusedBy: shares.claim, instead: iptables([chance(0.333_333_33), chance(0.333_333_33)]) },
        'two of three': { refusedBy: shares.claim, instead: table({ gradient: [`meta l4proto tcp dnat to numgen random mod 2 map { ${all} }`] }) },
        'a hash of the address alone': { refusedBy: shares.claim, instead: table({ gradient: [`meta l4proto tcp dnat to jhash ip saddr mod 3 map { ${all} }`] }) },
        'each port of the address': { refusedBy: onlyThere.claim, instead: table({ choose: ['ip daddr 10.96.0.42 goto gradient'] }) },
        'a program that passes on what it reads': {
          refusedBy: everyone.claim,
          instead: onNode1(`ip addr add 10.96.0.42/32 dev lo\nsetsid socat TCP-LISTEN:29500,bind=10.96.0.42,fork,reuseaddr TCP:${b1}:29400 </dev/null >/dev/null 2>&1 &\nfor try in $(seq 200); do [ -n "$(ss -Htln sport = :29500)" ] && break; sleep 0.02; done`),
        },
        // At another priority it would see what the first has translated.
        'refused before it is translated': { refusedBy: everyone.claim, after: onNode1(nft('table ip careful {', 'chain early {', 'type filter hook prerouting priority raw', 'ip daddr 10.96.0.0/12 reject', '}', '}')) },
        'a port that sends nothing back': { refusedBy: everyone.claim, after: onNode1('bridge link set dev veth-b1 hairpin off') },
        'an entry of the map that is lost': { refusedBy: everyone.claim, after: onNode1('nft flush map ip services ports') },
      },
    },
    compile: {
      checks: [everyone, byUdp, leftOut, nobody, follows, leavesOut, refuses, refusesPort],
      hints: [
        'What comes out of the first half? `cat /srv/api/*.json | jq -rsf /usr/local/lib/services.jq | nft -c -f -` tries the lines and does nothing; without nft you see them.',
        failing => failing.includes(follows.claim)
          ? 'A claim that failed says which port, and what its slices have. Service and slice belong together by namespace and label, and the ports of both by their name.'
          : failing.includes(leavesOut.claim) || failing.includes(leftOut.claim)
            ? 'Somebody gets connections who is not ready. What does `ready` say of them, and what if it says nothing?'
            : failing.includes(refusesPort.claim)
              ? 'What is not in the map goes on to the next rule. Does that one know all addresses of Services?'
              : failing.includes(refuses.claim) || failing.includes(nobody.claim)
                ? 'A Service without endpoints: is it in the map, and what does its chain do? `drop` lets people wait.'
                : 'With objects of the checks\' it works. Have you run it with those in /srv/api since?',
        'On node1: write the two files of this section, `chmod +x /usr/local/bin/sync-services`, and run it',
      ],
      answers: { 'target-port': answerIs('5140', ['514', '29400', '29500', '80']) },
      alternatives: {
        'a program that speaks iptables': { requires: ['iptables-nft', 'xt-statistic', 'xt-recent'], instead: byIptables },
      },
      mutants: {
        'a program that knows one Service': { refusedBy: follows.claim, instead: program(nft('add table ip services', 'delete table ip services', 'table ip services {', 'chain a {', 'type nat hook prerouting priority dstnat', `ip daddr 10.96.0.42 tcp dport 29500 dnat to numgen random mod 3 map { ${all} }`, '}', '}')) },
        'ready only where it is said': { refusedBy: follows.claim, instead: wrong('compile', FILTER, ['!= false', '== true']) },
        'everybody is ready': { refusedBy: leavesOut.claim, after: edit(FILTER, [READY, 'def usable: .;']) },
        'whoever serves': { refusedBy: leftOut.claim, instead: wrong('compile', FILTER, [READY, 'def usable: map(select(.conditions.ready != false or .conditions.serving));']) },
        'the first slice': { refusedBy: follows.claim, instead: wrong('compile', FILTER, [OWN_SLICES, OWN_SLICES.replace('] as', '][:1] as')]) },
        'a namesake in another namespace': { refusedBy: follows.claim, instead: wrong('compile', FILTER, ['.metadata.namespace == $namespace and ', '']) },
        'by the name that a slice begins with': { refusedBy: follows.claim, instead: wrong('compile', FILTER, ['.metadata.labels["kubernetes.io/service-name"] == $name', '(.metadata.name | startswith($name))']) },
        'the first port of a slice': { refusedBy: follows.claim, instead: wrong('compile', FILTER, [PORT_OF_SLICE, '.ports[0].port as $target']) },
        'by the number that the Service names': { refusedBy: follows.claim, instead: wrong('compile', FILTER, ['endpoints: endpoints($own; .name // "")', 'endpoints: (.targetPort as $target | endpoints($own; .name // "") | map(.target = $target))']) },
        'a port without a name is nobody\'s': { refusedBy: follows.claim, instead: wrong('compile', FILTER, ['endpoints($own; .name // "")', 'endpoints($own; .name)']) },
        'those without an address too': { refusedBy: follows.claim, instead: wrong('compile', FILTER, [' and (.spec.clusterIP // "None") != "None"', '']) },
        'addresses of either version': { refusedBy: follows.claim, instead: wrong('compile', FILTER, [' and .addressType == "IPv4"', '']) },
        'an interface by its name': { refusedBy: follows.claim, instead: wrong('compile', FILTER, ['arriving goto choose', 'arriving iifname cni0 goto choose']) },
        'it says that it failed': { refusedBy: follows.claim, after: onNode1(`echo exit 1 >>${SYNC}`) },
        'it keeps its files elsewhere': { refusedBy: follows.claim, instead: program(`set -e\n${COMPILE} >/srv/rules\n(echo delete table ip services; cat /srv/rules) | nft -f -`) },
        'a Service that nobody answers for is left out': { refusedBy: refuses.claim, instead: wrong('compile', FILTER, [String.raw`\(.protocol)/\(.port)" ]`, String.raw`\(.protocol)/\(.port)" | select(.endpoints != []) ]`]) },
        'a Service that nobody answers for is silent': { refusedBy: refuses.claim, instead: wrong('compile', FILTER, [String.raw`\(.chain) reject"`, String.raw`\(.chain) drop"`]) },
        'what is unknown goes its way': { refusedBy: refusesPort.claim, instead: wrong('compile', FILTER, [ASK_VIPS, '']) },
        'refused first, asked later': { refusedBy: follows.claim, instead: wrong('compile', FILTER, [`${ASK_MAP}\n  ${ASK_VIPS}`, `${ASK_VIPS}\n  ${ASK_MAP}`]) },
        'the node itself forgotten': { refusedBy: byUdp.claim, instead: wrong('compile', FILTER, ['"add rule ip services own goto choose",', '']) },
      },
    },
    replace: {
      checks: [losesNone, addsNothing, takesAway, follows, everyone],
      hints: [
        'What is in force between the first command of your program and its last?',
        failing => failing.includes(losesNone.claim)
          ? 'One `nft -f` is one transaction. Do the deletion and what is new go into the same one?'
          : failing.includes(takesAway.claim)
            ? 'A claim that failed says what is left, or what is missing. Who deletes what was there for an object that is gone, and does it delete only what is yours?'
            : 'Run it twice and look at `nft list table ip services`: what is there twice?',
        'On node1: in `/usr/local/bin/sync-services`, `{ echo add table ip services; echo delete table ip services; cat /srv/api/*.json | jq -rsf /usr/local/lib/services.jq; } | nft -f -`',
      ],
      alternatives: {
        'all of it in the filter': async nodes => {
          await edit(FILTER, ['| "add table ip services",', '| "add table ip services", "delete table ip services", "add table ip services",'])(nodes)
          await program(`${COMPILE} | nft -f -`)(nodes)
        },
        'a new table beside the old one, which goes afterwards': onNode1(`${write(SYNC, `#!/bin/bash
old=$(nft list tables ip | sed -n 's/^table ip \\(services.*\\)/\\1/p')
new=services$(date +%s%N)
${COMPILE} | sed "s/ ip services / ip $new /; s/ ip services$/ ip $new/" | nft -f - || exit
for one in $old; do [ "$one" = "$new" ] || nft delete table ip "$one"; done`)}\n${SYNC}`),
        'a program that speaks iptables, still': { requires: ['iptables-nft', 'xt-statistic', 'xt-recent'], instead: byIptables },
      },
      mutants: {
        'deleted first, then made': { refusedBy: losesNone.claim, instead: async () => {} },
        'emptied first, then made': { refusedBy: losesNone.claim, instead: program(`nft 'add table ip services; flush table ip services'\n${TRANSACTION}`) },
        'what is open is forgotten': { refusedBy: losesNone.claim, instead: program(`${TRANSACTION}\nconntrack -F 2>/dev/null || true`) },
        'nothing is passed on meanwhile': { refusedBy: losesNone.claim, instead: program(`nft 'add table ip pause; add chain ip pause forward { type filter hook forward priority -10; policy drop; }'\n${TRANSACTION}\nnft delete table ip pause`) },
        'nothing is deleted': { refusedBy: addsNothing.claim, instead: program(`${COMPILE} | nft -f -`) },
        'a table for each run': { refusedBy: addsNothing.claim, instead: program(`${COMPILE} | sed "s/ ip services / ip services-$$ /; s/ ip services$/ ip services-$$/" | nft -f -`) },
        'the rules flushed, and the map kept': { refusedBy: takesAway.claim, instead: program(`{ echo add table ip services; echo flush table ip services; ${COMPILE}; } | nft -f -`) },
        'the tables of everybody': { refusedBy: takesAway.claim, instead: program(`{ echo flush ruleset; ${COMPILE}; } | nft -f -`) },
        'objects that it knew before': { refusedBy: takesAway.claim, instead: program(`mkdir -p /tmp/known; cp /srv/api/*.json /tmp/known\n{ echo add table ip services; echo delete table ip services; cat /tmp/known/*.json | jq -s 'unique_by(.kind, .metadata)[]' | jq -rsf ${FILTER}; } | nft -f -`) },
        'once and never again': { refusedBy: takesAway.claim, instead: program(`[ -e /tmp/synced ] && exit 0\n${TRANSACTION}\ntouch /tmp/synced`) },
      },
    },
    affinity: {
      checks: [stays, expires, outlives, moves, addsNothing, takesAway, follows, remembered],
      hints: [
        'Where is it written down to whom a client was led, for how long, and who reads it before a number is drawn?',
        failing => failing.includes(stays.claim)
          ? 'A new connection of a known client: which rule sees it first? And has anybody put the client into a set? `nft list table ip services` shows who is in it.'
          : failing.includes(outlives.claim)
            ? 'The memory is in sets, and sets are in a table. What does your transaction do with the table?'
            : failing.includes(expires.claim)
              ? 'How long an address stays in a set is the set\'s `timeout`, and each Service has its own `timeoutSeconds`.'
              : failing.includes(moves.claim)
                ? 'An endpoint is gone, and its clients are still led there, or nowhere. Which rule reads what was written for it?'
                : 'Objects are gone and something of them is left: which chains have no rules, and which sets does nobody ask?',
        'On node1: write the three files of this section, and run `sync-services`',
      ],
      answers: { remembered: answerIs('2', ['1', '3', '6', '10800']) },
      alternatives: {
        'iptables-restore, and the module recent': { requires: ['iptables-nft', 'xt-statistic', 'xt-recent'], instead: byIptables },
      },
      mutants: {
        'as it was': { refusedBy: stays.claim, instead: async () => {} },
        'a hash of the address, and no memory': {
          refusedBy: expires.claim,
          instead: wrong('affinity', FILTER, [ASK_STICKY, ''], [REMEMBER, 'empty ),'], [String.raw`numgen random mod \(.endpoints | length) vmap`, String.raw`\(if $seconds then "jhash ip saddr mod \(.endpoints | length) seed 7" else "numgen random mod \(.endpoints | length)" end) vmap`]),
        },
        'the table is deleted, and all memory with it': { refusedBy: outlives.claim, instead: wrong('affinity', FILTER, ['"flush table ip services",', '"delete table ip services", "add table ip services",']) },
        'the sets are flushed with the rest': { refusedBy: outlives.claim, instead: wrong('affinity', FILTER, [String.raw`timeout \($seconds)s; }",`, String.raw`timeout \($seconds)s; }", "flush set ip services \($set)",`]) },
        'a connection is remembered, not a client': {
          refusedBy: stays.claim,
          instead: wrong('affinity', FILTER, [String.raw`\($set) { type ipv4_addr; flags`, String.raw`\($set) { type ipv4_addr . inet_service; flags`], ['ip saddr @', 'ip saddr . th sport @'], ['{ ip saddr }', '{ ip saddr . th sport }']),
        },
        'one memory for all endpoints': { refusedBy: stays.claim, instead: wrong('affinity', FILTER, [String.raw`"stick/\($seconds)/\($one)" as $set`, String.raw`"stick/\($seconds)/\($chain)" as $set`]) },
        'nobody is written down': { refusedBy: stays.claim, instead: wrong('affinity', FILTER, [REMEMBER, 'empty ),']) },
        'everybody is kept': { refusedBy: stays.claim, instead: wrong('affinity', FILTER, ['$affinity.clientIP.timeoutSeconds', '($affinity.clientIP.timeoutSeconds // 10800)']) },
        'three hours for all': { refusedBy: expires.claim, instead: wrong('affinity', FILTER, [String.raw`timeout \($seconds)s;`, 'timeout 3h;']) },
        'a second for all': { refusedBy: expires.claim, instead: wrong('affinity', FILTER, [String.raw`timeout \($seconds)s;`, 'timeout 1s;']) },
        // One map from client to endpoint: nobody takes out of it those who were led to an endpoint that is gone.
        'a map that remembers who was led where': {
          refusedBy: moves.claim,
          instead: wrong('affinity', FILTER,
            [String.raw`"add set ip services \($set) { type ipv4_addr; flags dynamic, timeout; timeout \($seconds)s; }",`, ''], [ASK_STICKY, ''],
            [REMEMBER, String.raw`"add rule ip services \($one) update @led/\($chain) { ip saddr : \(.address) . \(.target) }" ),`],
            [String.raw`| "add chain ip services \($chain)",`, String.raw`| "add chain ip services \($chain)", ( select($seconds) | "add map ip services led/\($chain) { type ipv4_addr : ipv4_addr . inet_service; flags dynamic, timeout; timeout \($seconds)s; }", "add rule ip services \($chain) meta l4proto \($protocol) dnat to ip saddr map @led/\($chain)" ),`]),
        },
        'chains that nobody takes away': { refusedBy: takesAway.claim, instead: wrong('affinity', UNUSED, ['select(.hook == null and', 'select(false and']) },
        'sets that nobody takes away': { refusedBy: takesAway.claim, instead: wrong('affinity', UNUSED, ['select("@', 'select(false) | select("@']) },
        'the map is not flushed': { refusedBy: takesAway.claim, after: edit(FILTER, [', "flush map ip services ports"', '']) },
      },
    },
    terminating: {
      checks: [lastResort, leavesOut, refuses, follows, byUdp],
      solution: usable(`def usable: map(select(.conditions.ready != false)) as $ready | if $ready != [] then $ready else ${SERVING} end;`),
      hints: [
        'Which line of your program decides who gets new connections? What does it know of the others at that point?',
        failing => failing.includes(refuses.claim) || failing.includes(leavesOut.claim)
          ? 'One who is only waking is not ready either, and is not terminating. Both conditions have to hold.'
          : 'The claim says which Service is wrong. Has one of its endpoints, in whichever slice, `ready`? Then only those count. If not: who is `terminating` and `serving`?',
        'In `/usr/local/lib/services.jq`: `def usable: map(select(.conditions.ready != false)) as $ready | if $ready != [] then $ready else map(select(.conditions.serving and .conditions.terminating)) end;`, and `sync-services`',
      ],
      alternatives: {
        'the first list that is not empty': usable(`def usable: [map(select(.conditions.ready != false)), ${SERVING}] | map(select(. != [])) | first // [];`),
      },
      mutants: {
        'whoever is terminating gets nothing': { refusedBy: lastResort.claim, instead: async () => {} },
        'whoever serves, beside those that are ready': { refusedBy: lastResort.claim, instead: usable('def usable: map(select(.conditions.ready != false or (.conditions.serving and .conditions.terminating)));') },
        'whoever is terminating, serving or not': { refusedBy: lastResort.claim, instead: usable('def usable: map(select(.conditions.ready != false)) as $ready | if $ready != [] then $ready else map(select(.conditions.terminating)) end;') },
        'anybody, where nobody is ready': { refusedBy: refuses.claim, instead: usable('def usable: map(select(.conditions.ready != false)) as $ready | if $ready != [] then $ready else . end;') },
        'slice by slice': {
          refusedBy: lastResort.claim,
          instead: edit(FILTER, [READY, `def usable: map(select(.conditions.ready != false)) as $ready | if $ready != [] then $ready else ${SERVING} end;`],
            [`[ $slices[] | ${PORT_OF_SLICE} | .endpoints[]? + { $target } ]\n  | usable |`, `[ $slices[] | ${PORT_OF_SLICE} | [ .endpoints[]? + { $target } ] | usable[] ]\n  |`]),
        },
        'the last resort first': { refusedBy: lastResort.claim, instead: usable(`def usable: ${SERVING} as $last | if $last != [] then $last else map(select(.conditions.ready != false)) end;`) },
      },
    },
  },
})
