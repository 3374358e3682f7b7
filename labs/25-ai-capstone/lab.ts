// 25 · A cluster that trains: two tenants, nine interfaces a pod, a rendezvous by name, gradients on the rails, and nobody in anybody's way.
import { readFileSync } from 'node:fs'
import { answersEverywhere, apartOnRails, carriesJob, connectedTo, findsName, jobMoves, policyHolds, serviceAnswers, serviceOnlyAt } from 'hardway/checks'
import { bash, CouldNotLook, defineLab, fail, pass, type Answer, type Bench, type Check, type Deed, type Evidence, type Nodes } from 'hardway/lab'
import { objectsOf } from 'hardway/kubernetes'
import { joinRails, onRail, podsOnRoutes, RAILS, translated } from 'hardway/networks'

type Name = 'node1' | 'node2'
type All = Nodes<Name>
type Node = All[Name]

const TRAIN = readFileSync(new URL('files/train', import.meta.url), 'utf8')
const NAMES = '10.96.0.10'
const DNS = '10.244.2.10'
/** Two pods each, rank 0 on node1; the address of the Service of rank 0, and the third number of their addresses on the rails. */
const teams = {
  'team-a': { vip: '10.96.1.10', group: 1, pods: { a0: '10.244.1.2', a1: '10.244.2.2' } },
  'team-b': { vip: '10.96.1.20', group: 2, pods: { b0: '10.244.1.3', b1: '10.244.2.3' } },
} as const
const HOST = { a0: 10, a1: 20, b0: 10, b1: 20 } as const
type Pod = keyof typeof HOST

const metadata = (namespace: string, name: string) => ({ name, namespace })
const list = (...items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
const services = list(...Object.entries(teams).map(([namespace, { vip }]) =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: metadata(namespace, 'trainer'), spec: { clusterIP: vip, selector: { rank: '0' }, ports: [{ port: 29500 }] } })))
const isolated = list(
  ...['team-a', 'team-b', 'kube-system'].map(name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } })),
  ...Object.entries({ 'team-a': teams['team-a'].pods, 'team-b': teams['team-b'].pods, 'kube-system': { dns: DNS } }).flatMap(([namespace, pods]) => Object.entries(pods).map(([name, address]) => ({
    apiVersion: 'v1', kind: 'Pod', metadata: metadata(namespace, name), spec: { nodeName: `node${address.split('.')[2]}`, containers: [{ name: 'main', image: name }] },
    status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
  }))),
  ...Object.keys(teams).map(namespace => ({
    apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: metadata(namespace, 'own-team'),
    spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }] }] },
  })),
)

const { 'team-a': { pods: { a0, a1 } }, 'team-b': { pods: { b0, b1 } } } = teams
const finds = (pod: Readonly<Record<string, string>>, namespace: keyof typeof teams) => findsName(pod, 'trainer', { server: NAMES, namespace, objects: services })
/** From the other node too. */
const [findsA, findsB, findsA0] = [finds({ a1 }, 'team-a'), finds({ b1 }, 'team-b'), finds({ a0 }, 'team-a')]
const learns = answersEverywhere({ a0, a1 }, NAMES, 'trainer.team-a', services)
const trainer = ({ vip }: { readonly vip: string }, backends: Readonly<Record<string, string>>) => ({ at: `${vip}:29500`, backends, targetPort: 29500 })
const [trainerA, trainerB] = [trainer(teams['team-a'], { a0 }), trainer(teams['team-b'], { b0 })]
const [meetsA, meetsB] = [serviceAnswers({ a1 }, trainerA), serviceAnswers({ b1 }, trainerB)]
const [onlyA, onlyB] = [serviceOnlyAt({ a1 }, trainerA), serviceOnlyAt({ b1 }, trainerB)]
const [metA, metB] = [connectedTo({ a1 }, `${teams['team-a'].vip}:29500`), connectedTo({ b1 }, `${teams['team-b'].vip}:29500`)]
const job = (name: keyof typeof teams) => ({ name, port: 29501, pods: teams[name].pods })
const [movesA, movesB] = [jobMoves(job('team-a')), jobMoves(job('team-b'))]
const nets = RAILS.map(rail => `net${rail + 1}`)
const by = Object.fromEntries(RAILS.map(rail => [`net${rail + 1}`, `rail${rail}`]))
const [railsA, railsB] = [carriesJob(job('team-a'), { by }), carriesJob(job('team-b'), { by })]
const sevenNets = nets.filter(net => net !== 'net6')
const policy = policyHolds(objectsOf(isolated), { ports: ['29500', '8080'] })
const apart = apartOnRails(RAILS.map(rail => `rail${rail}`), Object.fromEntries(Object.entries(teams).map(([name, { pods, group }]) =>
  [name, Object.fromEntries(Object.keys(pods).map(pod => [pod, RAILS.map(rail => onRail(rail, pod.endsWith('0') ? HOST.a0 : HOST.a1, group))]))])))

const dark: Check = {
  claim: 'rail 5 is dark: node2\'s end of it is down',
  look: async bench => {
    const own = (await bench.namespaces('node2')).find(namespace => namespace.own)
    const link = own?.links.find(({ name }) => name === 'rail5')
    if (own === undefined) throw new CouldNotLook('node2 shows no namespace of its own')
    return link?.up === true ? fail('rail5 of node2 is up', own.evidence) : pass(own.evidence)
  },
}

/** One of those that are so at present; `none` says why there may be no such thing. */
function answerOf(find: (bench: Bench) => Promise<{ readonly all: readonly string[]; readonly evidence: Evidence }>, kind: string, none: string, wrong: Answer['wrong']): Answer {
  return {
    right: async bench => (await find(bench)).all[0] ?? '',
    async grade(bench, given) {
      const { all, evidence } = await find(bench)
      if (all.length === 0) return fail(none, evidence)
      return all.includes(given.trim()) ? pass(evidence) : fail(`${given.trim()} it is not; ${kind} is asked for`, evidence)
    },
    wrong,
  }
}

const sentTo = answerOf(async bench => {
  const evidence = await bench.place('node2/a1').exec(['ss', '-Htn', 'state', 'established', 'dport', '=', ':29501'])
  if (evidence.exitCode !== 0) throw new CouldNotLook('a1 does not show its connections', evidence)
  return { all: evidence.stdout.trim().split('\n').flatMap(line => line.trim().split(/\s+/)[3] ?? []), evidence }
}, 'an address and a port, which `ss` shows in a1', 'a1 sends nothing at present', ['10.96.1.10:29500', '10.96.1.10:29501', '10.244.1.2:29500', '10.244.2.2:29501'])

const whose = answerOf(async bench => {
  const [one, two] = await Promise.all([bench.namespaces('node1'), bench.namespaces('node2')])
  const has = [...one, ...two].filter(({ links }) => links.some(({ addresses }) => addresses.some(address => address.startsWith('10.53.2.20/'))))
  const evidence = has[0]?.evidence ?? two[0]?.evidence
  if (evidence === undefined) throw new CouldNotLook('node2 shows no namespace')
  return { all: has.flatMap(({ named }) => named ?? []), evidence }
}, 'the name of a pod', 'nobody has this address at present', ['b0', 'a1', 'a0', 'dns'])

const lostCarrier = answerOf(async bench => {
  const a1 = (await bench.namespaces('node2')).find(({ named }) => named === 'a1')
  if (a1 === undefined) throw new CouldNotLook('node2 shows no namespace a1')
  // Whose device is in another namespace is DOWN then, and not LOWERLAYERDOWN; lo is UNKNOWN.
  return { all: a1.links.flatMap(({ name, up, state }) => up && ['DOWN', 'LOWERLAYERDOWN'].includes(state) ? [name] : []), evidence: a1.evidence }
}, 'the name of an interface of a1', 'all interfaces of a1 have their carrier: take out the cable first', ['net5', 'rail5', 'eth0', 'net7'])

const both = (script: (number: 1 | 2) => string): Deed<Name> => ({ node1, node2 }) => Promise.all([bash(node1, script(1)), bash(node2, script(2))])
const podsOf = (number: 1 | 2): readonly Pod[] => number === 1 ? ['a0', 'b0'] : ['a1', 'b1']
const groupOf = (pod: Pod): number => pod.startsWith('a') ? 1 : 2
const inPods = (script: (pod: Pod) => string): Deed<Name> => both(number => podsOf(number).map(pod => `ip netns exec ${pod} bash -ec ${quoted(script(pod))}`).join('\n'))
const quoted = (text: string): string => `'${text.replaceAll('\'', '\'\\\'\'')}'`

const ZERO = { 'team-a': '10.244.1.2', 'team-b': '10.244.1.3' } as const
const VIA_VIP = Object.entries(teams).map(([name, { vip }]) => `ip daddr ${vip} tcp dport 29500 dnat to ${name === 'team-a' ? ZERO['team-a'] : ZERO['team-b']}`)
const DNAT = [`ip daddr ${NAMES} udp dport 53 dnat to ${DNS}`, `ip daddr ${NAMES} tcp dport 53 dnat to ${DNS}`, ...VIA_VIP]
const RECORDS = Object.entries(teams).map(([name, { vip }]) => `host-record=trainer.${name}.svc.cluster.local,${vip}`)
const names = (...records: readonly string[]) => `mkdir -p /etc/dns.d
cat >/etc/dns.d/training.conf <<'END'
no-resolv
no-hosts
user=root
local=/cluster.local/
${records.join('\n')}
END
ip netns exec dns dnsmasq --conf-dir=/etc/dns.d`
const meeting = ({ rules = DNAT, records = RECORDS }: { readonly rules?: readonly string[]; readonly records?: readonly string[] } = {}) =>
  both(number => `${translated(...rules)}\n${number === 2 ? names(...records) : ''}`)

/** Both ranks of a job, or one, by these interfaces. */
const train = (pod: Pod, ifname: string) => `ip netns exec ${pod} train ${pod} ${pod.endsWith('0') ? '--rank 0' : '--rank 1 --master trainer'} --ifname ${ifname}`
const trained = (ifname: string, which: (pod: Pod) => boolean = () => true) => both(number => podsOf(number).filter(which).map(pod => train(pod, ifname)).join('\n'))

/** What a line does that names another card than it did. */
const onRail5 = (pod: Pod) => `ip -n ${pod} link del net3; ip link add link rail5 name net3 netns ${pod} type macvlan mode bridge; ip -n ${pod} addr add ${onRail(2, HOST[pod], groupOf(pod))}/16 dev net3; ip -n ${pod} link set net3 up`

const ESTABLISHED = 'ct state established,related accept'
const tenants = (...rules: readonly string[]) => `nft -f - <<'END'
table ip tenants {
  set team-a { type ipv4_addr; elements = { 10.244.1.2, 10.244.2.2 }; }
  set team-b { type ipv4_addr; elements = { 10.244.1.3, 10.244.2.3 }; }
  chain forward {
    type filter hook forward priority filter
    ${rules.join('\n    ')}
  }
}
END`
const OWN_TEAM = [ESTABLISHED, 'ip daddr @team-a ip saddr != @team-a drop', 'ip daddr @team-b ip saddr != @team-b drop']
const onEth0: Deed<Name> = both(() => tenants(...OWN_TEAM))
const railRule = (pod: Pod, where = 'iifname "net*"', own = `& 255.240.255.0 != 10.48.${groupOf(pod)}.0`) => `nft 'add table ip rails; add chain ip rails in { type filter hook input priority filter; }; add rule ip rails in ${where} ip saddr ${own} drop'`
const onRails: Deed<Name> = inPods(pod => railRule(pod))
const inTurn = (...deeds: readonly Deed<Name>[]): Deed<Name> => async all => {
  for (const deed of deeds) await deed(all)
}

/** The kernel tells those who share the card in its own time. */
const cableOut: Deed<Name> = ({ node2 }) => bash(node2, `ip link set rail5 down
  for pod in a1 b1; do for try in $(seq 200); do ip -n $pod link show net6 | grep -q NO-CARRIER && break; sleep 0.02; done; done`)

async function node(node: Node, number: 1 | 2): Promise<void> {
  const own = podsOf(number)
  const addresses = Object.values(teams).reduce<Record<string, string>>((all, { pods }) => ({ ...all, ...pods }), {})
  await podsOnRoutes(node, { ...Object.fromEntries(own.map(pod => [pod, addresses[pod] ?? ''])), ...number === 2 ? { dns: DNS } : {} })
  await joinRails(node, { shared: true, pods: Object.fromEntries(own.map(pod => [pod, [groupOf(pod), HOST[pod]] as const])) })
  await bash(node, `
    sysctl -qw net.ipv4.ip_forward=1
    ip route add 10.244.${3 - number}.0/24 via 192.168.1.1${3 - number}
    # Who answers for an address that nobody has needs to know a way to it.
    ip route add 169.254.0.0/16 dev eth0
    install -m 755 /dev/stdin /usr/local/bin/train <<'END_OF_FILE'
${TRAIN}
END_OF_FILE
    ${own.map(pod => `ip netns exec ${pod} sh -c 'for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$file; done'
    mkdir -p /etc/netns/${pod}
    printf 'nameserver ${NAMES}\\nsearch team-${pod.slice(0, 1)}.svc.cluster.local svc.cluster.local cluster.local\\noptions ndots:5 timeout:1 attempts:1\\n' >/etc/netns/${pod}/resolv.conf
    ${train(pod, 'eth0')}`).join('\n')}`)
}

export default defineLab<Name>({
  async setup({ node1, node2 }) {
    await Promise.all([node(node1, 1), node(node2, 2)])
  },
  steps: {
    rendezvous: {
      checks: [findsA, findsB, findsA0, learns, meetsA, meetsB, onlyA, onlyB, metA, metB, movesA, movesB],
      answers: { 'sent-to': sentTo },
      hints: [
        'What does rank 1 know of rank 0 when it starts? Two things have to be found out for it: an address for a name, and a pod for an address.',
        failing => failing.includes(findsA0.claim) && !failing.includes(findsA.claim) ? 'On node2 all is well. Who leads to the pod dns what leaves a pod of node1?'
          : failing.includes(findsA.claim) || failing.includes(findsB.claim) ? 'In a1: `dig +search trainer`. Does a server run, does 10.96.0.10 lead to it on node2, and what does it say of trainer.team-a.svc.cluster.local?'
          : failing.includes(meetsA.claim) || failing.includes(meetsB.claim) ? 'The names are well. Does 10.96.1.10:29500 lead to a0, and 10.96.1.20:29500 to b0, on the node where rank 1 is?'
          : failing.includes(learns.claim) ? 'By UDP all is well. In a0 and in a1: `dig +search +tcp trainer`.'
          : failing.includes(onlyA.claim) || failing.includes(onlyB.claim) ? 'The address of a Service leads to somebody at the Service\'s port, and at no other. For which ports is what you wrote? `nft list ruleset` on node2.'
            : 'Anybody would find rank 0 by its name. How was rank 1 told to look for it? In a1: `ss -tn`.',
        'The commands are in the lesson: dnsmasq with two records in the pod dns, and on both nodes a table with four `dnat`',
      ],
      alternatives: {
        'a map of what leads where': both(number => `nft -f - <<'END'
table ip services {
  map at { type ipv4_addr . inet_proto . inet_service : ipv4_addr; elements = { ${NAMES} . udp . 53 : ${DNS}, ${NAMES} . tcp . 53 : ${DNS}, 10.96.1.10 . tcp . 29500 : ${ZERO['team-a']}, 10.96.1.20 . tcp . 29500 : ${ZERO['team-b']} } }
  chain pods { type nat hook prerouting priority dstnat; dnat to ip daddr . ip protocol . th dport map @at; }
}
END
${number === 2 ? names(...RECORDS) : ''}`),
        'by iptables': {
          requires: ['iptables-nft'],
          instead: both(number => `${[[NAMES, 'udp', 53, DNS], [NAMES, 'tcp', 53, DNS], ['10.96.1.10', 'tcp', 29500, ZERO['team-a']], ['10.96.1.20', 'tcp', 29500, ZERO['team-b']]].map(([at, protocol, port, to]) =>
            `iptables -t nat -A PREROUTING -d ${at} -p ${protocol} --dport ${port} -j DNAT --to-destination ${to}`).join('\n')}\n${number === 2 ? names(...RECORDS) : ''}`),
        },
      },
      mutants: {
        'a line in a file of hosts': {
          refusedBy: findsA.claim,
          instead: inTurn(both(() => translated(...DNAT)), ({ node2 }) => bash(node2, 'echo "10.244.1.2 trainer" >/etc/netns/a1/hosts; echo "10.244.1.3 trainer" >/etc/netns/b1/hosts; for p in a1 b1; do ip netns exec $p train $p --rank 1 --master trainer; done')),
        },
        'a name for the pod, past the Service': { refusedBy: findsA.claim, instead: meeting({ records: Object.entries(ZERO).map(([name, address]) => `host-record=trainer.${name}.svc.cluster.local,${address}`) }) },
        'one trainer for both': { refusedBy: findsB.claim, instead: meeting({ records: ['host-record=trainer.team-a.svc.cluster.local,10.96.1.10', 'host-record=trainer.team-b.svc.cluster.local,10.96.1.10'] }) },
        'names, and nobody behind them': { refusedBy: meetsA.claim, instead: meeting({ rules: DNAT.slice(0, 2) }) },
        'every port of the address': { refusedBy: onlyA.claim, instead: meeting({ rules: DNAT.map(rule => rule.replace(' tcp dport 29500', '')) }) },
        'every port of the address, to the one that is meant': { refusedBy: onlyB.claim, instead: meeting({ rules: DNAT.map(rule => rule.includes(ZERO['team-b']) ? `${rule.replace(' dport 29500', '').replace(' tcp', ' meta l4proto tcp')}:29500` : rule) }) },
        'names by UDP alone': { refusedBy: learns.claim, instead: meeting({ rules: DNAT.filter(rule => !rule.includes('tcp dport 53')) }) },
        'on one node alone': { refusedBy: findsA0.claim, instead: ({ node2 }) => bash(node2, `${translated(...DNAT)}\n${names(...RECORDS)}`) },
        'an address in place of the name': { refusedBy: metA.claim, after: ({ node2 }) => bash(node2, `ip netns exec a1 train a1 --rank 1 --master ${ZERO['team-a']}\nfor try in $(seq 200); do ip netns exec a1 ss -Htn dst ${ZERO['team-a']} dport = :29500 | grep -q . && break; sleep 0.02; done`) },
        'two Services, one pod': { refusedBy: meetsB.claim, instead: meeting({ rules: DNAT.map(rule => rule.replace(ZERO['team-b'], ZERO['team-a'])) }) },
        'rank 1 in its node\'s name': {
          refusedBy: meetsA.claim,
          after: ({ node2 }) => bash(node2, 'nft \'add table ip more; add chain ip more post { type nat hook postrouting priority srcnat; }; add rule ip more post oifname eth0 tcp dport 29500 masquerade\''),
        },
        'a server that has ended': { refusedBy: findsB.claim, after: ({ node2 }) => bash(node2, 'pid=$(pgrep -x dnsmasq); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.01; done') },
      },
    },
    rails: {
      checks: [railsA, railsB, findsA, findsB, meetsA, meetsB, metA, metB],
      hints: [
        'Who tells rank 1 to which addresses it is to send? And who told that one?',
        failing => failing.includes(railsA.claim) && failing.includes(railsB.claim) ? 'In a0: `moved sleep 1`. The job announces the addresses of the interfaces that it was given: `--ifname`.' : 'One of the two jobs is well. Was the other one told, on both nodes?',
        'On node1: `ip netns exec a0 train a0 --rank 0 --ifname net`, and the same for b0; on node2: `ip netns exec a1 train a1 --rank 1 --master trainer --ifname net`, and the same for b1',
      ],
      alternatives: { 'each by its name': trained(nets.join(',')) },
      mutants: {
        'left as it is': { refusedBy: railsA.claim, instead: async () => {} },
        'rank 0 alone is told': { refusedBy: railsA.claim, instead: trained('net', pod => pod.endsWith('0')) },
        'one rail of eight': { refusedBy: railsA.claim, instead: trained('net1') },
        'eth0 among them': { refusedBy: railsA.claim, instead: trained('eth0,net') },
        'one team alone': { refusedBy: railsB.claim, instead: trained('net', pod => pod.startsWith('a')) },
        // A NetworkAttachmentDefinition that names another device than it did.
        'an interface on another rail': {
          refusedBy: railsA.claim,
          after: ({ node2 }) => bash(node2, `${onRail5('a1')}; ${train('a1', 'net')}`),
        },
        // Both ends are on one wire, and train; but it is the wrong one.
        'an interface on another rail, at both ends': { refusedBy: railsA.claim, after: both(number => podsOf(number).filter(pod => groupOf(pod) === 1).map(pod => `${onRail5(pod)}; ${train(pod, 'net')}`).join('\n')) },
        'a rail without a cable': { refusedBy: railsB.claim, after: ({ node1 }) => node1`ip link set rail3 down` },
      },
    },
    tenants: {
      checks: [policy, apart, railsA, railsB, findsA, findsB],
      answers: { whose },
      hints: [
        'By which interfaces can b1 get at a0? Which of them does the filter of a node see?',
        failing => failing.includes(apart.claim) && !failing.includes(policy.claim) ? 'eth0 is well. What comes on a rail passes no table of the node: who could refuse it? Look from b1: `ping 10.50.1.10`.'
          : failing.includes(findsA.claim) ? 'Somebody does not get an answer any more who was not meant. Do answers pass?'
            : failing.includes(policy.claim) ? 'On both nodes, at forward: what is for a pod of a team, and is not from one of the same team. Answers pass.'
              : 'The teams are apart, and a job stands still. Who of its own team is not let in?',
        'On both nodes a chain at forward with `ct state established,related accept`, `ip daddr @team-a ip saddr != @team-a drop` and the same for team-b; in each pod a chain at input with `iifname "net*" ip saddr & 255.240.255.0 != 10.48.1.0 drop`, and 10.48.2.0 for team-b',
      ],
      alternatives: {
        'who may is named, and the rest is dropped': inTurn(
          both(() => tenants(ESTABLISHED, 'ip saddr @team-a ip daddr @team-a accept', 'ip saddr @team-b ip daddr @team-b accept', 'ip daddr { 10.244.1.2, 10.244.1.3, 10.244.2.2, 10.244.2.3 } drop')),
          inPods(pod => `nft 'add table ip rails; add set ip rails own { type ipv4_addr; flags interval; elements = { ${RAILS.map(rail => `10.${50 + rail}.${groupOf(pod)}.0/24`).join(', ')} }; }; add chain ip rails in { type filter hook input priority filter; }; add rule ip rails in iifname != { lo, eth0 } ip saddr != @own reject'`)),
        'by iptables, in the pods too': { requires: ['iptables-nft'], instead: inTurn(onEth0, inPods(pod => `iptables -N RAILS; ${RAILS.map(rail => `iptables -A RAILS -s 10.${50 + rail}.${groupOf(pod)}.0/24 -j RETURN`).join('; ')}; iptables -A RAILS -j DROP; iptables -A INPUT -i net+ -j RAILS`)) },
      },
      mutants: {
        'on eth0 alone': { refusedBy: apart.claim, instead: onEth0 },
        'on the rails alone': { refusedBy: policy.claim, instead: onRails },
        // The address of b0 on eth0, 10.244.1.3, has a 1 there too.
        'by the third number alone': { refusedBy: apart.claim, instead: inTurn(onEth0, inPods(pod => railRule(pod, undefined, `& 0.0.255.0 != 0.0.${groupOf(pod)}.0`))) },
        'one rail of eight is watched': { refusedBy: apart.claim, instead: inTurn(onEth0, inPods(pod => railRule(pod, 'iifname "net1"'))) },
        'the rails filtered by the node': { refusedBy: apart.claim, instead: inTurn(onEth0, both(() => `nft 'add table ip rails; add chain ip rails f { type filter hook forward priority filter; }; add rule ip rails f iifname "rail*" drop; add chain ip rails in { type filter hook input priority filter; }; add rule ip rails in iifname "rail*" drop'`)) },
        // Who has no way back still hears: a datagram asks for no answer.
        'no route, in place of a policy': { refusedBy: apart.claim, instead: inTurn(onEth0, inPods(pod => pod.startsWith('a') ? RAILS.map(rail => `ip route add blackhole 10.${50 + rail}.2.0/24`).join('; ') : 'true')) },
        'one team has no policy': { refusedBy: policy.claim, instead: inTurn(onRails, both(() => tenants(...OWN_TEAM.slice(0, 2)))) },
        'answers forgotten': { refusedBy: findsA.claim, instead: inTurn(onRails, both(() => tenants(...OWN_TEAM.slice(1)))) },
        'the rails closed to all': { refusedBy: railsA.claim, instead: inTurn(onEth0, inPods(() => 'nft \'add table ip rails; add chain ip rails in { type filter hook input priority filter; }; add rule ip rails in iifname "net*" drop\'')) },
        'nobody may ask for names': { refusedBy: findsA.claim, after: ({ node2 }) => bash(node2, 'nft insert rule ip tenants forward ip saddr 10.244.2.2 udp dport 53 drop') },
        'a pod that came back without its rules': { refusedBy: apart.claim, after: ({ node1 }) => bash(node1, 'ip netns exec a0 nft delete table ip rails') },
      },
    },
    dark: {
      checks: [dark, railsA, railsB, policy, apart, findsA, findsB],
      answers: { 'lost-carrier': lostCarrier },
      solution: inTurn(cableOut, trained(sevenNets.join(','))),
      hints: [
        'What does rank 1 wait for? /var/log/train-a1 on node2 says it. Which of its eight interfaces is that, and what does `--ifname` take?',
        failing => failing.includes(dark.claim) ? 'Take out the cable first: on node2, `ip link set rail5 down`.' : failing.includes(railsA.claim) || failing.includes(railsB.claim) ? 'Rail 5 is net6. Both ranks of both jobs have to leave it out.' : 'The jobs go on. What else was true before, and is not any more?',
        'On node2 `ip link set rail5 down`; then all four as before, with `--ifname net1,net2,net3,net4,net5,net7,net8`',
      ],
      mutants: {
        'the cable out, and no more': { refusedBy: railsA.claim, instead: cableOut },
        'left out, and the cable in': { refusedBy: dark.claim, instead: trained(sevenNets.join(',')) },
        'back on eth0': { refusedBy: railsA.claim, instead: inTurn(cableOut, trained('eth0')) },
        'the wrong one left out': { refusedBy: railsA.claim, instead: inTurn(cableOut, trained(nets.filter(net => net !== 'net5').join(','))) },
        'one team goes on': { refusedBy: railsB.claim, instead: inTurn(cableOut, trained(sevenNets.join(','), pod => pod.startsWith('a'))) },
        'open, while somebody looked for it': { refusedBy: apart.claim, after: inPods(pod => pod.startsWith('b') ? 'nft flush ruleset' : 'true') },
      },
    },
  },
})
