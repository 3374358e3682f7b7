// More networks than one: what is said of the plugin of lab 20 as its lesson prints it, and of ones that are wrong in one place.
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { networksAllOrNone, networksAttached, networksNamed, networksRemembered, networksReturned, networksShared, networksTold } from '../../checks/index.ts'
import { RAIL_NETWORKS } from '../../fixtures/networks/index.ts'
import { fetched } from '../../runner/components/cache.ts'
import type { Check } from '../../runner/core/bench.ts'
import type { Nodes } from '../../runner/core/lab.ts'
import { parseTopology } from '../../runner/core/topology.ts'
import { makeBench } from '../../runner/engine/bench.ts'
import { judge, judgeAll } from '../../runner/engine/judge.ts'
import { snapshots } from '../../runner/engine/proof.ts'
import { shells } from '../../runner/engine/shell.ts'
import { folders } from '../../runner/engine/state.ts'
import { chosen } from '../helpers/chosen.ts'
import { providersHere } from '../helpers/providers.ts'
import { UNHURRIED } from './network.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const topology = parseTopology(read('fixtures/topologies/node-and-rails.yaml'), 'node-and-rails.yaml')
const lesson = read('labs/20-multus-nads/lesson.md')
/** As it is at the end of the lesson. */
const printed = (path: string): string => lesson.split(`\`\`\`file node1:${path}\n`).at(-1)?.split('\n```')[0] ?? ''
const part = (name: string): string => `/opt/cni/several/${name}`
const PLUGIN = ['/etc/cni/net.d/10-pods.conflist', '/opt/cni/bin/several', ...['networks', 'ADD', 'DEL', 'tell'].map(part)]

const attached = networksAttached('node1', RAIL_NETWORKS)
const named = networksNamed('node1')
const returned = networksReturned('node1', RAIL_NETWORKS)
const remembered = networksRemembered('node1')
const allOrNone = networksAllOrNone('node1', '10.244.1.0/26', RAIL_NETWORKS)
const told = networksTold('node1')
const shared = networksShared('node1', 'shared', 'vf7', '10.57.0.0/16')

async function network() {
  const provider = await chosen('embedded')
  await provider.prepare({ say: () => {} })
  const lab = `networks-${process.pid}`
  onTestFinished(() => provider.down(lab))
  await provider.up(lab, topology, { signal: new AbortController().signal, keep: false })
  const nodes = await provider.nodes(lab)
  const { node1 } = shells(nodes) as Nodes<'node1' | 'leaf'>
  const write = (path: string, text: string) => node1`bash -ec ${'mkdir -p "$(dirname "$1")"; cat >"$1" <<<"$2"; chmod +x "$1"'} write ${path} ${text}`
  const define = (name: string, config: object) => write(`/etc/objects/networks/default/${name}.json`, JSON.stringify({ metadata: { name }, spec: { config: JSON.stringify({ cniVersion: '1.1.0', name, ...config }) } }))
  const rail = ({ network, device, address }: typeof RAIL_NETWORKS[number]) => define(network, { type: 'host-device', device, ipam: { type: 'static', addresses: [{ address }] } })
  const share = (config: object) => define('shared', { type: 'macvlan', master: 'vf7', ipam: { type: 'host-local', ranges: [[{ subnet: '10.57.0.0/16' }]] }, ...config })
  await Promise.all([
    ...PLUGIN.map(path => write(path, printed(path))), write('/opt/cni/bin/netlab', read('labs/12-write-a-cni/files/netlab.pl')), ...RAIL_NETWORKS.map(rail), share({}),
  ])
  return {
    nodes, node1, write, define, share, rail, bench: () => makeBench(nodes, topology),
    said: async (check: Check) => {
      const verdict = await judge(check, makeBench(nodes, topology), UNHURRIED.leastMs)
      return verdict.status === 'pass' ? 'pass' : `${verdict.status}: ${verdict.because}`
    },
  }
}

const missing = fetched(folders().cache).includes('cni-plugins') ? undefined : 'cni-plugins not fetched: npx lab fetch'
const because = (await providersHere()).find(({ name }) => name === 'embedded')?.because ?? missing

describe.skipIf(because !== undefined)(`checks of more networks than one${because === undefined ? '' : ` (skipped: ${because})`}`, () => {
  test('the plugin of the lesson passes everything, and looking changes nothing', async () => {
    const { nodes, bench } = await network()
    const before = await snapshots(nodes)
    for (const { claim, verdict } of await judgeAll([attached, named, returned, remembered, allOrNone, told, shared], async () => bench(), UNHURRIED)) expect({ claim, verdict }).toMatchObject({ claim, verdict: { status: 'pass' } })
    expect(await snapshots(nodes)).toEqual(before)
  })

  test('each claim says what is wrong', async () => {
    const { write, rail, share, define, said } = await network()
    const wrong = async (check: Check, path: string, from: string, to: string): Promise<string> => {
      expect(printed(path)).toContain(from)
      await write(path, printed(path).replaceAll(from, () => to))
      const says = await said(check)
      await write(path, printed(path))
      return says
    }
    expect(await wrong(attached, part('ADD'), 'done < <(asked)', 'done < <(asked | head -n 2)')).toBe('fail: it has eth0, net1, net2, and no net3')
    expect(await wrong(attached, part('ADD'), 'echo "$result"', 'echo "$said"')).toBe('fail: the runtime is told 10.57.0.10 for the pod, and eth0 has 10.244.1.2')
    expect(await wrong(attached, part('ADD'), 'echo "$result"', 'ip -n "${CNI_NETNS##*/}" route add default via 10.52.0.1 metric 9; echo "$result"')).toBe('fail: it has a default route by net3 beside that of eth0: what is on no rail has to leave by eth0')
    expect(await wrong(attached, part('ADD'), 'echo "$result"', 'ip -n "${CNI_NETNS##*/}" link set net2 down; echo "$result"')).toBe('fail: net2 is there, and down')
    await define('rail3', { type: 'host-device', device: 'vf4', ipam: { type: 'static', addresses: [{ address: '10.53.0.10/16' }] } })
    await define('rail4', { type: 'host-device', device: 'vf3', ipam: { type: 'static', addresses: [{ address: '10.54.0.10/16' }] } })
    expect(await said(attached)).toBe('fail: net4 is on the cable of vf4, and has to be on that of vf3')
    await Promise.all(RAIL_NETWORKS.map(rail))
    expect(await wrong(named, part('networks'), '// "net', '// "eth')).toMatch(/^fail: a pod of team-n[0-9a-f]{6} that asks for \[.*\] has .*eth2.*, and no net2$/)
    expect(await wrong(named, part('networks'), '[^@]+)(@', '.+)(@')).toMatch(/^fail: several refuses ADD, with code 101: there is no network n[0-9a-f]{6}@rdma0 in the namespace default$/)
    expect(await wrong(named, part('networks'), '.value.namespace // $own', '.value.namespace // "default"')).toMatch(/^fail: (several refuses ADD, with code 101: there is no network n[0-9a-f]{6} in the namespace default|several refuses ADD, with code 999: )/)
    expect(await wrong(returned, part('DEL'), 'tac "$kept"', 'tail -n 1 "$kept"')).toBe('fail: vf0 is not on the node any more, and so it is with 6 more')
    expect(await wrong(returned, part('DEL'), 'said=$(call DEL', 'ip -n "${CNI_NETNS##*/}" link set "$ifname" netns 1 2>/dev/null && continue; said=$(call DEL')).toMatch(/^fail: vf0 is called net1 now, and so it is with 7 more$/)
    expect(await wrong(remembered, part('DEL'), '. /opt/cni/several/networks', '. /opt/cni/several/networks\n[ -f "$object" ] || exit 0')).toBe('fail: after DEL vf0 is not on the node any more, and so it is with 1 more')
    expect(await wrong(allOrNone, part('ADD'), '(. /opt/cni/several/DEL >/dev/null)', ':')).toBe('fail: net5 could not be had, and after that vf0 is not on the node any more, and so it is with 3 more')
    expect(await wrong(allOrNone, part('ADD'), '"$conf" || failed "$said"', '"$conf"')).toMatch(/^fail: net5 cannot be had, since the node has no device no-n[0-9a-f]{6}, and ADD ends with 0$/)
    expect(await wrong(allOrNone, part('ADD'), '  echo "$1"', '  echo "$1" >&2')).toMatch(/^fail: several ended with 1 after ADD .*its standard output is empty: expected an error with `code` and `msg`$/)
    expect(await wrong(allOrNone, part('ADD'), 'mkdir -p', 'refuse 103 no; mkdir -p')).toBe('fail: once net5 can be had, the next pod does not get it, with one address for eth0 and one for net1: several refuses ADD, with code 103: no')
    const DELETED = 'sed -i 1d "$kept"; ip -n "${CNI_NETNS##*/}" link del "$CNI_IFNAME"; (. /opt/cni/several/DEL >/dev/null)'
    expect(await wrong(allOrNone, part('ADD'), '(. /opt/cni/several/DEL >/dev/null)', DELETED)).toBe('fail: once net5 can be had, the next pod does not get it, with one address for eth0 and one for net1: several refuses ADD, with code 102: no address is left')
    expect(await wrong(allOrNone, part('ADD'), 'attach pods "$CNI_IFNAME" "$type" "$own"', 'attach pods "$CNI_IFNAME" "$type" "${own/\\/30//26}"')).toMatch(/^unknown: node1, restarted: two pods get an address out of 10\.244\.1\.0\/30, /)
    expect(await wrong(told, part('ADD'), '[ ! -f /opt/cni/several/tell ] ||', 'true ||')).toBe("fail: the pod's object has no annotation k8s.v1.cni.cncf.io/network-status")
    expect(await wrong(told, part('tell'), '.address | split("/")[0]', '.address')).toMatch(/^fail: it says that eth0 has 10\.244\.1\.\d+\/26, and it has 10\.244\.1\.\d+$/)
    expect(await wrong(told, part('tell'), '.metadata.annotations["k8s.v1.cni.cncf.io/network-status"] = $status', '.metadata.annotations["k8s.v1.cni.cncf.io/network-status"] = "none"')).toBe('fail: its k8s.v1.cni.cncf.io/network-status is no list, as JSON: none')
    await share({ master: 'vf6' })
    expect(await said(shared)).toBe('fail: net1 is on the cable of vf6, and has to be on that of vf7')
    await share({ ipam: { type: 'host-local', ranges: [[{ subnet: '10.57.1.0/24' }]] } })
    expect(await said(shared)).toBe('fail: net1 has 10.57.1.2/24: to it, who has another address of 10.57.0.0/16 is on another wire')
    await share({ ipam: { type: 'static', addresses: [{ address: '10.57.1.1/16' }] } })
    expect(await said(shared)).toBe('fail: both pods have 10.57.1.1')
    await share({ type: 'host-device', device: 'vf7' })
    expect(await said(shared)).toMatch(/^fail: the second pod: several refuses ADD, with code 999: /)
  })
})
