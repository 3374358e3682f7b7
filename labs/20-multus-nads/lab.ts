// 20 · A meta plugin: a program that is called for one interface, and calls others for eight more.
import { readFileSync } from 'node:fs'
import {
  cniConfigured, cniJoins, cniLeaves, cniSpeaks, networksAllOrNone, networksAttached, networksNamed, networksRemembered, networksReturned, networksShared, networksTold,
} from 'hardway/checks'
import { bash, defineLab, fail, pass, write, type Answer, type Deed, type Nodes } from 'hardway/lab'
import { RAIL_NETWORKS } from 'hardway/networks'

type Name = 'node1' | 'leaf'
type Node = Nodes<Name>['node1']

const RANGE = '10.244.1.0/26'
const configuration = cniConfigured('node1')
const speaks = cniSpeaks('node1')
const joins = cniJoins('node1', RANGE)
const leaves = cniLeaves('node1')
const attached = networksAttached('node1', RAIL_NETWORKS)
const named = networksNamed('node1')
const returned = networksReturned('node1', RAIL_NETWORKS)
const remembered = networksRemembered('node1')
const allOrNone = networksAllOrNone('node1', RANGE, RAIL_NETWORKS)
const told = networksTold('node1')
const shared = networksShared('node1', 'shared', 'vf7', '10.57.0.0/16')

const CONF = '/etc/cni/net.d/10-pods.conflist'
const BIN = '/opt/cni/bin/several'
const part = (name: string): string => `/opt/cni/several/${name}`
const network = (name: string, namespace = 'default'): string => `/etc/objects/networks/${namespace}/${name}.json`

const on1 = (script: string): Deed<Name> => ({ node1 }) => bash(node1, script)
const program = (node: Node, path: string, text: string) => bash(node, write(path, text, '755'))
const also = (...deeds: readonly Deed<Name>[]): Deed<Name> => async nodes => {
  for (const deed of deeds) await deed(nodes)
}
/** Replaces a text of a file, and insists that it was there. */
const edit = (path: string, from: string, to: string): Deed<Name> => async ({ node1 }) => {
  const { stdout } = await node1`cat ${path}`
  if (!stdout.includes(from)) throw new Error(`${path} has no ${from}`)
  await bash(node1, write(path, stdout.replaceAll(from, () => to)))
}

/** What the lesson prints, done as it does it: for those that change one thing of it. */
const lesson = readFileSync(new URL('lesson.md', import.meta.url), 'utf8')
const printed = (path: string, which = 0): string => lesson.split(`\`\`\`file node1:${path}\n`)[which + 1]?.split('\n```')[0] ?? ''
const typed = (beginning: string): string => lesson.split('```sh node1\n').find(text => text.startsWith(beginning))?.split('\n```')[0] ?? ''
const asPrinted = (...paths: readonly (readonly [string, number?])[]): Deed<Name> => ({ node1 }) =>
  Promise.all(paths.map(([path, which]) => program(node1, path, printed(path, which))))
const DEFINE = typed('mkdir -p /etc/objects')
const steps = {
  between: also(on1('mkdir -p /opt/cni/several'), asPrinted([CONF], [BIN])),
  networks: also(on1(DEFINE), asPrinted(['/etc/objects/pods/default/train.json'], [part('networks')], [part('ADD')])),
  leave: asPrinted([part('DEL')]),
  'all-or-none': asPrinted([part('ADD'), 1]),
  status: asPrinted([part('tell')]),
}
const but = (first: Deed<Name>, path: string, from: string, to: string): Deed<Name> => also(first, edit(path, from, to))
/** All networks defined otherwise. */
const defined = (from: string, to: string): Deed<Name> => {
  if (!DEFINE.includes(from)) throw new Error(`the definitions have no ${from}`)
  return also(steps.networks, on1(DEFINE.replaceAll(from, to)))
}

const definition = (config: object): string => JSON.stringify({
  apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { name: 'shared', namespace: 'default' },
  spec: { config: JSON.stringify({ cniVersion: '1.1.0', name: 'shared', ...config }) },
})
const shares = (config: object, name = 'shared'): Deed<Name> => on1(write(network(name), definition(config)))
const hostLocal = { type: 'host-local', ranges: [[{ subnet: '10.57.0.0/16', rangeStart: '10.57.1.1', rangeEnd: '10.57.1.250' }]] }
const macvlan = { type: 'macvlan', master: 'vf7', mode: 'bridge', ipam: hostLocal }

/** The real one. It finds an API server at an address, and `objects` is as much of one as it asks for. */
const multus = (...before: readonly Deed<Name>[]) => ({
  requires: ['multus'],
  instead: also(...before, ({ node1 }) => Promise.all([
    program(node1, '/usr/local/lib/objects', readFileSync(new URL('files/objects', import.meta.url), 'utf8')),
    program(node1, BIN, '#!/bin/sh\nexec /usr/local/lib/objects /opt/cni/bin/multus'),
    bash(node1, write('/etc/objects/kubeconfig', JSON.stringify({
      apiVersion: 'v1', kind: 'Config', 'current-context': 'node', clusters: [{ name: 'files', cluster: { server: 'http://127.0.0.1:8001' } }],
      users: [{ name: 'node', user: {} }], contexts: [{ name: 'node', context: { cluster: 'files', user: 'node' } }],
    }))),
    bash(node1, write(CONF, JSON.stringify({
      cniVersion: '1.1.0', name: 'pods', plugins: [{
        type: 'several', kubeconfig: '/etc/objects/kubeconfig',
        delegates: [{ cniVersion: '1.1.0', name: 'pods', type: 'netlab', bridge: 'cni0', subnet: '10.244.1.0/26', gateway: '10.244.1.1' }],
      }],
    }))),
  ])),
})

const of12 = (name: string): string => readFileSync(new URL(`../12-write-a-cni/files/${name}`, import.meta.url), 'utf8')

const secondName: Answer = {
  right: async () => 'net2',
  wrong: ['net1', 'net0', 'eth1', 'rail1', 'rdma1'],
  grade: async (bench, value) => {
    const evidence = await bench.place('node1').exec(['cat', part('networks')])
    return value === 'net2' ? pass(evidence) : fail('who gives no name gets one by the place in the list, whatever the others are called', evidence)
  },
}

export default defineLab<Name>({
  setup: async ({ node1, leaf }) => {
    await Promise.all([
      // Each address is answered for on its own rail only, as eight switches would.
      leaf`sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2`,
      node1`sysctl -qw net.ipv4.ip_forward=1`,
      program(node1, '/usr/local/bin/runtime', of12('runtime')), program(node1, '/opt/cni/bin/netlab', of12('netlab.pl')),
      node1`mkdir -p /etc/cni/net.d /etc/objects/pods/default`,
    ])
  },
  steps: {
    between: {
      checks: [configuration, speaks, joins, leaves],
      hints: [
        'Whom does the runtime call, and whom does that one call? What does each of them find on its standard input?',
        'Print what netlab is told: put `tee /tmp/told` before it, or a line `cat >/tmp/told` into a program that you call in its place. Which of `type`, `name`, `cniVersion`, `subnet` is in it?',
        'The two files that the step prints, then `mkdir -p /opt/cni/several` and `chmod +x /opt/cni/bin/several`.',
      ],
      alternatives: {
        'nobody in between, yet': on1(write(CONF, JSON.stringify({ cniVersion: '1.1.0', name: 'pods', plugins: [{ type: 'netlab', bridge: 'cni0', subnet: '10.244.1.0/26', gateway: '10.244.1.1' }] }))),
      },
      mutants: {
        'a delegate that is told of the interface by another name': { refusedBy: joins.claim, instead: but(steps.between, BIN, 'CNI_IFNAME=$2', 'CNI_IFNAME=eth0') },
        'the whole configuration handed on': { refusedBy: joins.claim, instead: but(steps.between, BIN, 'del(.type, .delegates) + .delegates[0] | "\\(.type) \\(tojson)"', '"\\(.delegates[0].type) \\(tojson)"') },
        'DEL is not handed on': { refusedBy: leaves.claim, after: edit(BIN, 'VERSION)\n', 'DEL) exit 0 ;;\n  VERSION)\n') },
      },
    },
    networks: {
      checks: [attached, named],
      answers: { 'second-name': secondName },
      hints: [
        'Which pod is it? Who has said so, and in which variable?',
        failing => failing.includes(attached.claim) ? 'Run it by hand: `runtime add train`. If it refuses, which plugin speaks? If not: which interface has not what its definition says (`jq -r .spec.config /etc/objects/networks/default/rail3.json`)?'
          : 'Two networks may have one name, in two namespaces. Whose comes first if the pod says nothing? And who is asked for the name of the interface?',
        'All that the step prints: the pod, the eight definitions, /opt/cni/several/networks and /opt/cni/several/ADD.',
      ],
      alternatives: {
        'the last rail first': but(steps.networks, part('ADD'), 'done < <(asked)', 'done < <(asked | tac)'),
        'an interface upon each device': defined('type: "host-device", $device', 'type: "macvlan", master: $device'),
        'Multus, with the same definitions': multus(steps.networks),
      },
      mutants: {
        'only the first of them': { refusedBy: attached.claim, instead: but(steps.networks, part('ADD'), 'done < <(asked)', 'done < <(asked | head -n 1)') },
        'one bridge for all rails': {
          refusedBy: attached.claim,
          instead: also(defined('type: "host-device", $device', 'type: "bridge", bridge: "rails"'), edit(part('ADD'), 'mkdir -p /var/lib/cni/several', 'mkdir -p /var/lib/cni/several\nip link add rails up type bridge 2>/dev/null; for vf in 0 1 2 3 4 5 6 7; do ip link set vf$vf master rails 2>/dev/null; done')),
        },
        'two cables in each other\'s place': { refusedBy: attached.claim, after: on1(`sed -i 's/vf2/vfx/' ${network('rail2')}; sed -i 's/vf5/vf2/' ${network('rail5')}; sed -i 's/vfx/vf5/' ${network('rail2')}`) },
        'a default route in a definition': { refusedBy: attached.claim, instead: defined('ipam: {type: "static", addresses: [{$address}]}', 'ipam: {type: "static", addresses: [{$address}], routes: [{dst: "0.0.0.0/0", gw: ($address | sub("10/16"; "1"))}]}') },
        'the address of the last one told': { refusedBy: attached.claim, instead: but(steps.networks, part('ADD'), 'echo "$result"', 'echo "$said"') },
        'a definition in another namespace': { refusedBy: attached.claim, after: on1(`mkdir -p /etc/objects/networks/kube-system; mv ${network('rail6')} ${network('rail6', 'kube-system')}`) },
        'a device that is not there': { refusedBy: attached.claim, after: edit(network('rail3'), 'vf3', 'vf33') },
        'one address for two rails': { refusedBy: attached.claim, after: edit(network('rail5'), '10.55.0.10', '10.54.0.10') },
        'no name but net1, net2': { refusedBy: named.claim, instead: but(steps.networks, part('networks'), '\\(.value.interface // "net\\(.key + 1)")', 'net\\(.key + 1)') },
        'no namespace and no interface in the short form': { refusedBy: named.claim, instead: but(steps.networks, part('networks'), 'capture("^((?<namespace>[^/]+)/)?(?<name>[^@]+)(@(?<interface>.+))?$")', '{name: .}') },
        'always the namespace default': { refusedBy: named.claim, instead: but(steps.networks, part('networks'), '\\(.value.namespace // $own)', 'default') },
      },
    },
    leave: {
      checks: [returned, remembered],
      hints: [
        'Which plugins were called for this pod, and with what? Who knows that when DEL comes?',
        failing => failing.includes(returned.claim) ? 'Look on node1 after `runtime del train`: which of vf0 to vf7 are missing, and is there one that is called net-something?'
          : 'Delete the definition, then the pod. What does your DEL read?',
        '/opt/cni/several/DEL, as the step prints it.',
      ],
      alternatives: {
        'what Multus keeps': multus(),
        'the first one first': but(steps.leave, part('DEL'), 'tac "$kept"', 'cat "$kept"'),
      },
      mutants: {
        'only the cluster\'s network': { refusedBy: returned.claim, instead: on1(`rm -f ${part('DEL')}`) },
        'only net1': { refusedBy: returned.claim, instead: but(steps.leave, part('DEL'), 'tac "$kept" 2>/dev/null', 'head -n 2 "$kept" 2>/dev/null') },
        'moved back by hand, under the pod\'s names': { refusedBy: returned.claim, instead: but(steps.leave, part('DEL'), 'said=$(call DEL', '[ "$type" != host-device ] || { ip -n "${CNI_NETNS##*/}" link set "$ifname" netns 1; continue; }\n  said=$(call DEL') },
        'asks again what the pod asks for': {
          refusedBy: remembered.claim,
          instead: but(steps.leave, part('DEL'), 'done < <(tac "$kept" 2>/dev/null)', 'done < <(\n  asked | while read -r where name ifname; do\n    jq -r --arg i "$ifname" \'.spec.config | fromjson | "\\($i) \\(.type) \\(tojson)"\' "/etc/objects/networks/$where/$name.json"\n  done\n  echo "$CNI_IFNAME $type $own"\n)'),
        },
      },
    },
    'all-or-none': {
      checks: [allOrNone],
      hints: [
        'net5 fails. Who has been called by then, and is anybody going to call DEL for them?',
        'Look into the pod and onto the node after the refusal: `ip -n train -br link`, `ip -br link | grep vf`. And is what was printed one JSON object, with code and msg? If all that is well: who tells the plugin that gave an address that it is free again (`cat /var/lib/cni/pods.list`)?',
        'The new /opt/cni/several/ADD, as the step prints it.',
      ],
      alternatives: {
        'as Multus goes back': multus(),
        'nobody is called before all are known': but(steps['all-or-none'], part('ADD'), 'attach pods "$CNI_IFNAME"', 'while read -r where name _; do\n  [ -f "/etc/objects/networks/$where/$name.json" ] || failed "$(refuse 101 "there is no network $name in the namespace $where")"\ndone < <(asked)\nattach pods "$CNI_IFNAME"'),
      },
      mutants: {
        'half a pod is better than none': { refusedBy: allOrNone.claim, instead: but(steps['all-or-none'], part('ADD'), 'attach "$where/$name" "$ifname" "$type" "$conf" || failed "$said"', 'attach "$where/$name" "$ifname" "$type" "$conf"') },
        'eth0 is forgotten': { refusedBy: allOrNone.claim, instead: but(steps['all-or-none'], part('ADD'), '(. /opt/cni/several/DEL >/dev/null)', 'sed -i 1d "$kept"\n  (. /opt/cni/several/DEL >/dev/null)') },
        // The kernel forgets the interface, and its IPAM plugin the address, when it is told by DEL.
        'eth0 deleted, and its address kept': { refusedBy: allOrNone.claim, instead: but(steps['all-or-none'], part('ADD'), '(. /opt/cni/several/DEL >/dev/null)', 'sed -i 1d "$kept"\n  ip -n "${CNI_NETNS##*/}" link del "$CNI_IFNAME"\n  (. /opt/cni/several/DEL >/dev/null)') },
        'devices fetched back, and their addresses kept': {
          refusedBy: allOrNone.claim,
          instead: but(steps['all-or-none'], part('ADD'), '(. /opt/cni/several/DEL >/dev/null)', `pod=\${CNI_NETNS##*/}
  for net in $(ip -n "$pod" -br link | grep -o '^net[0-9]*'); do
    ip -n "$pod" link set "$net" down
    ip -n "$pod" link set "$net" netns 1 name "$(ip -j -n "$pod" link show "$net" | jq -r '.[].ifalias')"
  done
  call DEL "$CNI_IFNAME" netlab "$own" >/dev/null
  rm -f "$kept" "$kept.results"`),
        },
        'undone, and not a word': { refusedBy: allOrNone.claim, instead: but(steps['all-or-none'], part('ADD'), '  echo "$1"\n', '  echo "$1" >&2\n') },
      },
    },
    status: {
      checks: [told],
      hints: [
        'Which of the plugins knows the MAC address of its interface, and to whom has it said so?',
        'Print the annotation of a pod of yours, and beside it `ip -n train -br addr` and `ip -n train -br link`. Which entry is not true?',
        '/opt/cni/several/tell, as the step prints it.',
      ],
      alternatives: {
        'as Multus tells it': multus(),
        'with more in it than is asked for': but(steps.status, part('tell'), 'dns: {}', 'dns: {}, gateway: [.result.ips[]?.gateway | values]'),
      },
      mutants: {
        'without eth0': { refusedBy: told.claim, instead: but(steps.status, part('tell'), "'\n    map(", "'\n    .[1:] | map(") },
        'all of them the pod\'s own': { refusedBy: told.claim, instead: but(steps.status, part('tell'), 'if .interface == $first then {default: true} else {} end', '{default: true}') },
        'names without their namespace': { refusedBy: told.claim, instead: but(steps.status, part('tell'), '      name, interface,', '      name: (.name | sub(".*/"; "")), interface,') },
        'a list, and not its text': { refusedBy: told.claim, instead: but(steps.status, part('tell'), '--arg status "$status"', '--argjson status "$status"') },
      },
    },
    share: {
      checks: [shared],
      solution: shares(macvlan),
      hints: [
        'Which device stays where it is, and what is made upon it for each pod?',
        failing => failing.length === 0 ? '' : 'Ask by hand for two pods with `"k8s.v1.cni.cncf.io/networks": "shared"`. What does the second one say? `static` has one address, and host-device one device.',
        'A definition `shared` with the type `macvlan`, `"master": "vf7"`, and `"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.57.0.0/16", "rangeStart": "10.57.1.1"}]]}`',
      ],
      alternatives: {
        'private, each for itself': shares({ ...macvlan, mode: 'private' }),
        'a bridge with the device as a port': also(shares({ type: 'bridge', bridge: 'storage', ipam: hostLocal }), edit(part('ADD'), 'mkdir -p /var/lib/cni/several', 'mkdir -p /var/lib/cni/several\nip link add storage up type bridge 2>/dev/null && ip link set vf7 master storage')),
      },
      mutants: {
        'the device itself': { refusedBy: shared.claim, instead: shares({ type: 'host-device', device: 'vf7', ipam: hostLocal }) },
        'one address for everybody': { refusedBy: shared.claim, instead: shares({ ...macvlan, ipam: { type: 'static', addresses: [{ address: '10.57.1.1/16' }] } }) },
        'a wire that is smaller than it is': { refusedBy: shared.claim, instead: shares({ ...macvlan, ipam: { type: 'host-local', ranges: [[{ subnet: '10.57.1.0/24' }]] } }) },
        'another rail': { refusedBy: shared.claim, instead: shares({ ...macvlan, master: 'vf6' }) },
        'no master': { refusedBy: shared.claim, instead: shares({ ...macvlan, master: 'eth0' }) },
      },
    },
  },
})
