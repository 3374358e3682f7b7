// Plugins of the Container Network Interface. All checks pass on a right one; each fails for the reason that it names on
// wrong ones; and none of them changes the node.
import { readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import {
  cniCollects, cniConfigured, cniFifty, cniFull, cniGivesBack, cniJoins, cniLeaves, cniNeighbours, cniNotices, cniPassesOn, cniRefuses, cniSets, cniSpeaks, cniStatus, cniTaken,
} from '../../checks/index.ts'
import type { Check } from '../../runner/core/bench.ts'
import { judgeAll } from '../../runner/engine/judge.ts'
import { emptyNetwork, UNHURRIED, UNTIL_RIGHT, type Network } from './network.ts'
import { changeNothing, test, type Deed } from './on-nodes.ts'

const PLUGIN = readFileSync(new URL('../../labs/12-write-a-cni/files/netlab.pl', import.meta.url), 'utf8')
const RANGE = '10.244.1.0/26'
const CONF = '/etc/cni/net.d/10-pods.conflist'

const write = ({ node1 }: Network, path: string, text: string): Promise<unknown> =>
  node1`bash -ec ${'mkdir -p "$(dirname "$1")"; cat >"$1" <<<"$2"; chmod +x "$1"'} write ${path} ${text}`
const plugin = (text: string): Deed => network => write(network, '/opt/cni/bin/netlab', text)
/** The right one, with one text of it replaced. */
const but = (from: string, to: string): Deed => {
  if (!PLUGIN.includes(from)) throw new Error(`the plugin has no ${from}`)
  return plugin(PLUGIN.replaceAll(from, () => to))
}
const list = (...more: readonly object[]): Deed => network => write(network, CONF, JSON.stringify({
  cniVersion: '1.1.0', name: 'pods', plugins: [{ type: 'netlab', bridge: 'cni0', subnet: RANGE, gateway: '10.244.1.1' }, ...more],
}))
/** A second plugin, which does something in the pod after ADD and prints something. */
const second = (does: string, prints: string): Deed => async network => {
  await list({ type: 'second' })(network)
  await write(network, '/opt/cni/bin/second', `#!/bin/bash
config=$(cat)
case $CNI_COMMAND in
  VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.1.0"]}' ;;
  ADD)
    jq -e . <<<"$config" >/dev/null 2>&1 || { echo '{"code":6,"msg":"no configuration"}'; exit 1; }
    [ -n "$CNI_CONTAINERID" ] || { echo '{"code":4,"msg":"CNI_CONTAINERID is not set"}'; exit 1; }
    ${does}; ${prints} ;;
  DEL|CHECK|STATUS|GC) ;;
  *) echo '{"code":4,"msg":"not known"}'; exit 1 ;;
esac`)
}
const SET = 'nsenter --net="$CNI_NETNS" sysctl -qw net.ipv4.tcp_keepalive_time=600'
const PASS_ON = 'jq .prevResult <<<"$config"'
const right: Deed = async network => {
  await Promise.all([list()(network), plugin(PLUGIN)(network)])
}

const onePod = [
  cniConfigured('node1'), cniSpeaks('node1'), cniRefuses('node1'), cniJoins('node1', RANGE), cniNeighbours('node1'), cniTaken('node1'), cniLeaves('node1'), cniNotices('node1'),
  cniSets('node1', 'net.ipv4.tcp_keepalive_time', '600'), cniPassesOn('node1'),
]
const manyPods = [cniFifty('node1', RANGE), cniFull('node1'), cniGivesBack('node1'), cniStatus('node1'), cniCollects('node1')]

test('a right plugin, and one chained to it, pass everything, whatever pods the node has', async () => {
  const network = await emptyNetwork()
  await right(network)
  await write(network, '/var/lib/cni/pods.list', '10.244.1.2 somebody eth0\n10.244.1.3 somebody-else eth0')
  await second(SET, PASS_ON)(network)
  // All of them at once are some hundred processes.
  for (const some of [onePod, manyPods]) {
    for (const { claim, verdict } of await judgeAll(some, async () => network.bench(), UNTIL_RIGHT)) expect({ claim, verdict }).toMatchObject({ claim, verdict: { status: 'pass' } })
  }
})

changeNothing('nothing is changed by looking', emptyNetwork, [cniJoins('node1', RANGE), cniLeaves('node1')], async network => {
  await right(network)
  // Cables that have just been plugged in say so a moment later.
  await Promise.all([network.node1, network.node2, network.node3].map(node => node`until ip link show eth0 | grep -q ',LOWER_UP' && ! ip link show eth0 | grep -q NO-CARRIER; do sleep 0.01; done`))
})

test('without a configuration everything fails, and says so', async () => {
  const network = await emptyNetwork()
  for (const { verdict } of await judgeAll([...onePod, ...manyPods], async () => network.bench(), UNHURRIED)) {
    expect(verdict).toMatchObject({ status: 'fail', because: '/etc/cni/net.d has no configuration' })
  }
})

/** On one node, one wrong plugin after the other. */
function fails(check: Check, ways: Readonly<Record<string, readonly [Deed, RegExp]>>): void {
  test(check.claim, async () => {
    const network = await emptyNetwork()
    for (const [title, [wrong, reason]] of Object.entries(ways)) {
      await right(network)
      await wrong(network)
      const verdict = await network.settles(check, reason)
      expect(verdict, title).toMatchObject({ status: 'fail' })
      expect(verdict.status === 'fail' && verdict.because, title).toMatch(reason)
    }
  })
}

describe('wrong ones are refused', () => {
  fails(cniConfigured('node1'), {
    'a name that no runtime looks for': [({ node1 }) => node1`mv ${CONF} /etc/cni/net.d/10-pods.yaml`, /^\/etc\/cni\/net\.d has 10-pods\.yaml, and nothing that ends in \.conflist or \.conf$/],
    'no JSON': [network => write(network, CONF, '{ "cniVersion": "1.1.0", }'), /10-pods\.conflist is no JSON: /],
    'no such program': [list({ type: 'netlap' }), /names the plugin netlap, and there is no \/opt\/cni\/bin\/netlap$/],
    'no right to run it': [({ node1 }) => node1`chmod -x /opt/cni/bin/netlab`, /\/opt\/cni\/bin\/netlab is there, and cannot be run/],
  })
  fails(cniSpeaks('node1'), {
    'a log on standard output': [but("my $verb = ", 'print "called\\n";\nmy $verb = '), /^what netlab prints after VERSION is no JSON: /],
    'other versions': [but('["1.0.0","1.1.0"]', '["0.4.0"]'), /^the network is in 1\.1\.0, and netlab speaks 0\.4\.0$/],
  })
  fails(cniRefuses('node1'), {
    'with exit code 0': [but('  exit 1;', '  exit 0;'), /^netlab is asked for a verb that nobody knows, FROBNICATE, and ends with 0$/],
    'in words': [but('print qq({"cniVersion":"$version","code":$code,"msg":"$msg"}\\n);', 'print "$msg\\n";'), /^asked for a verb that nobody knows, FROBNICATE: netlab ended with 1 after FROBNICATE, and its standard output is no JSON/],
    'on standard error': [but('print qq({"cniVersion":"$version","code"', 'print STDERR qq({"cniVersion":"$version","code"'), /its standard output is empty: expected an error with `code` and `msg`$/],
    'without the name': [but('"$variable is not set"', '"it is not set"'), /netlab does not say which variable is missing/],
  })
  fails(cniJoins('node1', RANGE), {
    'always eth0': [but('@ENV{qw(CNI_CONTAINERID CNI_IFNAME CNI_NETNS)}', "@ENV{qw(CNI_CONTAINERID CNI_IFNAME CNI_NETNS)}; $ifname = 'eth0'"), /^CNI_IFNAME was net[0-9a-f]{6}, and the pod has eth0$/],
    'made on the node under its final name': [but(", 'netns', $netns) or", ") && ran(qw(ip link set), $ifname, 'netns', $netns) or"), /^asked for eth0: netlab refuses ADD, with code 101/],
    'a result that is not true': [but('"address":"$address/$length"', '"address":"$base.61/$length"'), /^the result says that net[0-9a-f]{6} has 10\.244\.1\.61, and it has 10\.244\.1\.2\/26$/],
    'no way out': [but(" && inside(qw(route add default via), $gateway)", ''), /^the pod does not reach 192\.168\.1\.11, the address of node1: Network is unreachable$/],
  })
  fails(cniNeighbours('node1'), {
    'the same address for all': [but('grep { $_ ne $gateway && !$taken->{$_} }', 'grep { $_ ne $gateway }'), /^a pod with 10\.244\.1\.2 does not reach one with 10\.244\.1\.2 by (TCP|UDP)/],
    'somebody else on the way': [but("ran(qw(ip link set), $bridge, 'up');", "ran(qw(ip link set), $bridge, 'up'); ran('nft', 'table ip m { chain p { type nat hook postrouting priority srcnat; masquerade; }; }'); ran(qw(sysctl -w net.bridge.bridge-nf-call-iptables=1));"), /^a pod with 10\.244\.1\.2 is seen as 10\.244\.1\.1 by one with 10\.244\.1\.3$/],
  })
  fails(cniTaken('node1'), {
    'replaced': [but('  my $host =', '  inside(qw(link del), $ifname);\n  my $host ='), /and netlab ends with 0 when it is asked to make that$/],
    'taken away': [but('or refuse(101,', 'or gone(), refuse(101,'), /^netlab refuses, and net[0-9a-f]{6} is gone$/],
  })
  fails(cniLeaves('node1'), {
    'the interface stays': [but("inside(qw(link del), $ifname) if $netns ne '';", ''), /^after DEL the pod still has net[0-9a-f]{6}$/],
    'once and no more': [but('sub del { gone();', "sub del { inside(qw(link show), $ifname) or refuse(106, 'not there'); gone();"), /^called a second time: netlab refuses DEL, with code 106: not there$/],
    'only with a namespace': [but('sub del {', "sub del { -e $netns or refuse(3, 'no namespace');"), /^for a pod whose namespace is gone, whose path is given: netlab refuses DEL, with code 3/],
  })
  fails(cniNotices('node1'), {
    'no look at routes': [but("refuse(105, 'no default route') if", 'return if'), /^its default route is gone, and CHECK ends with 0$/],
    'never content': [but('sub check {', "sub check { refuse(104, 'no');"), /^the pod is as ADD left it: netlab refuses CHECK, with code 104: no$/],
  })
  fails(cniFifty('node1', RANGE), {
    'nobody waits': [but('my @answer = $work', 'flock $list, LOCK_UN;\n  select undef, undef, undef, 0.3;\n  my @answer = $work'), /^(\d+ of 50 get 10\.244\.1\.\d+; \d+ addresses for 50 pods|\d+ of 50 get none: .*)$/],
    'half of the range': [but('2 ** (32 - $length) - 2', '30'), /^\d+ of 50 get none: netlab refuses ADD, with code 102: no address is left$/],
  })
  fails(cniFull('node1'), {
    'more than there are': [but('2 ** (32 - $length) - 2', '62 + 40'), /^a pod gets 10\.244\.1\.63, which is no address for a machine: it is the first or the last of a \/26$/],
    'no word about it': [but("refuse(102, 'no address is left')", 'exit 1'), /^after 61 pods: netlab ended with 1 after ADD, and its standard output is empty/],
  })
  fails(cniGivesBack('node1'), {
    'kept for ever': [but('delete $taken->{$_} for keys %$taken; return }', '1 for keys %$taken; return }'), /nobody could join after that: addresses are lost$/],
    'all of them': [but('$taken->{$_} eq "$id $ifname" and delete', 'delete'), /and then a new one gets 10\.244\.1\.\d+, whose pod is still there$/],
    'whoever is called the same': [but('my ($id, $ifname, $netns) = map { $_ // \'\' } @ENV{qw(CNI_CONTAINERID', 'my ($id, $ifname, $netns) = map { $_ // \'\' } @ENV{qw(CNI_IFNAME'), /and then a new one gets 10\.244\.1\.\d+, whose pod is still there$/],
    'only where a namespace is named': [but('sub del { gone();', "sub del { gone() if $netns ne '';"), /left, and only 2 of 3 could join after that: addresses are lost$/],
  })
  fails(cniStatus('node1'), {
    'always well': [but('sub status {', 'sub status { exit 0;'), /^no address is left, and STATUS ends with 0$/],
    'never well': [but('sub status {', "sub status { refuse(50, 'not yet');"), /^nobody has joined yet: netlab refuses STATUS, with code 50: not yet$/],
  })
  fails(cniCollects('node1'), {
    'nothing': [but('sub gc {', 'sub gc { exit 0;'), /vanished, and nobody could join after that: addresses are lost$/],
    'everything': [but('$valid{$taken->{$_}} or delete', 'delete'), /vanished, and then a new one gets 10\.244\.1\.\d+, whose pod is still there$/],
  })
  fails(cniSets('node1', 'net.ipv4.tcp_keepalive_time', '600'), {
    'nobody does': [second('true', PASS_ON), /^it is \d+, as it was before$/],
    'on the node': [second('sysctl -qw net.ipv4.tcp_keepalive_time=600', PASS_ON), /^it is \d+, as it was before$/],
  })
  fails(cniPassesOn('node1'), {
    'nobody to pass it on': [right, /^the network pods has one plugin, netlab$/],
    'the configuration instead': [second(SET, 'cat <<<"$config"'), /^second prints something else than it was told as prevResult$/],
    'nothing': [second(SET, 'true'), /^what second prints after ADD is empty$/],
  })
})
