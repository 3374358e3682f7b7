// 18 · Names for Services: the records of the specification by hand, and what a pod's resolver makes of a short name.
import { readFileSync } from 'node:fs'
import {
  answersEverywhere, asksOutside, completesNames, findsName, namesBack, namesElsewhere, namesHeadless, namesNobodyElse, namesPods, namesPorts, namesServices, namesVersion, namesWithoutData,
} from 'hardway/checks'
import { apply, controlPlane, coreDns, kubeProxy } from 'hardway/cluster'
import { bash, defineLab, fail, pass, unknown, write, type Answer, type Bench, type Deed, type Nodes } from 'hardway/lab'
import { otherPods, podsOnRoutes, serves, sets, translated, type Pods } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'ext'
type Node = Nodes<Name>[Name]

const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')
const objects = file('objects.yaml')
const training = file('training.yaml')

const VIP = '10.96.0.10'
/** The pod that the server is in. */
const SERVER = '10.244.3.10'
const web = { web: '10.244.1.2' }
const shop = { shop: '10.244.2.2' }
const batch = { batch: '10.244.3.2' }
const trainer = { 'trainer-0': '10.244.2.6' }
const ext = { ext: '192.168.1.200' }
/** A machine of the world, behind ext. */
const API = '203.0.113.80'

const cluster = { from: web, server: VIP, objects }
const ofDefault = { server: VIP, namespace: 'default', objects, outside: { 'api.example.com': API } }
const ofProduction = { ...ofDefault, namespace: 'production' }

const everywhere = answersEverywhere({ ...web, ...shop, ...batch }, VIP, 'kubernetes.default', objects)
const completed = completesNames(web, ofDefault)
const completedToo = completesNames(shop, ofProduction)
const found = findsName(shop, 'payment-svc', ofProduction)
const notFound = findsName(web, 'payment-svc', ofDefault)
const foundLater = findsName(web, 'payment-svc.production', ofDefault)
const services = namesServices(cluster)
const ports = namesPorts(cluster)
const back = namesBack(cluster)
const version = namesVersion(cluster)
const nobodyElse = namesNobodyElse(cluster)
const withoutData = namesWithoutData(cluster)
const headless = namesHeadless(cluster)
const podNames = namesPods(cluster)
const elsewhere = namesElsewhere(cluster)
const outside = asksOutside(web, VIP, ext)
const long = findsName(web, 'api.example.com', ofDefault)
const short = findsName(batch, 'api.example.com', { ...ofDefault, ndots: 2 })
const fewer = completesNames(batch, { ...ofDefault, ndots: 2 })
const stillListed = findsName(batch, 'payment-svc.production', { ...ofDefault, ndots: 2 })
const team = { from: web, server: VIP, objects: training }
const ofTraining = { server: VIP, namespace: 'training', objects: training }
const theirService = namesServices(team)
const theirPorts = namesPorts(team)
const theirPeers = namesHeadless(team)
const theirPods = namesPods(team)
const meeting = findsName(trainer, 'trainer-1.trainer', ofTraining)

const each = (script: string): Deed<Name> => ({ node1, node2, node3 }) => Promise.all([node1, node2, node3].map(node => bash(node, script)))

/** Packets for the Service become packets for the pod, whoever sends them. */
const UDP = `ip daddr ${VIP} udp dport 53 dnat to ${SERVER}`
const TCP = `ip daddr ${VIP} tcp dport 53 dnat to ${SERVER}`
const DNAT = translated(UDP, TCP)

/** The server's files, of which a later step adds more. */
const base = (...more: readonly string[]) => conf('base', 'no-resolv', 'no-hosts', 'user=root', 'log-queries', 'log-facility=/var/log/dns', 'local=/cluster.local/', ...more)
const conf = (name: string, ...lines: readonly string[]) => write(`/etc/dns.d/${name}.conf`, lines.join('\n'))
const STOPPED = 'while pkill -x dnsmasq; do sleep 0.1; done'
const RUN = 'ip netns exec dns dnsmasq --conf-dir=/etc/dns.d'
const RESTART = `${STOPPED}\n${RUN}`
const FIRST = ['host-record=kubernetes.default.svc.cluster.local,10.96.0.1', 'host-record=payment-svc.production.svc.cluster.local,10.96.45.12']
const began = [base(), conf('first', ...FIRST), RUN].join('\n')
const SERVICES = [
  'host-record=kube-dns.kube-system.svc.cluster.local,10.96.0.10', 'host-record=ledger.production.svc.cluster.local,10.96.45.13',
  'srv-host=_https._tcp.kubernetes.default.svc.cluster.local,kubernetes.default.svc.cluster.local,443',
  'srv-host=_dns._udp.kube-dns.kube-system.svc.cluster.local,kube-dns.kube-system.svc.cluster.local,53',
  'srv-host=_dns-tcp._tcp.kube-dns.kube-system.svc.cluster.local,kube-dns.kube-system.svc.cluster.local,53',
  'srv-host=_http._tcp.payment-svc.production.svc.cluster.local,payment-svc.production.svc.cluster.local,80',
  'txt-record=dns-version.cluster.local,1.1.0',
]
const PG = 'postgres-headless.default.svc.cluster.local'
const PODS = [
  `host-record=postgres-0.${PG},10.244.1.5`, `host-record=postgres-1.${PG},10.244.2.8`,
  `host-record=${PG},10.244.1.5`, `host-record=${PG},10.244.2.8`,
  `srv-host=_postgres._tcp.${PG},postgres-0.${PG},5432`, `srv-host=_postgres._tcp.${PG},postgres-1.${PG},5432`,
]
const TR = 'trainer.training.svc.cluster.local'
const TRAINING = [
  'host-record=board.training.svc.cluster.local,10.96.77.5',
  `host-record=trainer-0.${TR},10.244.2.6`, `host-record=trainer-1.${TR},10.244.1.6`, `host-record=${TR},10.244.2.6`, `host-record=${TR},10.244.1.6`,
  `srv-host=_rendezvous._tcp.${TR},trainer-0.${TR},29500`, `srv-host=_rendezvous._tcp.${TR},trainer-1.${TR},29500`,
]
/** A file of the server's is as these lines have it, and the server has read it. */
const served = (name: string, ...lines: readonly string[]) => `${conf(name, ...lines)}\n${RESTART}`
const onServer = (script: string): Deed<Name> => ({ node3 }) => bash(node3, script)
const without = (lines: readonly string[], part: string): readonly string[] => lines.filter(line => !line.includes(part))
const replaced = (lines: readonly string[], from: string | RegExp, to: string): readonly string[] => lines.map(line => line.replace(from, to))

const searchOf = (namespace: string) => `search ${namespace}.svc.cluster.local svc.cluster.local cluster.local`
const resolv = (pod: string, ...lines: readonly string[]) => write(`/etc/netns/${pod}/resolv.conf`, lines.join('\n'))
const resolvOf = (pod: string, namespace: string, ndots = 5) => resolv(pod, `nameserver ${VIP}`, searchOf(namespace), `options ndots:${ndots}`)
const bothHave = (...lines: readonly string[]): Deed<Name> => ({ node1, node2 }) => Promise.all([
  bash(node1, resolv('web', ...lines.map(line => line.replaceAll('NAMESPACE', 'default')))), bash(node2, resolv('shop', ...lines.map(line => line.replaceAll('NAMESPACE', 'production')))),
])
const SEARCH = searchOf('NAMESPACE')

/** Hands on what it is asked to the server at 5353, and says of a name without an IPv6 address that it does not exist, as some load balancers did. */
const FRONT = String.raw`#!/usr/bin/perl
use strict;
use Socket;
use POSIX 'setsid';
socket my $udp, AF_INET, SOCK_DGRAM, 0 or die "socket: $!\n";
bind $udp, pack_sockaddr_in(53, INADDR_ANY) or die "port 53: $!\n";
exit if fork;
setsid;
open $_, '+<', '/dev/null' for \*STDIN, \*STDOUT, \*STDERR;
while (defined(my $peer = recv $udp, my $asked, 4096, 0)) {
  socket my $own, AF_INET, SOCK_DGRAM, 0;
  send $own, $asked, 0, pack_sockaddr_in(5353, inet_aton('127.0.0.1'));
  recv $own, my $said, 4096, 0;
  my ($flags, $questions, $answers) = unpack 'x2 n3', $said;
  # No error, no answer, and asked for AAAA: the name is denied.
  substr $said, 2, 2, pack 'n', $flags | 3 if !($flags & 15) && !$answers && substr($said, 12) =~ /^[^\0]*\0\0\x1c/;
  send $udp, $said, 0, $peer;
}
`

const TOOL = '/usr/local/lib/hardway/dns'
const ALIAS = 'cname=partner.production.svc.cluster.local,api.example.com'
const outwards = (...lines: readonly string[]) => `${served('outside', ...lines)}\n${resolvOf('batch', 'default', 2)}`
const brought = (...lines: readonly string[]): Deed<Name> => ({ node2, node3 }) => Promise.all([bash(node2, resolvOf('trainer-0', 'training')), bash(node3, served('training', ...lines))])

const REAL = ['etcd', 'kube-apiserver', 'coredns'] as const
/** Who asks, as the API server knows them: a server that completes names has to know in which namespace they are. */
const CLIENTS = [['web', 'default', web.web], ['shop', 'production', shop.shop], ['batch', 'default', batch.batch]].map(([name, namespace, address]) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace} }
spec: { nodeName: node1, containers: [{ name: ${name}, image: ${name} }] }
status: { podIP: ${address}, podIPs: [{ ip: ${address} }], phase: Running, conditions: [{ type: Ready, status: "True" }] }
`).join('---')

/** The real one in the pod of ours: fed by an API server that has the objects. */
const realDns = (forward?: string, completing?: string): Deed<Name> => async ({ ext, node3 }) => {
  await Promise.all([controlPlane(ext, { objects: [objects, file('slices.yaml'), CLIENTS].join('\n---\n') }), bash(node3, STOPPED)])
  await coreDns(node3, { api: ext, namespace: 'dns', ...forward === undefined ? {} : { forward }, ...completing === undefined ? {} : { pods: 'verified' } })
  if (completing === undefined) return
  await bash(node3, `sed -i 's/^  log$/  log\\n  ${completing}/' /etc/kubernetes/Corefile
    kill $(cat /run/coredns.pid); while kill -0 $(cat /run/coredns.pid) 2>/dev/null; do sleep 0.05; done
    ${coreDnsWith('/etc/kubernetes/Corefile')}`)
}
/** Until it answers for itself. */
const coreDnsWith = (corefile: string) => `setsid -f ip netns exec dns coredns -conf ${corefile} </dev/null >/var/log/coredns.log 2>&1
for try in $(seq 200); do ip netns exec dns dig +tries=1 +time=1 @127.0.0.1 kubernetes.default.svc.cluster.local | grep -q 10.96.0.1 && exit; sleep 0.05; done
cat /var/log/coredns.log >&2; exit 1`
const coreDnsFrom = (zones: Readonly<Record<string, readonly string[]>>) => [
  STOPPED,
  ...Object.entries(zones).map(([zone, lines]) => write(`/etc/zones/${zone}`, `$TTL 30\n@ IN SOA ns.dns hostmaster 1 7200 1800 86400 5\n@ IN NS ns.dns.${zone}.\n${lines.join('\n')}`)),
  write('/etc/zones/Corefile', Object.keys(zones).map(zone => `${zone}:53 {\n  log\n  errors\n  file /etc/zones/${zone}\n}`).join('\n')),
  coreDnsWith('/etc/zones/Corefile'),
].join('\n')
const ZONE = [
  'kubernetes.default.svc A 10.96.0.1', 'kube-dns.kube-system.svc A 10.96.0.10', 'payment-svc.production.svc A 10.96.45.12', 'ledger.production.svc A 10.96.45.13',
  '_https._tcp.kubernetes.default.svc SRV 0 100 443 kubernetes.default.svc', '_dns._udp.kube-dns.kube-system.svc SRV 0 100 53 kube-dns.kube-system.svc',
  '_dns-tcp._tcp.kube-dns.kube-system.svc SRV 0 100 53 kube-dns.kube-system.svc', '_http._tcp.payment-svc.production.svc SRV 0 100 80 payment-svc.production.svc', 'dns-version TXT "1.1.0"',
]
const REVERSE = [['1.0', 'kubernetes.default'], ['10.0', 'kube-dns.kube-system'], ['12.45', 'payment-svc.production'], ['13.45', 'ledger.production']].map(([part, name]) => `${part}.96.10 PTR ${name}.svc.cluster.local.`)

const podsOf = (node: Node, number: number, own: Pods, ...lines: readonly string[]) => podsOnRoutes(node, own, { routes: { ...otherPods(number), default: '192.168.1.200' }, script: [
  ...sets({ 'net.ipv4.ip_forward': 1 }),
  "nft -f - <<'END'", 'table ip egress { chain post { type nat hook postrouting priority srcnat; ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 10.96.0.0/12 } masquerade; }; }', 'END',
  // As the kubelet writes it for a pod with `dnsPolicy: None` and one name server: what is missing is the lesson.
  ...Object.keys(own).map(pod => resolv(pod, `nameserver ${VIP}`)), ...lines,
] })

/** Measured when it is graded: what is right here depends on what the learner has. */
const measured = (what: string, shape: RegExp, form: string, right: (bench: Bench) => Promise<string>, wrong: Answer['wrong']): Answer => ({
  right, wrong,
  grade: async (bench, value) => {
    const seen = await bench.place('node1/web').exec(['cat', '/etc/resolv.conf'])
    if (!shape.test(value)) return fail(`expected ${form}`, seen)
    const expected = await right(bench)
    if (expected === '') return unknown(`it cannot be seen ${what}`, seen)
    return inOrder(value) === expected ? pass(seen) : fail(`it is not ${value}`, seen)
  },
})

const LIST = /^\d+(\.\d+){3}(\s*,\s*\d+(\.\d+){3})*$/
/** In order, as a learner may have them in any. */
const addressesOf = (name: string) => async (bench: Bench): Promise<string> => {
  const { stdout } = await bench.place('node1/web').exec([TOOL, 'ask', VIP], { stdin: `udp ${name} A\n` })
  return inOrder([...stdout.matchAll(/^record \S+ A \d+ (\S+)$/gm)].map(([, address = '']) => address).join(','))
}
const inOrder = (text: string): string => text.split(',').map(one => one.trim()).toSorted().join(',')

export default defineLab<Name>({
  setup: async ({ node1, node2, node3, ext }) => {
    await Promise.all([
      bash(ext, `ip addr add ${API}/32 dev lo
        dnsmasq --no-resolv --no-hosts --user=root --log-queries --log-facility=/var/log/dns --local=/#/ --host-record=api.example.com,${API},300
        serve --background api ${API}:80`),
      podsOf(node1, 1, { ...web, 'postgres-0': '10.244.1.5' }, ...serves([['postgres-0', '5432']])),
      podsOf(node2, 2, { ...shop, 'postgres-1': '10.244.2.8', ...trainer }, ...serves([['postgres-1', '5432']])),
      podsOf(node3, 3, { ...batch, dns: SERVER },
        write('/etc/cluster/objects.yaml', objects), write('/etc/cluster/training.yaml', training), write('/usr/local/bin/front', FRONT, '755')),
    ])
  },
  steps: {
    server: {
      checks: [everywhere],
      hints: [
        '`npx lab shell node1/web`, and there `dig @10.96.0.10 kubernetes.default.svc.cluster.local`, once more with `+tcp`. Which of the three machines does a packet of web\'s pass first, and what does that one do with the address 10.96.0.10?',
        'Ask the server itself first, from node3: `dig @10.244.3.10 kubernetes.default.svc.cluster.local`. If that answers, what is missing is the way from 10.96.0.10 to it: on each node, for what pods send, for UDP and for TCP. If it does not: `ip netns exec dns ss -lntu`, and /etc/dns.d on node3.',
        'On node3: the files in /etc/dns.d as printed, then `ip netns exec dns dnsmasq --conf-dir=/etc/dns.d`. On each node `nft list table ip services` has to show `ip daddr 10.96.0.10 udp dport 53 dnat to 10.244.3.10`, the same with `tcp`, and a chain at `hook prerouting` that jumps there.',
      ],
      alternatives: {
        iptables: all => bash(all.node3, began).then(() => each(['udp', 'tcp'].flatMap(protocol => ['PREROUTING', 'OUTPUT'].map(chain =>
          `iptables -t nat -A ${chain} -d ${VIP} -p ${protocol} --dport 53 -j DNAT --to-destination ${SERVER}`)).join('\n'))(all)),
        'both protocols by one rule': all => bash(all.node3, began).then(() => each(translated(`ip daddr ${VIP} meta l4proto { tcp, udp } th dport 53 dnat to ${SERVER}`))(all)),
        'another port behind the same one': all => bash(all.node3, `${base('port=1053')}\n${conf('first', ...FIRST)}\n${RUN}`)
          .then(() => each(translated(...[UDP, TCP].map(rule => `${rule}:1053`)))(all)),
        'on the network of its node': all => bash(all.node3, `${base('listen-address=192.168.1.13', 'bind-interfaces')}\n${conf('first', ...FIRST)}\ndnsmasq --conf-dir=/etc/dns.d`)
          .then(() => each(translated(...[UDP, TCP].map(rule => rule.replace(SERVER, '192.168.1.13'))))(all)),
        // As NodeLocal DNSCache has it: the address is bound on each node, by a cache that asks the pod.
        'a cache on each node that has the address': all => bash(all.node3, began).then(() => each(`ip addr add ${VIP}/32 dev lo
          dnsmasq --no-resolv --no-hosts --user=root --pid-file=/run/cache.pid --listen-address=${VIP} --bind-interfaces --server=${SERVER}`)(all)),
        'kube-proxy, from the API': {
          requires: ['etcd', 'kube-apiserver', 'kube-proxy'],
          instead: async ({ node1, node2, node3, ext }) => {
            await Promise.all([controlPlane(ext, { objects: [objects, file('slices.yaml')].join('\n---\n') }), bash(node3, began)])
            await kubeProxy({ node1, node2, node3 }, { api: ext, mode: 'nftables' })
          },
        },
        'a file of hosts': all => bash(all.node3, `${base('addn-hosts=/etc/dns.hosts')}\nprintf '%s\\n' '10.96.0.1 kubernetes.default.svc.cluster.local' '10.96.45.12 payment-svc.production.svc.cluster.local' >/etc/dns.hosts\n${RUN}`)
          .then(() => each(DNAT)(all)),
      },
      mutants: {
        'nobody behind it': { refusedBy: everywhere.claim, instead: each(DNAT) },
        'a server, and no way to it': { refusedBy: everywhere.claim, instead: onServer(began) },
        'UDP alone': { refusedBy: everywhere.claim, instead: all => bash(all.node3, began).then(() => each(translated(UDP))(all)) },
        'TCP alone': { refusedBy: everywhere.claim, instead: all => bash(all.node3, began).then(() => each(translated(TCP))(all)) },
        'on one node alone': { refusedBy: everywhere.claim, instead: ({ node1, node3 }) => bash(node3, began).then(() => bash(node1, DNAT)) },
        'another address of the same range': { refusedBy: everywhere.claim, instead: all => bash(all.node3, began).then(() => each(DNAT.replaceAll(VIP, '10.96.0.11'))(all)) },
        'to a pod where nobody listens': { refusedBy: everywhere.claim, instead: all => bash(all.node3, began).then(() => each(DNAT.replaceAll(SERVER, '10.244.3.2'))(all)) },
        'only for what the nodes send': { refusedBy: everywhere.claim, instead: all => bash(all.node3, began).then(() => each(DNAT.replace('chain pods { type nat hook prerouting priority dstnat; jump lookup; }', ''))(all)) },
        'a server for its own pod': { refusedBy: everywhere.claim, instead: all => bash(all.node3, `${base('listen-address=127.0.0.1', 'bind-interfaces')}\n${conf('first', ...FIRST)}\n${RUN}`).then(() => each(DNAT)(all)) },
        'a server on another port': { refusedBy: everywhere.claim, instead: all => bash(all.node3, `${base('port=1053')}\n${conf('first', ...FIRST)}\n${RUN}`).then(() => each(DNAT)(all)) },
        'a server that knows nothing': { refusedBy: everywhere.claim, instead: all => bash(all.node3, `${base()}\n${RUN}`).then(() => each(DNAT)(all)) },
        'the name without its zone': { refusedBy: everywhere.claim, instead: all => bash(all.node3, `${base()}\n${conf('first', 'host-record=kubernetes.default,10.96.0.1', 'host-record=payment-svc.production,10.96.45.12')}\n${RUN}`).then(() => each(DNAT)(all)) },
        'the address of the machine behind it': { refusedBy: everywhere.claim, instead: all => bash(all.node3, `${base()}\n${conf('first', ...replaced(FIRST, '10.96.0.1', '192.168.1.200'))}\n${RUN}`).then(() => each(DNAT)(all)) },
        'UDP 53 is blocked': { refusedBy: everywhere.claim, after: ({ node2 }) => node2`iptables -I FORWARD -p udp --dport 53 -j DROP` },
        'TCP 53 is refused': { refusedBy: everywhere.claim, after: ({ node3 }) => node3`iptables -I FORWARD -p tcp --dport 53 -j REJECT --reject-with tcp-reset` },
        'the server has ended': { refusedBy: everywhere.claim, after: onServer(STOPPED) },
        // It has started anew, as another pod.
        'an endpoint of yesterday': { refusedBy: everywhere.claim, after: onServer(`${STOPPED}\nip netns exec batch dnsmasq --conf-dir=/etc/dns.d`) },
      },
    },
    search: {
      checks: [completed, completedToo, found, foundLater, notFound],
      hints: [
        'Which names does the server see when web asks for `payment-svc.production`? `tail -f /var/log/dns` on node3. What decides what a resolver makes of a name is one file in the pod.',
        failing => failing.includes(completed.claim) || failing.includes(completedToo.claim)
          ? 'Each pod has its own list: its namespace first, then `svc.cluster.local`, then `cluster.local`, on one line that begins with `search`; and one that begins with `options`. `man resolv.conf` is on the web; `cat /etc/resolv.conf` in the pod shows what it has.'
          : 'The lists are right, and what is found is not. Is there an /etc/hosts of the pod\'s own, in /etc/netns? Does the server say the right thing: `dig payment-svc.production.svc.cluster.local` in the pod?',
        'On node1, /etc/netns/web/resolv.conf has three lines: `nameserver 10.96.0.10`, `search default.svc.cluster.local svc.cluster.local cluster.local`, `options ndots:5`. On node2, /etc/netns/shop/resolv.conf the same with `production` in place of `default`.',
      ],
      answers: {
        'how-many-asked': measured('how many names web asks for', /^\d+$/, 'a number, for example 3', async bench => {
          const { stdout } = await bench.place('node1/web').exec([TOOL, 'names', 'payment-svc'])
          return String(new Set([...stdout.matchAll(/^asked \S+ \S+ (\S+)/gm)].map(([, name]) => name)).size)
        }, ['1', '2', '3', '8']),
      },
      alternatives: {
        'the options first, and tabs': bothHave('options\tndots:5', `nameserver ${VIP}`, SEARCH.replaceAll(' ', '\t')),
        'more options': bothHave(`nameserver ${VIP}`, SEARCH, 'options timeout:2 attempts:3 ndots:5 edns0'),
        'one question after the other': bothHave(`nameserver ${VIP}`, SEARCH, 'options ndots:5 single-request'),
        'by TCP alone': bothHave(`nameserver ${VIP}`, SEARCH, 'options ndots:5 use-vc'),
        'a comment, and a line that another one replaces': bothHave('; of the kubelet', 'search example.com', `nameserver ${VIP}`, SEARCH, 'options ndots:5'),
      },
      mutants: {
        'without a list': { refusedBy: completed.claim, instead: bothHave(`nameserver ${VIP}`, 'options ndots:5') },
        'without options': { refusedBy: completed.claim, instead: bothHave(`nameserver ${VIP}`, SEARCH) },
        'an option that is none': { refusedBy: completed.claim, instead: bothHave(`nameserver ${VIP}`, SEARCH, 'option ndots:5') },
        'ndots 4': { refusedBy: completed.claim, instead: bothHave(`nameserver ${VIP}`, SEARCH, 'options ndots:4') },
        'the namespace of another': { refusedBy: completedToo.claim, instead: bothHave(`nameserver ${VIP}`, searchOf('default'), 'options ndots:5') },
        'the wide ones first': { refusedBy: completed.claim, instead: bothHave(`nameserver ${VIP}`, 'search cluster.local svc.cluster.local NAMESPACE.svc.cluster.local', 'options ndots:5') },
        'one line for each, of which the last one counts': { refusedBy: completed.claim, instead: bothHave(`nameserver ${VIP}`, 'search NAMESPACE.svc.cluster.local', 'search svc.cluster.local', 'search cluster.local', 'options ndots:5') },
        'its own namespace alone': { refusedBy: foundLater.claim, instead: bothHave(`nameserver ${VIP}`, 'search NAMESPACE.svc.cluster.local', 'options ndots:5') },
        'without svc': { refusedBy: found.claim, instead: bothHave(`nameserver ${VIP}`, 'search NAMESPACE.cluster.local cluster.local', 'options ndots:5') },
        'a file of hosts instead': {
          refusedBy: found.claim,
          instead: all => Promise.all([[all.node1, 'web'] as const, [all.node2, 'shop'] as const].map(([node, pod]) =>
            bash(node, `printf '10.96.45.12 payment-svc payment-svc.production\\n' >/etc/netns/${pod}/hosts`))),
        },
        'a file of hosts besides': { refusedBy: foundLater.claim, after: ({ node1 }) => bash(node1, "echo '10.96.45.12 payment-svc.production' >/etc/netns/web/hosts") },
        "the pod's own address in place of the Service's": { refusedBy: completed.claim, instead: bothHave(`nameserver ${SERVER}`, SEARCH, 'options ndots:5') },
        'a server that is not the cluster\'s': { refusedBy: completed.claim, instead: bothHave('nameserver 192.168.1.200', SEARCH, 'options ndots:5') },
        'a server that is not there': { refusedBy: completed.claim, instead: bothHave('nameserver 10.96.0.11', SEARCH, 'options ndots:5') },
        'another one, asked first': { refusedBy: foundLater.claim, after: ({ node1 }) => bash(node1, resolv('web', 'nameserver 192.168.1.200', `nameserver ${VIP}`, searchOf('default'), 'options ndots:5')) },
        'written for the node': { refusedBy: completed.claim, instead: ({ node1, node2 }) => Promise.all([[node1, 'default'] as const, [node2, 'production'] as const].map(([node, namespace]) =>
          bash(node, `printf '%s\\n' 'nameserver ${VIP}' '${searchOf(namespace)}' 'options ndots:5' >/etc/resolv.conf`))) },
        'mended in one pod': { refusedBy: completedToo.claim, instead: ({ node1 }) => bash(node1, resolvOf('web', 'default')) },
        // As if there were a Service of that name in each namespace.
        'a name for everybody': { refusedBy: notFound.claim, after: onServer(served('first', ...FIRST, 'host-record=payment-svc.cluster.local,10.96.45.12')) },
        'the record is gone': { refusedBy: foundLater.claim, after: onServer(served('first', ...without(FIRST, 'payment-svc'))) },
      },
    },
    services: {
      checks: [services, ports, back, version, nobodyElse, withoutData],
      hints: [
        'Which Services are there? `cat /etc/cluster/objects.yaml` on node3. For each with an address: what is its name, does its port have one, and what does the server say of it? `dig` in web, with the type behind the name.',
        failing => failing.includes(nobodyElse.claim)
          ? 'The server answers for a name that nobody has. `address=/…/` of dnsmasq is not one record, but everything from that name downwards. Which line has one name alone?'
          : failing.includes(ports.claim)
            ? 'An SRV record belongs to a port with a name, and is called `_name._protocol.` and the name of the Service; it says the port of the Service, not that of the pods, and the name of the Service again. A port without a name has none.'
            : failing.includes(withoutData.claim)
              ? 'There are two ways to say no. Who asks for AAAA of a name that has an A record needs the one that does not deny the name. `dig AAAA …`, and look at `status:`.'
              : 'A file in /etc/dns.d is read when the server starts. Has it been started since? `tail /var/log/dns` says what it answers, and from where.',
        'On node3, /etc/dns.d/services.conf as printed: a `host-record=` for kube-dns and ledger, an `srv-host=` for each port with a name, `txt-record=dns-version.cluster.local,1.1.0`. Then `while pkill -x dnsmasq; do sleep 0.1; done`, and `ip netns exec dns dnsmasq --conf-dir=/etc/dns.d`.',
      ],
      answers: {
        'in-between': measured('what the server says of production.svc.cluster.local', /^(NODATA|NXDOMAIN|\d+(\.\d+){3})$/, 'NODATA, NXDOMAIN or an address', async bench => {
          const { stdout } = await bench.place('node1/web').exec([TOOL, 'ask', VIP], { stdin: 'udp production.svc.cluster.local A\n' })
          const [, code = '', record] = /^answer \S+ \S+ \S+ (\S+).*\n(?:record \S+ \S+ \S+ (\S+))?/m.exec(stdout) ?? []
          return record ?? (code === 'NOERROR' ? 'NODATA' : code)
        }, ['NXDOMAIN', '10.96.45.12']),
      },
      alternatives: {
        'a file of hosts, and the rest': onServer(`printf '%s\\n' '10.96.0.10 kube-dns.kube-system.svc.cluster.local' '10.96.45.13 ledger.production.svc.cluster.local' >/etc/dns.hosts
          ${served('services', 'addn-hosts=/etc/dns.hosts', ...SERVICES.slice(2))}`),
        'to be kept for an hour': onServer(served('services', 'local-ttl=3600', ...SERVICES)),
        'the way back written out': onServer(served('services', 'ptr-record=13.45.96.10.in-addr.arpa,ledger.production.svc.cluster.local', ...SERVICES)),
        'weights and priorities': onServer(served('services', ...SERVICES.map(line => line.startsWith('srv-host') ? `${line},10,100` : line))),
        'CoreDNS, from a file for each zone': { requires: ['coredns'], instead: onServer(coreDnsFrom({ 'cluster.local': ZONE, 'in-addr.arpa': REVERSE })) },
        'CoreDNS, from the API': { requires: REAL, instead: realDns() },
      },
      mutants: {
        'not read yet': { refusedBy: services.claim, instead: onServer(conf('services', ...SERVICES)) },
        'a Service forgotten': { refusedBy: services.claim, instead: onServer(served('services', ...without(SERVICES, 'record=ledger'))) },
        'the address of a pod': { refusedBy: services.claim, instead: onServer(served('services', ...replaced(SERVICES, '.cluster.local,10.96.45.13', '.cluster.local,10.244.3.2'))) },
        'the address of yesterday': { refusedBy: services.claim, after: onServer(served('first', ...replaced(FIRST, '10.96.45.12', '10.96.45.99'))) },
        'two addresses, of which one is right': { refusedBy: services.claim, after: onServer(served('old', 'host-record=payment-svc.production.svc.cluster.local,10.96.45.99')) },
        'in another namespace': { refusedBy: services.claim, instead: onServer(served('services', ...replaced(SERVICES, 'ledger.production', 'ledger.default'))) },
        'without the ports': { refusedBy: ports.claim, instead: onServer(served('services', ...without(SERVICES, 'srv-host'))) },
        'a record for a port without a name': { refusedBy: ports.claim, instead: onServer(served('services', ...SERVICES, 'srv-host=_5000._tcp.ledger.production.svc.cluster.local,ledger.production.svc.cluster.local,5000')) },
        'the port of the pods': { refusedBy: ports.claim, instead: onServer(served('services', ...replaced(SERVICES, /,80$/, ',8080'))) },
        'the other protocol': { refusedBy: ports.claim, instead: onServer(served('services', ...replaced(SERVICES, '_dns._udp', '_dns._tcp'))) },
        'called by its number': { refusedBy: ports.claim, instead: onServer(served('services', ...replaced(SERVICES, '_http._tcp', '_80._tcp'))) },
        'a short name as its target': { refusedBy: ports.claim, instead: onServer(served('services', ...replaced(SERVICES, 'payment-svc.production.svc.cluster.local,80', 'payment-svc,80'))) },
        'the way back to somebody else': { refusedBy: back.claim, instead: onServer(served('services', 'ptr-record=13.45.96.10.in-addr.arpa,payment-svc.production.svc.cluster.local', ...SERVICES)) },
        'there, and not back': { refusedBy: back.claim, instead: onServer(served('services', ...replaced(SERVICES, 'host-record=ledger.production.svc.cluster.local,10.96.45.13', 'address=/ledger.production.svc.cluster.local/10.96.45.13'))) },
        'an older version': { refusedBy: version.claim, instead: onServer(served('services', ...replaced(SERVICES, '1.1.0', '1.0.1'))) },
        'everything in the zone': { refusedBy: nobodyElse.claim, instead: onServer(served('services', ...SERVICES, 'address=/cluster.local/10.96.45.12')) },
        'everything below a Service': { refusedBy: nobodyElse.claim, instead: onServer(served('services', ...SERVICES, 'address=/payment-svc.production.svc.cluster.local/10.96.45.12')) },
        'everything in a namespace': { refusedBy: nobodyElse.claim, instead: onServer(served('services', ...SERVICES, 'address=/production.svc.cluster.local/10.96.45.12')) },
        // Whoever waits for "no such name" to go on with the list gets "no data".
        'no data where there is no name': { refusedBy: nobodyElse.claim, instead: onServer(served('services', ...SERVICES, 'address=/cluster.local/fd00::1')) },
        'the name denied with the address': { refusedBy: withoutData.claim, instead: onServer(`${served('services', 'port=5353', ...SERVICES)}\nip netns exec dns front`) },
      },
    },
    pods: {
      checks: [headless, podNames, nobodyElse],
      hints: [
        'Which pods are behind `postgres-headless`, and which of them are ready? /etc/cluster/objects.yaml on node3. What should whoever asks for the Service get, that has no address of its own?',
        failing => failing.includes(podNames.claim)
          ? 'Each pod that is ready has a name of its own, in front of the Service\'s. From its address back leads one name: with dnsmasq that of the `host-record` which stands first. And the port leads to the names of the pods, one record for each.'
          : 'As many addresses as pods are ready; none for a Service without one, whose name then does not exist. A pod that is not ready is not among them.',
        'On node3, /etc/dns.d/pods.conf as printed, the two names of pods before those of the Service. Then `while pkill -x dnsmasq; do sleep 0.1; done`, and `ip netns exec dns dnsmasq --conf-dir=/etc/dns.d`.',
      ],
      answers: {
        'one-or-many': measured('what the server says of payment-svc.production', LIST, 'addresses, separated by commas', addressesOf('payment-svc.production.svc.cluster.local'), ['10.244.1.5', '10.96.0.1']),
        'of-headless': measured('what the server says of postgres-headless', LIST, 'addresses, separated by commas', addressesOf(PG), ['10.244.1.5', '10.96.45.12']),
      },
      alternatives: {
        'several names on a line': onServer(served('pods', `host-record=postgres-0.${PG},${PG},10.244.1.5`, `host-record=postgres-1.${PG},${PG},10.244.2.8`, ...PODS.slice(4))),
        'the way back of each pod written out': onServer(served('pods', `ptr-record=5.1.244.10.in-addr.arpa,postgres-0.${PG}`, `ptr-record=8.2.244.10.in-addr.arpa,postgres-1.${PG}`, ...PODS.slice(2, 4), ...PODS.slice(0, 2), ...PODS.slice(4))),
        'a file of hosts for pods': onServer(`printf '%s\\n' '10.244.1.5 postgres-0.${PG} ${PG}' '10.244.2.8 postgres-1.${PG} ${PG}' >/etc/dns.hosts\n${served('pods', 'addn-hosts=/etc/dns.hosts', ...PODS.slice(4))}`),
        // What a server adds to the specification is its own business.
        'names by addresses, too': onServer(served('pods', ...PODS, 'synth-domain=default.pod.cluster.local,10.244.0.0/16')),
      },
      mutants: {
        'an address of the Service': { refusedBy: headless.claim, instead: onServer(served('pods', ...without(PODS, `host-record=${PG}`), `host-record=${PG},10.96.45.20`)) },
        'whoever is there, ready or not': { refusedBy: headless.claim, instead: onServer(served('pods', ...PODS, `host-record=${PG},10.244.3.8`)) },
        'the first pod alone': { refusedBy: headless.claim, instead: onServer(served('pods', ...PODS.slice(0, 3), ...PODS.slice(4))) },
        'another name of the first pod': { refusedBy: headless.claim, instead: onServer(served('pods', ...without(PODS, `host-record=${PG}`), `cname=${PG},postgres-0.${PG}`)) },
        'the pods, and nobody for all of them': { refusedBy: headless.claim, instead: onServer(served('pods', ...without(PODS, `host-record=${PG}`))) },
        'a Service without pods has an address': { refusedBy: headless.claim, instead: onServer(served('pods', ...PODS, 'host-record=cache.default.svc.cluster.local,10.244.3.9')) },
        'an address of a pod that has gone': { refusedBy: headless.claim, after: onServer(served('pods', ...replaced(PODS, `host-record=${PG},10.244.2.8`, `host-record=${PG},10.244.2.7`))) },
        'no names of their own': { refusedBy: podNames.claim, instead: onServer(served('pods', ...PODS.slice(2, 4))) },
        'names without the Service': { refusedBy: podNames.claim, instead: onServer(served('pods', ...replaced(PODS, /(host-record=postgres-\d)\.postgres-headless/, '$1'))) },
        'two names exchanged': { refusedBy: podNames.claim, instead: onServer(served('pods', `host-record=postgres-1.${PG},10.244.1.5`, `host-record=postgres-0.${PG},10.244.2.8`, ...PODS.slice(2))) },
        'a name for a pod that is not ready': { refusedBy: podNames.claim, instead: onServer(served('pods', ...PODS, `host-record=postgres-2.${PG},10.244.3.8`)) },
        'back to the Service': { refusedBy: podNames.claim, instead: onServer(served('pods', ...PODS.slice(2, 4), ...PODS.slice(0, 2), ...PODS.slice(4))) },
        'the port of the Service': { refusedBy: podNames.claim, instead: onServer(served('pods', ...PODS.slice(0, 4), `srv-host=_postgres._tcp.${PG},${PG},5432`)) },
        'the port of one of them': { refusedBy: podNames.claim, instead: onServer(served('pods', ...PODS.slice(0, 5))) },
        'everything below the headless one': { refusedBy: nobodyElse.claim, after: onServer(served('more', `address=/${PG}/10.244.1.5`)) },
      },
    },
    outside: {
      checks: [outside, elsewhere, long, short, fewer, stillListed, completed],
      hints: [
        'Watch both ends: `tail -f /var/log/dns` on node3 and on ext. What does a name of the world pass before anybody asks ext for it, and which setting of batch\'s shortens the way?',
        failing => failing.includes(outside.claim)
          ? 'The server has to know whom to ask for what it does not know: `server=`. For its own zone there is nobody to ask: `local=/cluster.local/` says so, and has to stay.'
          : failing.includes(elsewhere.claim)
            ? 'An ExternalName is another name: a CNAME, and no address, since that is somebody else\'s to change.'
            : failing.includes(completed.claim)
              ? 'web was to stay as it was. The setting is one pod\'s.'
              : '`ndots` is the number of dots from which on a name is asked for as it is first. `api.example.com` has two. The list itself is as long as before.',
        'On node3, /etc/dns.d/outside.conf: `server=192.168.1.200` and `cname=partner.production.svc.cluster.local,api.example.com`; then the server anew. /etc/netns/batch/resolv.conf: `nameserver 10.96.0.10`, `search default.svc.cluster.local svc.cluster.local cluster.local`, `options ndots:2`.',
      ],
      answers: {
        'how-many-questions': measured('how many questions leave web', /^\d+$/, 'a number, for example 3', async bench => {
          const { stdout } = await bench.place('node1/web').exec([TOOL, 'names', 'api.example.com'])
          return String([...stdout.matchAll(/^asked /gm)].length)
        }, ['1', '2', '4', '6']),
      },
      alternatives: {
        'for the world alone': onServer(outwards('server=/#/192.168.1.200', ALIAS)),
        'by a file of its own': onServer(`echo 'nameserver 192.168.1.200' >/etc/resolv.upstream\n${base().replace('no-resolv\n', 'resolv-file=/etc/resolv.upstream\n')}\n${outwards(ALIAS)}`),
        'CoreDNS, that asks for the rest': { requires: REAL, instead: all => realDns('192.168.1.200')(all).then(() => bash(all.node3, resolvOf('batch', 'default', 2))) },
        'CoreDNS, that completes names itself': { requires: REAL, instead: all => realDns('192.168.1.200', 'autopath @kubernetes')(all).then(() => bash(all.node3, resolvOf('batch', 'default', 2))) },
      },
      mutants: {
        'it asks itself': { refusedBy: outside.claim, instead: onServer(outwards(`server=${VIP}`, ALIAS)) },
        'it asks nobody': { refusedBy: outside.claim, instead: onServer(outwards(ALIAS)) },
        'it asks a machine that is no server': { refusedBy: outside.claim, instead: onServer(outwards('server=192.168.1.12', ALIAS)) },
        'it knows the world by heart': { refusedBy: outside.claim, instead: onServer(outwards(`host-record=api.example.com,${API}`, ALIAS)) },
        'strangers are asked about the cluster': { refusedBy: outside.claim, instead: onServer(`${base().replace('\nlocal=/cluster.local/', '')}\n${outwards('server=192.168.1.200', ALIAS)}`) },
        'an address in place of another name': { refusedBy: elsewhere.claim, instead: onServer(outwards('server=192.168.1.200', `host-record=partner.production.svc.cluster.local,${API}`)) },
        'another name of somebody else': { refusedBy: elsewhere.claim, instead: onServer(outwards('server=192.168.1.200', ALIAS.replace('api.example.com', 'www.example.com'))) },
        'the alias forgotten': { refusedBy: elsewhere.claim, instead: onServer(outwards('server=192.168.1.200')) },
        'batch as it was': { refusedBy: short.claim, instead: onServer(`${served('outside', 'server=192.168.1.200', ALIAS)}\n${resolvOf('batch', 'default')}`) },
        'ndots 1': { refusedBy: fewer.claim, instead: onServer(`${served('outside', 'server=192.168.1.200', ALIAS)}\n${resolvOf('batch', 'default', 1)}`) },
        'ndots 3': { refusedBy: short.claim, instead: onServer(`${served('outside', 'server=192.168.1.200', ALIAS)}\n${resolvOf('batch', 'default', 3)}`) },
        'fewer names by a shorter list': { refusedBy: fewer.claim, instead: onServer(`${served('outside', 'server=192.168.1.200', ALIAS)}\n${resolv('batch', `nameserver ${VIP}`, 'options ndots:2')}`) },
        'straight to the outside': { refusedBy: short.claim, instead: onServer(`${served('outside', 'server=192.168.1.200', ALIAS)}\n${resolv('batch', 'nameserver 192.168.1.200', searchOf('default'), 'options ndots:2')}`) },
        'ndots 2 for everybody': { refusedBy: completed.claim, after: ({ node1 }) => bash(node1, resolvOf('web', 'default', 2)) },
        'the world by a file of hosts': { refusedBy: short.claim, after: ({ node3 }) => bash(node3, `echo '${API} api.example.com' >/etc/netns/batch/hosts`) },
        'nothing gets out to port 53': { refusedBy: outside.claim, after: ({ node3 }) => bash(node3, 'iptables -I FORWARD -d 192.168.1.200 -p udp --dport 53 -j DROP; iptables -I FORWARD -d 192.168.1.200 -p tcp --dport 53 -j DROP') },
      },
    },
    training: {
      checks: [theirService, theirPorts, theirPeers, theirPods, meeting],
      hints: [
        'Read /etc/cluster/training.yaml on node3 as you read the other file. Which of its Services has an address? Which ports have names? Which pods are to be found, though none is ready, and why?',
        failing => failing.includes(meeting.claim) && failing.length === 1
          ? 'The records are there. trainer-0 is on node2, and in the namespace training: what does its /etc/resolv.conf have to say?'
          : failing.includes(theirPeers.claim) || failing.includes(theirPods.claim)
            ? '`publishNotReadyAddresses: true` says that pods are behind the Service as soon as they have an address. So all of them have their records: in the Service\'s name, by their own, back, and for the port.'
            : 'The names are those of the third step, with another namespace. A port without a name has no SRV record.',
        `On node3, a file in /etc/dns.d with these lines, then the server anew: ${TRAINING.map(line => `\`${line}\``).join(', ')}. On node2, /etc/netns/trainer-0/resolv.conf as shop's, with \`training\` in place of \`production\`.`,
      ],
      solution: ({ node2, node3 }) => Promise.all([bash(node2, resolvOf('trainer-0', 'training')), bash(node3, served('training', ...TRAINING))]),
      alternatives: {
        'several names of training on a line': brought(`host-record=trainer-0.${TR},${TR},10.244.2.6`, `host-record=trainer-1.${TR},${TR},10.244.1.6`, ...TRAINING.slice(5), ...TRAINING.slice(0, 1)),
        'CoreDNS, and nothing to write but the objects': {
          requires: REAL,
          instead: async all => {
            await realDns('192.168.1.200')(all)
            await apply(all.ext, `${training}\n---\n${file('training-slices.yaml')}`)
            await bash(all.node2, resolvOf('trainer-0', 'training'))
          },
        },
      },
      mutants: {
        'only what is ready': { refusedBy: theirPeers.claim, instead: brought(...TRAINING.slice(0, 1)) },
        'the names, and not the Service': { refusedBy: theirPeers.claim, instead: brought(...without(TRAINING, `host-record=${TR}`)) },
        'the Service, and not the names': { refusedBy: theirPods.claim, instead: brought(TRAINING[0] ?? '', ...TRAINING.slice(3, 5)) },
        'their port forgotten': { refusedBy: theirPods.claim, instead: brought(...TRAINING.slice(0, 5)) },
        'a name for the port of board': { refusedBy: theirPorts.claim, instead: brought(...TRAINING, 'srv-host=_http._tcp.board.training.svc.cluster.local,board.training.svc.cluster.local,6006') },
        'board forgotten': { refusedBy: theirService.claim, instead: brought(...TRAINING.slice(1)) },
        'their records, and the resolver of default': { refusedBy: meeting.claim, instead: all => brought(...TRAINING)(all).then(() => bash(all.node2, resolvOf('trainer-0', 'default'))) },
        'their records alone': { refusedBy: meeting.claim, instead: onServer(served('training', ...TRAINING)) },
        'the address that trainer-1 had before': { refusedBy: theirPods.claim, after: onServer(served('training', ...replaced(TRAINING, `trainer-1.${TR},10.244.1.6`, `trainer-1.${TR},10.244.1.7`))) },
      },
    },
  },
})
