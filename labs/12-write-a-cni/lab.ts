// 12 · A CNI plugin: a program that is told of a pod, and has to do all that labs 01 and 02 did by hand, at any time and for anybody.
import { readFileSync } from 'node:fs'
import {
  cniCollects, cniConfigured, cniFifty, cniFull, cniGivesBack, cniJoins, cniLeaves, cniNeighbours, cniNotices, cniPassesOn, cniRefuses, cniSets, cniSpeaks, cniStatus, cniTaken,
} from 'hardway/checks'
import { bash, defineLab, fail, pass, write, type Answer, type Deed, type Nodes } from 'hardway/lab'

type Node = Nodes<'node1'>['node1']

const RANGE = '10.244.1.0/26'
const configuration = cniConfigured('node1')
const speaks = cniSpeaks('node1')
const refuses = cniRefuses('node1')
const joins = cniJoins('node1', RANGE)
const neighbours = cniNeighbours('node1')
const taken = cniTaken('node1')
const fifty = cniFifty('node1', RANGE)
const full = cniFull('node1')
const leaves = cniLeaves('node1')
const givesBack = cniGivesBack('node1')
const notices = cniNotices('node1')
const status = cniStatus('node1')
const collects = cniCollects('node1')
const sets = cniSets('node1', 'net.ipv4.tcp_keepalive_time', '600')
const passesOn = cniPassesOn('node1')

const BIN = '/opt/cni/bin/netlab'
const CONF = '/etc/cni/net.d/10-pods.conflist'
const verb = (name: string) => `/opt/cni/netlab/${name}`

const on1 = (script: string): Deed<'node1'> => ({ node1 }) => bash(node1, script)
/** Replaces a text of a file, and insists that it was there. */
const edit = (path: string, from: string, to: string): Deed<'node1'> => async ({ node1 }) => {
  const { stdout } = await node1`cat ${path}`
  if (!stdout.includes(from)) throw new Error(`${path} has no ${from}`)
  await bash(node1, write(path, stdout.replaceAll(from, () => to)))
}
const program = (node: Node, path: string, text: string) => bash(node, write(path, text, '755'))
const instead = (path: string, text: string): Deed<'node1'> => on1(write(path, text))
const also = (...deeds: readonly Deed<'node1'>[]): Deed<'node1'> => async nodes => {
  for (const deed of deeds) await deed(nodes)
}

/** What the step prints, done as the step does it: for those that change one thing of it. */
const lesson = readFileSync(new URL('lesson.md', import.meta.url), 'utf8')
const printed = (path: string, which = 0): string => lesson.split(`\`\`\`file node1:${path}\n`)[which + 1]?.split('\n```')[0] ?? ''
const asPrinted = (...paths: readonly (readonly [string, number?])[]): Deed<'node1'> => also(...paths.map(([path, which]): Deed<'node1'> => ({ node1 }) => program(node1, path, printed(path, which))))
const steps = {
  speak: asPrinted([CONF], [BIN]),
  join: asPrinted([verb('ADD')], [verb('addresses'), 0]),
  addresses: asPrinted([verb('addresses'), 1]),
  leave: asPrinted([verb('DEL')]),
  check: asPrinted([verb('CHECK')]),
  forget: asPrinted([verb('STATUS')], [verb('GC')]),
}
const without = (path: string, from: string, to: string, first: Deed<'node1'>): Deed<'node1'> => also(first, edit(path, from, to))

const conflist = (...plugins: readonly object[]): string => JSON.stringify({ cniVersion: '1.1.0', name: 'pods', plugins }, undefined, 2)
const ipam = { type: 'host-local', ranges: [[{ subnet: RANGE, gateway: '10.244.1.1' }]], routes: [{ dst: '0.0.0.0/0' }] }
const reference = conflist({ type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, ipam })
const theirs = { requires: ['cni-plugins'], instead: instead(CONF, reference) }
const pointToPoint = { requires: ['cni-plugins'], instead: instead(CONF, conflist({ type: 'ptp', ipMasq: false, ipam }).replace('1.1.0', '0.4.0')) }

/** The whole of it in another language: Perl is what a node has besides. */
const PERL = readFileSync(new URL('files/netlab.pl', import.meta.url), 'utf8')
const inPerl: Deed<'node1'> = also(instead(CONF, printed(CONF)), ({ node1 }) => program(node1, BIN, PERL))

const KEEPALIVE = printed(BIN).replace(/^verb=[\s\S]*$/m, '')
const chained = (add: string, rest = 'exit 0'): Deed<'node1'> => ({ node1 }) => Promise.all([
  bash(node1, write(CONF, conflist({ type: 'netlab', bridge: 'cni0', subnet: RANGE, gateway: '10.244.1.1' }, { type: 'keepalive', seconds: 600 }))),
  program(node1, '/opt/cni/bin/keepalive', `${KEEPALIVE}
case $CNI_COMMAND in ADD | DEL | CHECK | STATUS | GC) ;; *) refuse 4 "CNI_COMMAND: \${CNI_COMMAND-}" ;; esac
case $CNI_COMMAND in ADD | DEL | CHECK) [ -n "\${CNI_CONTAINERID-}" ] || refuse 4 "CNI_CONTAINERID is not set" ;; esac
if [ "$CNI_COMMAND" = ADD ]; then
  ${add}
else
  ${rest}
fi`),
])
const SET = 'ip netns exec "$(basename "$CNI_NETNS")" sysctl -qw net.ipv4.tcp_keepalive_time="$(jq .seconds <<<"$config")" >&2'
const PASS_ON = 'jq .prevResult <<<"$config"'
const keepalive = chained(`${SET}; ${PASS_ON}`)

const numberIs = (right: string, otherwise: string, wrong: Answer['wrong']): Answer => ({
  right: async () => right,
  wrong,
  grade: async (bench, value) => {
    const evidence = await bench.place('node1').exec(['cat', CONF])
    return value === right ? pass(evidence) : fail(otherwise, evidence)
  },
})

export default defineLab<'node1'>({
  setup: async ({ node1 }) => {
    await node1`sysctl -qw net.ipv4.ip_forward=1`
    await program(node1, '/usr/local/bin/runtime', readFileSync(new URL('files/runtime', import.meta.url), 'utf8'))
    await node1`mkdir -p /etc/cni/net.d /opt/cni/bin`
  },
  steps: {
    speak: {
      checks: [configuration, speaks, refuses],
      hints: [
        'What does a runtime need first: a program, or something that names it? Where does it look?',
        failing => failing.includes(configuration.claim)
          ? 'Is the file valid JSON (`jq . /etc/cni/net.d/*`), does it sort first, and is what `type` names in /opt/cni/bin, with the right to be executed?'
          : failing.includes(speaks.claim) ? 'VERSION comes with no other variable set, and asks for two things: cniVersion and supportedVersions.'
            : 'Every error is two things at once: an exit code that is not 0, and an object with `code` and `msg` on standard output.',
        'The two files that the step prints, then `chmod +x /opt/cni/bin/netlab`.',
      ],
      alternatives: {
        'in Perl': inPerl,
        'the plugin of the CNI project': theirs,
        'a file of one plugin, with the older ending': also(steps.speak, on1(`jq '.plugins[0] + {cniVersion, name}' ${CONF} >/etc/cni/net.d/10-pods.conf; rm ${CONF}`)),
        'an older version of the agreement': also(steps.speak, edit(CONF, '1.1.0', '1.0.0')),
      },
      mutants: {
        'a configuration that no runtime looks for': { refusedBy: configuration.claim, after: on1(`mv ${CONF} /etc/cni/net.d/10-pods.yaml`) },
        'a type that is not there': { refusedBy: configuration.claim, after: edit(CONF, '"type": "netlab"', '"type": "netlap"') },
        'where half of the web has it': { refusedBy: configuration.claim, after: on1(`mkdir -p /etc/cni/bin; mv ${BIN} /etc/cni/bin/`) },
        'somebody else sorts first': { refusedBy: configuration.claim, after: instead('/etc/cni/net.d/05-old.conflist', conflist({ type: 'weave-net' })) },
        'VERSION wants a container': { refusedBy: speaks.claim, after: edit(BIN, 'if [ "${CNI_COMMAND-}" = VERSION ]', '[ -n "${CNI_CONTAINERID-}" ] || refuse 4 CNI_CONTAINERID\nif [ "${CNI_COMMAND-}" = VERSION ]') },
        'a log on standard output': { refusedBy: speaks.claim, after: edit(BIN, 'config=$(</dev/stdin)', 'config=$(</dev/stdin)\necho "netlab: called for ${CNI_COMMAND-}"') },
        'an error with exit code 0': { refusedBy: refuses.claim, after: edit(BIN, '  exit 1', '  exit 0') },
        'an error on standard error': { refusedBy: refuses.claim, after: edit(BIN, '$code, $msg}\'', '$code, $msg}\' >&2') },
        'content with everything': { refusedBy: refuses.claim, after: edit(BIN, '[ -f "$verb" ] || refuse', '[ -f "$verb" ] || exit 0; false && refuse') },
      },
    },
    join: {
      checks: [joins, neighbours, taken],
      hints: [
        'Which of the names in your commands of lab 02 does the runtime choose? Each is in a variable.',
        failing => failing.includes(joins.claim) ? 'Run it by hand: `runtime add red`, then `ip -n red addr`, `ip -n red route`. Which line of the result is not what you see there?'
          : failing.includes(neighbours.claim) ? 'One pod works and two do not: what do both have that only one may have?'
            : 'The runtime asks for an interface that is there already. What is it to be told, and before what is changed?',
        'The two files that the step prints, /opt/cni/netlab/ADD and /opt/cni/netlab/addresses.',
      ],
      alternatives: {
        'in Perl, with leases at once': inPerl,
        'bridge and host-local': theirs,
        'ptp, without a bridge, in an older version': pointToPoint,
        'the cable made outside, under another name': without(verb('ADD'), 'peer name "$CNI_IFNAME" netns "$CNI_NETNS" 2>&1) ||', 'peer name "tmp${host#veth}" 2>&1 && ip link set "tmp${host#veth}" netns "$CNI_NETNS" name "$CNI_IFNAME" 2>&1) || { ip link del "$host" 2>/dev/null; false; } ||', steps.join),
        'the namespace by its name': without(verb('ADD'), 'inside() { nsenter --net="$CNI_NETNS" ip "$@"; }', 'inside() { ip -n "${CNI_NETNS##*/}" "$@"; }', steps.join),
      },
      mutants: {
        'always eth0': { refusedBy: joins.claim, instead: without(verb('ADD'), '$CNI_IFNAME', 'eth0', steps.join) },
        // Every node has an eth0 already, and most pods are to have one.
        'made on the node under its final name': { refusedBy: joins.claim, instead: without(verb('ADD'), 'peer name "$CNI_IFNAME" netns "$CNI_NETNS" 2>&1) ||', 'peer name "$CNI_IFNAME" 2>&1 && ip link set "$CNI_IFNAME" netns "$CNI_NETNS" 2>&1) ||', steps.join) },
        'a result that is not true': { refusedBy: joins.claim, instead: without(verb('ADD'), '"address": "$address', '"address": "${subnet%.*}.61', steps.join) },
        'another version than it was asked in': { refusedBy: joins.claim, instead: without(verb('ADD'), '"cniVersion": "$version"', '"cniVersion": "0.3.1"', steps.join) },
        'no way out': { refusedBy: joins.claim, after: edit(verb('ADD'), 'route add default via $gateway\n', '') },
        'no port of the bridge': { refusedBy: joins.claim, after: edit(verb('ADD'), 'up master "$bridge" type veth', 'up type veth') },
        'the same address for all': { refusedBy: neighbours.claim, instead: without(verb('addresses'), 'echo $((last + 1)) >"$leases/last"', ':', steps.join) },
        'masquerade for everybody': { refusedBy: neighbours.claim, after: edit(verb('ADD'), 'take ||', 'nft "table ip m { chain p { type nat hook postrouting priority srcnat; masquerade; }; }" 2>/dev/null; echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables\ntake ||') },
        'what is there is no matter': { refusedBy: taken.claim, instead: without(verb('ADD'), 'host=veth', 'inside link del "$CNI_IFNAME" 2>/dev/null\nhost=veth', steps.join) },
        'refused, and taken back what was another\'s': { refusedBy: taken.claim, instead: without(verb('ADD'), 'refuse 101 "no', 'undo 101 "no', steps.join) },
      },
    },
    addresses: {
      checks: [fifty, full],
      answers: { 'how-many': numberIs('61', 'a /26 has 64 addresses; take away those that no pod can have', ['64', '62', '63', '50', '254']) },
      hints: [
        'What does the second of two pods read, if the first has not written yet?',
        'To look and to take must be one act. Which system call makes a file only if it is not there?',
        'The new /opt/cni/netlab/addresses, as the step prints it.',
      ],
      alternatives: {
        'leases in Perl': inPerl,
        'host-local, under a bridge': theirs,
        'a lock around a list': also(steps.addresses, edit(verb('addresses'), printed(verb('addresses'), 1).slice(printed(verb('addresses'), 1).indexOf('take() {'), printed(verb('addresses'), 1).indexOf('give_back() {')), String.raw`take() {
  exec 9>"$leases/lock"
  flock 9
  local number
  for ((number = 1; number <= hosts; number++)); do
    address=${'$'}{subnet%.*}.$number
    [ "$address" = "$gateway" ] || [ -e "$leases/$address" ] && continue
    echo "$holder" >"$leases/$address"
    exec 9>&-
    return 0
  done
  return 1
}

`)),
      },
      mutants: {
        // Between looking and taking, a slow disk.
        'look, then take': { refusedBy: fifty.claim, instead: without(verb('addresses'), '{ echo "$holder" >"$leases/$address"; } 2>/dev/null && return', '[ -e "$leases/$address" ] && continue\n    sleep 0.2; set +o noclobber; echo "$holder" >"$leases/$address"; return', steps.addresses) },
        'the lock of somebody who died': { refusedBy: fifty.claim, after: edit(verb('addresses'), 'take() {', 'take() {\n  mkdir "$leases/lock" 2>/dev/null || return 1') },
        'the gateway given away': { refusedBy: fifty.claim, instead: without(verb('addresses'), '[ "$address" = "$gateway" ] && continue', '', steps.addresses) },
        'the broadcast address is an address': { refusedBy: full.claim, instead: without(verb('addresses'), ') - 2))', ') + 40))', steps.addresses) },
        'begins anew when it is full': { refusedBy: full.claim, instead: without(verb('addresses'), '  return 1', '  set +o noclobber; address=${subnet%.*}.2; return 0', steps.addresses) },
        'full, and not a word': { refusedBy: full.claim, instead: without(verb('ADD'), 'take || undo 102 "no address of $subnet is left"', 'take || exit 1', steps.addresses) },
      },
    },
    leave: {
      checks: [leaves, givesBack],
      hints: [
        'Which of the things that ADD made are still there after DEL? On the node, in the pod, and on disk.',
        failing => failing.includes(leaves.claim) ? 'Call it twice, and once for a namespace that is gone: `runtime add x; ip netns del x; runtime del x`. With which code does it end?'
          : 'Whose lease is it? It is the container and the interface that know, not a part of an address; and the namespace may be gone.',
        '/opt/cni/netlab/DEL, as the step prints it.',
      ],
      alternatives: {
        'leaving, in Perl': inPerl,
        "bridge and host-local's DEL": theirs,
      },
      mutants: {
        'the interface stays': { refusedBy: leaves.claim, instead: without(verb('DEL'), 'nsenter --net="$CNI_NETNS" ip link del "$CNI_IFNAME" 2>/dev/null', 'true', steps.leave) },
        'a second DEL is an error': { refusedBy: leaves.claim, instead: without(verb('DEL'), '2>/dev/null\ngive_back', '|| refuse 106 "there is no $CNI_IFNAME"\ngive_back', steps.leave) },
        'insists on the namespace': { refusedBy: leaves.claim, after: edit(verb('DEL'), '# Whatever', '[ -e "${CNI_NETNS-}" ] || refuse 3 "no namespace"\n# Whatever') },
        'the address stays': { refusedBy: givesBack.claim, instead: without(verb('DEL'), 'give_back', '', steps.leave) },
        'the beginning of an address': { refusedBy: givesBack.claim, instead: without(verb('DEL'), 'give_back', 'rm -f "$leases/$(jq -r \'.prevResult.ips[0].address | split("/")[0]\' <<<"$config")"*', steps.leave) },
        'only where a namespace is named': { refusedBy: givesBack.claim, instead: without(verb('DEL'), 'give_back', '[ -n "${CNI_NETNS-}" ] && give_back', steps.leave) },
        'whoever is called eth0': { refusedBy: givesBack.claim, after: edit(verb('addresses'), 'holder="${CNI_CONTAINERID-} ${CNI_IFNAME-}"', 'holder="${CNI_IFNAME-}"') },
        'only while the namespace is there': { refusedBy: givesBack.claim, instead: without(verb('DEL'), 'give_back', '[ -e "${CNI_NETNS-}" ] && give_back', steps.leave) },
      },
    },
    'look-again': {
      checks: [notices],
      hints: [
        'What did ADD print, and where does CHECK get it from again?',
        'Break one thing by hand, as the step does with the route, and ask. Which of the three does your CHECK not see?',
        '/opt/cni/netlab/CHECK, as the step prints it.',
      ],
      alternatives: {
        'in Perl, by what the kernel prints': inPerl,
        "bridge's CHECK": theirs,
        "ptp's CHECK": pointToPoint,
        'by asking for a way out': without(verb('CHECK'), 'inside route show default | jq -e --arg gateway "$gateway" \'any(.gateway == $gateway)\' >/dev/null', 'nsenter --net="$CNI_NETNS" ip route get 192.0.2.1 >/dev/null 2>&1', steps.check),
      },
      mutants: {
        'content with anything': { refusedBy: notices.claim, instead: instead(verb('CHECK'), 'exit 0') },
        'looks at no route': { refusedBy: notices.claim, after: edit(verb('CHECK'), 'inside route show default | jq -e --arg gateway "$gateway" \'any(.gateway == $gateway)\' >/dev/null', 'true') },
        'mends instead of telling': { refusedBy: notices.claim, after: edit(verb('CHECK'), 'wanted=$(jq', 'inside route replace default via "$gateway"\nwanted=$(jq') },
      },
    },
    forget: {
      checks: [status, collects],
      answers: { 'code-of-status': numberIs('50', 'it is one of the codes below 100, for a plugin that is not available', ['1', '0', '102', '51', '11']) },
      hints: [
        'GC is told who is there. Who has a lease and is not on the list?',
        failing => failing.includes(status.claim) ? 'STATUS has one question: would an ADD succeed now? Ask it before the first pod, and after the last.'
          : 'A lease says who holds it: the container, and the interface. Both have to be those of an attachment on the list.',
        '/opt/cni/netlab/STATUS and /opt/cni/netlab/GC, as the step prints them.',
      ],
      alternatives: {
        'collected, in Perl': inPerl,
      },
      mutants: {
        'STATUS that is always well': { refusedBy: status.claim, instead: also(steps.forget, instead(verb('STATUS'), 'exit 0')) },
        'STATUS that is never well': { refusedBy: status.claim, after: instead(verb('STATUS'), 'refuse 50 "not yet"') },
        'GC does nothing': { refusedBy: collects.claim, instead: also(steps.forget, instead(verb('GC'), 'exit 0')) },
        'GC takes everything': { refusedBy: collects.claim, instead: also(steps.forget, instead(verb('GC'), '. /opt/cni/netlab/addresses\nrm -f "$leases"/*\nexit 0')) },
      },
    },
    chain: {
      checks: [sets, passesOn, speaks, refuses, joins, leaves, notices],
      solution: keepalive,
      hints: [
        'What is the second plugin told that the first was not? It has it from whom?',
        failing => failing.includes(sets.claim) ? 'A sysctl of the network belongs to a namespace. In whose is your plugin running, and which path leads into the pod\'s?'
          : 'The result of the second is what the runtime believes. Where do interfaces and addresses come from, if it made none?',
        'In the list a second plugin; in it, for ADD: `nsenter --net="$CNI_NETNS" sysctl -qw net.ipv4.tcp_keepalive_time=600`, then `jq .prevResult` of standard input. For the other verbs nothing, and VERSION and errors as netlab has them.',
      ],
      alternatives: {
        'tuning, of the CNI project': { requires: ['cni-plugins'], instead: instead(CONF, conflist({ type: 'netlab', bridge: 'cni0', subnet: RANGE, gateway: '10.244.1.1' }, { type: 'tuning', sysctl: { 'net.ipv4.tcp_keepalive_time': '600' } })) },
        'by nsenter': chained(`nsenter --net="$CNI_NETNS" sysctl -qw net.ipv4.tcp_keepalive_time=600 >&2; ${PASS_ON}`),
      },
      mutants: {
        'set on the node': { refusedBy: sets.claim, instead: chained(`sysctl -qw net.ipv4.tcp_keepalive_time=600 >&2; ${PASS_ON}`) },
        'forgets the routes': { refusedBy: passesOn.claim, instead: chained(`${SET}; jq '.prevResult | del(.routes)' <<<"$config"`) },
        'DEL of the second fails without a namespace': { refusedBy: leaves.claim, instead: chained(`${SET}; ${PASS_ON}`, '[ "$CNI_COMMAND" != DEL ] || [ -e "${CNI_NETNS-}" ] || refuse 3 "no namespace"; exit 0') },
        'the second plugin before the first': { refusedBy: joins.claim, after: on1(`jq '.plugins |= reverse' ${CONF} >/tmp/c && mv /tmp/c ${CONF}`) },
      },
    },
  },
})
