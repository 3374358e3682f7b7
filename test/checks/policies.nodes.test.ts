// The checks of policies on real nodes: each passes where the rules are what the objects say, and fails for the reason that they are not.
import { readFileSync } from 'node:fs'
import { describe } from 'vitest'
import * as checks from '../../checks/index.ts'
import { objectsOf } from '../../kubernetes/index.ts'
import { selectors, theRest } from '../../labs/19-networkpolicy/unseen.ts'
import { blue, emptyNetwork, green, red, routed } from './network.ts'
import { changeNothing, fails, passes, type Deed } from './on-nodes.ts'

const pod = (name: string, node: number, ip: string) =>
  `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}}, spec: {nodeName: node${node}, containers: [{name: main, image: x}]}, status: {podIP: ${ip}}}`
const objects = objectsOf(['{apiVersion: v1, kind: Namespace, metadata: {name: shop}}', pod('red', 1, '10.244.1.2'), pod('blue', 1, '10.244.1.3'), pod('green', 2, '10.244.2.2'),
  '{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: only-red, namespace: shop}, spec: {podSelector: {matchLabels: {app: blue}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: red}}}]}]}}'].join('\n---\n'))

const rules = (...lines: readonly string[]): Deed => ({ node1 }) => node1`bash -ec ${`sysctl -qw net.bridge.bridge-nf-call-iptables=1
nft -f - <<'END'
table ip netpol {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ${lines.join('\n    ')}
  }
}
END`}`
const answers = 'ct state established,related accept'
const onlyRed = 'ip daddr 10.244.1.3 ip saddr != 10.244.1.2 drop'

describe('asPoliciesSay', () => {
  const check = checks.asPoliciesSay('only red reaches blue', async () => objects, { ports: ['80', '80/UDP'] })
  passes('as the policy says', routed, check, rules(answers, onlyRed))
  passes('with a word', routed, check, rules(answers, onlyRed.replace('drop', 'reject')))
  fails('no rule', routed, check, rules(answers), /^shop\/green reaches shop\/blue on TCP 80, but shop\/only-red isolates shop\/blue for ingress/)
  fails('one protocol', routed, check, rules(answers, `ip protocol tcp ${onlyRed}`), /^shop\/green reaches shop\/blue on UDP 80/)
  fails('only the answer is kept back', routed, check, rules('ip daddr 10.244.2.2 ip saddr 10.244.1.3 drop', `ip protocol udp ${onlyRed}`), /shop\/green says arrives at shop\/blue on TCP 80.*only the answer is lost/)
  fails('answers are dropped', routed, check, rules(onlyRed), /^shop\/blue hears nothing from shop\/green|arrives at shop\/green on (TCP|UDP) 80.*no answer comes back/)
  fails('the node itself', routed, check, ({ node1 }) => node1`nft ${`add table ip n; add chain ip n o { type filter hook output priority 0; }; add rule ip n o ip daddr 10.244.1.3 drop`}`, /^its own node hears nothing from shop\/blue/)
  const part = checks.asPoliciesSay('green reaches red', async () => objects, { ports: ['80'], about: (from, to) => from === 'shop/green' && to === 'shop/red' })
  passes('what is not asked is nobody\'s business', routed, part)
  changeNothing('nothing is changed', routed, [check], rules(answers, onlyRed))
})

describe('keptOut', () => {
  const check = checks.keptOut(green, blue, [{ port: 80, protocol: 'udp' }], { still: red })
  passes('by a rule', routed, check, rules(onlyRed))
  passes('with a word', routed, check, rules(onlyRed.replace('drop', 'reject')))
  fails('not at all', routed, check, async () => {}, /^green reaches blue by UDP port 80$/)
  fails('by TCP alone', routed, check, rules(`ip protocol tcp ${onlyRed}`), /^green reaches blue by UDP port 80$/)
  fails('by its answer alone', routed, check, rules('ip daddr 10.244.2.2 ip saddr 10.244.1.3 drop'), /^green reaches blue by UDP port 80, seen there as 10\.244\.2\.2, and only the answer is lost$/)
  fails('with all others', routed, check, rules('ip saddr 10.244.2.2 drop'), /^nothing shows that anybody is kept out: green does not reach red by UDP port 80: .*drops/)
  fails('by itself, too', routed, check, ({ node1 }) => node1`ip netns exec blue nft ${'add table ip n; add chain ip n i { type filter hook input priority 0; }; add rule ip n i udp dport 80 drop'}`, /^nothing shows that anybody is kept out: blue does not reach blue/)
})

describe('compilesPolicies', () => {
  const compiler = { node: 'node1', program: '/usr/local/bin/netpol', directory: '/srv/cluster' }
  const claims = [
    checks.compilesPolicies(compiler, selectors)('selectors', { ports: ['81', '82', '83', '84', '85', '86', '81/UDP'] }),
    checks.compilesPolicies(compiler, theRest)('the rest', { ports: ['81', '87', '8001', '8002', '8004', '8006'], outside: theRest.outside, about: (from, to) => !/blue\/new|red\/web|green\/bare/.test(from) || from !== to }),
  ] as const
  const program = (script: string): Deed => ({ node1 }) => node1`bash -ec ${`mkdir -p /srv/cluster; cat >/srv/compile.jq <<'END'
${readFileSync(new URL('../../labs/19-networkpolicy/files/compile.jq', import.meta.url), 'utf8')}END
cat >/usr/local/bin/netpol <<'END'
#!/bin/sh
cd /srv/cluster || exit
${script}
END
chmod +x /usr/local/bin/netpol`}`
  const whole = `jq -n --arg node "$1" '{$node, pods: input, namespaces: input, policies: input}' pods.json namespaces.json policies.json | jq -rf /srv/compile.jq`
  for (const check of claims) passes(`the program of the lab: ${check.claim}`, emptyNetwork, check, program(whole))
  fails('none', emptyNetwork, claims[0], async () => {}, /^node1 has no program \/usr\/local\/bin\/netpol that can be run, or no \/srv\/cluster$/)
  fails('one that fails', emptyNetwork, claims[0], program('echo no policies yet >&2; exit 1'), /^with objects that it has not seen, `\/usr\/local\/bin\/netpol node1` fails: no policies yet$/)
  fails('one that prints what nft does not take', emptyNetwork, claims[0], program('echo drop all'), /prints is refused by nft: .*syntax error/)
  fails('one that prints nothing', emptyNetwork, claims[0], program(':'), /^blue\/api reaches red\/api on TCP 81, but blue\/out isolates blue\/api for egress/)
  fails('one that writes elsewhere', emptyNetwork, claims[0], program('touch /srv/x'), /Read-only file system$/)
  changeNothing('nothing is left', emptyNetwork, claims, program(whole))
})
