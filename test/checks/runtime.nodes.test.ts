// What a container runtime has made: each check passes on two nodes with a real containerd, and fails for each reason that it can
// name. One lab for all, in the order of a story: to start a runtime for each reason would take most of the time.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { containerIn, leasesArePods, nothingLeftOf, podsElsewhereStays, podsReach, podUp, runtimeGives, runtimePlugins, runtimeReady } from '../../checks/index.ts'
import { containerRuntime } from '../../fixtures/kubernetes/cluster.ts'
import { fetched } from '../../runner/components/cache.ts'
import type { Bench, Check } from '../../runner/core/bench.ts'
import type { Nodes } from '../../runner/core/lab.ts'
import type { Verdict } from '../../runner/core/verdict.ts'
import { parseTopology } from '../../runner/core/topology.ts'
import { makeBench } from '../../runner/engine/bench.ts'
import { judge, judgeAll } from '../../runner/engine/judge.ts'
import { shells } from '../../runner/engine/shell.ts'
import { folders } from '../../runner/engine/state.ts'
import { chosen } from '../helpers/chosen.ts'
import { startLab, type StartedLab } from '../helpers/nodes.ts'
import { providersHere } from '../helpers/providers.ts'
import { UNHURRIED } from './network.ts'

const topology = parseTopology(readFileSync(new URL('../../fixtures/topologies/two-runtimes.yaml', import.meta.url), 'utf8'), 'two-runtimes.yaml')
const missing = [...new Set(topology.nodes.flatMap(({ components = [] }) => components))].filter(name => !fetched(folders().cache).includes(name))
const because = (await providersHere()).find(({ name }) => name === 'embedded')?.because ?? (missing.length > 0 ? `${missing.join(', ')} not fetched: npx lab fetch` : undefined)

const [one, two] = ['10.244.1.0/24', '10.244.2.0/24'] as const
const ready = runtimeReady('node1')
const gives = runtimeGives('node1', one)
const plugins = runtimePlugins('node1')
const web = podUp('web', 'node1', one)
const inWeb = containerIn('web', 'node1')
const leased = leasesArePods('node1')
const gone = nothingLeftOf('web', 'node1')
const across = podsReach({ web: 'node1', db: 'node2' })
const elsewhere = podsElsewhereStays({ web: 'node1', db: 'node2' }, '10.244.0.0/16')

const conflist = (range: string, ipam = `{"type":"host-local","ranges":[[{"subnet":"${range}"}]],"routes":[{"dst":"0.0.0.0/0"}]}`) =>
  `{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"bridge","bridge":"cni0","isGateway":true,"ipam":${ipam}}]}`
const put = (text: string, file = '10.conflist') => `mkdir -p /etc/cni/net.d; cat >/etc/cni/net.d/${file} <<'END'\n${text}\nEND`
/** containerd reads a configuration when it is told that a file has changed, which is a while after it has. */
const NETWORK_READY = "until crictl info | jq -e '.status.conditions[] | select(.type == \"NetworkReady\").status' >/dev/null; do sleep 0.1; done"
const run = (name: string, more = '') => `echo 'metadata: { name: ${name}, namespace: default, uid: ${name} }${more}' >/root/${name}.yaml; crictl runp /root/${name}.yaml`
const serving = (name: string) => `echo '{ metadata: { name: httpd }, image: { image: localhost/tools:lab }, command: [httpd, -f, -p, "8080"] }' >/root/httpd.yaml
crictl start $(crictl create $(crictl pods -q --state ready --name '^${name}$') /root/httpd.yaml /root/${name}.yaml)`
const inPod = (name: string) => `nsenter -t $(crictl inspectp --name '^${name}$' --state ready | jq .info.pid) -n`
const remove = (name: string) => `crictl rmp -f $(crictl pods -q --name '^${name}$')`

/** What is done, on node1 unless it says otherwise, and what then is seen. */
interface Case {
  readonly title: string
  readonly does?: string
  readonly on?: 'node2'
  readonly sees: readonly (readonly [Check, 'pass' | RegExp])[]
}

const story: readonly Case[] = [
  { title: 'no configuration', sees: [
    [ready, /^NetworkReady is false: cni plugin not initialized\. Of its configurations containerd says: no network config found in \/etc\/cni\/net\.d/],
    [gives, /has no network for pods: none of its configurations is in force$/], [plugins, /has no network for pods/],
    [web, /^node1 has no pod called web: none is ready$/], [across, /^node1 has no pod called web/], [elsewhere, /^node1 has no pod called web/], [leased, 'pass'], [gone, 'pass'],
  ] },
  { title: 'bad JSON', does: put(conflist(one).replace(',', '')), sees: [[ready, /10\.conflist: error parsing configuration list: invalid character/]] },
  { title: 'another range', does: put(conflist('10.88.0.0/16')), sees: [[ready, 'pass'], [gives, /^the network pods, which is in force on node1, gives addresses of 10\.88\.0\.0\/16$/]] },
  { title: 'a range that is too large', does: put(conflist('10.244.0.0/16')), sees: [[gives, /gives addresses of 10\.244\.0\.0\/16$/]] },
  { title: 'no addresses', does: put('{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"bridge"}]}'), sees: [[gives, /gives pods no addresses: none of its plugins has an ipam$/]] },
  { title: 'right', does: put(conflist(one)), sees: [[ready, 'pass'], [gives, 'pass'], [plugins, 'pass']] },
  { title: 'a part of the range', does: put(conflist('10.244.1.128/25')), sees: [[gives, 'pass']] },
  { title: 'the first by name is another', does: `${put(conflist(one))}\n${put(conflist(two), '05.conflist')}`, sees: [[gives, /gives addresses of 10\.244\.2\.0\/24$/]] },
  { title: 'a plugin that is not there', does: `rm /etc/cni/net.d/05.conflist; ${put(conflist(one).replace('"bridge"', '"brigde"'))}`, sees: [[ready, 'pass'], [plugins, /^containerd on node1 looks in \/opt\/cni\/bin, and does not find brigde there$/]] },
  { title: 'a plugin that may not run', does: `${put(conflist(one))}\ncp --remove-destination $(readlink -f /opt/cni/bin/loopback) /opt/cni/bin/loopback; chmod -x /opt/cni/bin/loopback`, sees: [[plugins, /^loopback of node1 cannot be run: \/opt\/cni\/bin\/loopback is no program/]] },
  { title: 'a plugin that says nothing', does: 'cp --remove-destination /bin/true /opt/cni/bin/loopback', sees: [[plugins, /^loopback of node1 does not answer when it is asked for its version$/]] },
  { title: 'a pod on each node', does: `cp -L --remove-destination /usr/local/lib/hardway/components/cni-plugins-*/loopback /opt/cni/bin/; ${run('web')}`, sees: [[plugins, 'pass'], [web, 'pass'], [leased, 'pass'], [gone, /^web still runs on node1$/], [inWeb, /^containerd on node1 runs no container in web$/]] },
  { title: 'and no routes', does: `${put(conflist(two))}\n${NETWORK_READY}\n${run('db')}`, on: 'node2', sees: [[across, /^web does not reach db/]] },
  { title: 'a route there', does: 'ip route add 10.244.2.0/24 via 192.168.1.12', sees: [[across, /the reply does not/]] },
  { title: 'and back', does: 'ip route add 10.244.1.0/24 via 192.168.1.11', on: 'node2', sees: [[across, 'pass'], [elsewhere, 'pass']] },
  { title: 'and more than that', does: 'ip route add default via 192.168.1.12', sees: [[across, 'pass'], [elsewhere, /^what web sends to \S+, which nobody has, leaves node1 by the wire$/]] },
  { title: 'the other is seen as its node', does: 'ip route del default; nft add table ip n; nft "add chain ip n p { type nat hook postrouting priority srcnat; }"; nft add rule ip n p oif eth0 masquerade', sees: [[across, /^db sees 192\.168\.1\.11 instead of/]] },
  { title: 'a container', does: `nft delete table ip n; ${serving('web')}`, sees: [[inWeb, 'pass'], [across, 'pass']] },
  { title: 'a container elsewhere', does: `${run('api')}; ${serving('api')}; crictl rm -f $(crictl ps -q --pod $(crictl pods -q --name '^web$'))`, sees: [[inWeb, /runs no container in web: those that run are in api$/]] },
  { title: 'the loopback down', does: `${inPod('web')} ip link set lo down`, sees: [[web, /^lo of web is down/]] },
  { title: 'eth0 down', does: `${inPod('web')} ip link set lo up; ${inPod('web')} ip link set eth0 down`, sees: [[web, /^eth0 of web is down$/]] },
  { title: 'no address', does: `${inPod('web')} ip link set eth0 up; ${inPod('web')} ip addr flush dev eth0`, sees: [[web, /^web has no address of 10\.244\.1\.0\/24: it has none at all$/]] },
  { title: 'a foreign address, and so no lease for it', does: `${inPod('web')} ip addr add 10.9.9.9/24 dev eth0`, sees: [[web, /^web has no address of 10\.244\.1\.0\/24: eth0 has 10\.9\.9\.9\/24$/], [leased, /^web has 10\.9\.9\.9, and no lease for it/]] },
  { title: 'its pause killed', does: 'kill -9 $(crictl inspectp --name "^web$" | jq .info.pid)', sees: [[web, /^the pod web of node1 is NotReady: its sandbox has ended$/], [leased, /^10\.244\.1\.\d+ is still leased, to web, which has stopped$/], [gone, /^the network namespace cni-[-0-9a-f]+ is still there, and no pod that runs has it$/]] },
  { title: 'stopped', does: remove('web'), sees: [[web, /^node1 has no pod called web: ready are api$/], [leased, 'pass'], [gone, 'pass']] },
  { title: 'a lease of nobody', does: 'printf "abc\\r\\neth0" >/var/lib/cni/networks/pods/10.244.1.77', sees: [[leased, /^10\.244\.1\.77 is still leased, to abc, which containerd on node1 does not have$/]] },
  { title: 'in the network of the node', does: `rm /var/lib/cni/networks/pods/10.244.1.77; ${run('web', '\nlinux: { security_context: { namespace_options: { network: 2 } } }')}`, sees: [[web, /^web is in node1's own network$/], [leased, 'pass']] },
  { title: 'nobody answers', does: 'kill $(pidof containerd); while pidof containerd >/dev/null; do sleep 0.02; done', sees: [[ready, /^containerd on node1 does not answer: there is (no socket|nobody at its socket)$/], [gives, /does not answer/], [plugins, /does not answer/], [inWeb, /does not answer/], [leased, /does not answer/], [gone, /does not answer/]] },
]

describe.skipIf(because !== undefined)(`checks of a container runtime${because === undefined ? '' : ` (skipped: ${because})`}`, () => {
  let lab: StartedLab
  let nodes: Nodes<'node1' | 'node2'>
  const bench = (): Bench => makeBench([lab.node('node1'), lab.node('node2'), lab.node('fabric')], topology)
  beforeAll(async () => {
    const provider = await chosen('embedded')
    await provider.prepare({ say: () => {} })
    lab = await startLab(provider, topology)
    nodes = shells([lab.node('node1'), lab.node('node2')]) as unknown as Nodes<'node1' | 'node2'>
    await containerRuntime([nodes.node1, nodes.node2])
  })
  afterAll(async () => {
    await lab[Symbol.asyncDispose]()
  })

  const settles = async (check: Check, as: 'pass' | RegExp): Promise<Verdict> => {
    const until = performance.now() + 60_000
    for (;;) {
      const verdict = await judge(check, bench(), UNHURRIED.leastMs)
      const is = as === 'pass' ? verdict.status === 'pass' : verdict.status === 'fail' && as.test(verdict.because)
      if (is || performance.now() > until) return verdict
    }
  }

  for (const { title, does, on = 'node1', sees } of story) {
    test(title, async () => {
      if (does !== undefined) await nodes[on]`bash -ec ${does}`
      for (const [check, as] of sees) {
        const verdict = await settles(check, as)
        if (as === 'pass') expect(verdict, check.claim).toMatchObject({ status: 'pass' })
        else expect(verdict.status === 'fail' ? verdict.because : verdict, check.claim).toMatch(as)
      }
      if (title !== 'a container') return
      // As a table it says how long ago each was made, and how wide a column is depends on that.
      const snapshot = async () => (await lab.sh('/usr/local/lib/hardway/snapshot && crictl pods -o json && ls /var/lib/cni/networks/*')).stdout
      const before = await snapshot()
      await judgeAll([ready, gives, plugins, web, inWeb, leased, gone, across], async () => bench(), UNHURRIED)
      expect(await snapshot()).toBe(before)
    })
  }

  test('a runtime that is not there is nobody\'s mistake', async () => {
    await lab.sh('rm /usr/local/bin/crictl')
    expect(await judge(ready, bench())).toMatchObject({ status: 'unknown' })
  })
})
