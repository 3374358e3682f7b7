// 13 · Handed to a runtime: containerd reads a configuration, calls the plugins, and gives back what it took.
import { containerIn, leasesArePods, nothingLeftOf, podsElsewhereStays, podsReach, podUp, runtimeGives, runtimePlugins, runtimeReady } from 'hardway/checks'
import { containerRuntime } from 'hardway/cluster'
import { bash, CouldNotLook, defineLab, fail, pass, write, type Answer, type Bench, type Deed, type Nodes } from 'hardway/lab'

type Name = 'node1' | 'node2'

const ranges = { node1: '10.244.1.0/24', node2: '10.244.2.0/24' } as const
const ready = [runtimeReady('node1'), runtimeReady('node2')] as const
const gives = [runtimeGives('node1', ranges.node1), runtimeGives('node2', ranges.node2)] as const
const plugins = [runtimePlugins('node1'), runtimePlugins('node2')] as const
const web = podUp('web', 'node1', ranges.node1)
const db = podUp('db', 'node2', ranges.node2)
const api = podUp('api', 'node1', ranges.node1)
const across = podsReach({ web: 'node1', db: 'node2' })
const elsewhere = podsElsewhereStays({ web: 'node1', db: 'node2' }, '10.244.0.0/16')
const inWeb = containerIn('web', 'node1')
const inApi = containerIn('api', 'node1')
const leased = leasesArePods('node1')
const gone = nothingLeftOf('job', 'node1')

const both = (nodes: Nodes<Name>, script: (name: Name) => string) => Promise.all((['node1', 'node2'] as const).map(name => bash(nodes[name], script(name))))

const FILE = '/etc/cni/net.d/10-bridge.conflist'
const bridge = (range: string, more: object = {}) => ({
  type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, ...more,
  ipam: { type: 'host-local', ranges: [[{ subnet: range }]], routes: [{ dst: '0.0.0.0/0' }] },
})
const conflist = (range: string, plugin: object = bridge(range), version = '1.0.0') => JSON.stringify({ cniVersion: version, name: 'pods', plugins: [plugin] }, undefined, 2)
const put = (text: string, path = FILE) => write(path, text)
/** Until containerd has read what there is now; it is told by the kernel, and takes a moment. */
const until = (holds: string) => `for try in $(seq 200); do crictl info | jq -e '${holds}' >/dev/null && break; sleep 0.02; done`
const IS_READY = 'any(.status.conditions[]; .type == "NetworkReady" and .status)'
const NOT_READY = `${IS_READY} | not`
const right = (name: Name) => `${put(conflist(ranges[name]))}\n${until(IS_READY)}`

const restart = `kill $(pidof containerd)
while pidof containerd >/dev/null; do sleep 0.02; done
setsid containerd </dev/null >/var/log/containerd.log 2>&1 &
until [ -S /run/containerd/containerd.sock ] && crictl --timeout 2s info >/dev/null 2>&1; do sleep 0.02; done`
const binDirs = (folder: string) => `sed -i 's|/usr/lib/cni|${folder}|' /etc/containerd/config.toml`
const pods = { node1: 'web', node2: 'db' } as const
const pod = (name: string) => put(`metadata: { name: ${name}, namespace: default, uid: ${name}-1 }`, `/root/${name}.yaml`)
const run = (name: string) => `${pod(name)}\ncrictl runp /root/${name}.yaml`
const mended = (name: Name) => `${binDirs('/opt/cni/bin')}\n${restart}\n${run(pods[name])}`
const remove = (name: string) => `crictl rmp -f $(crictl pods -q --name '^${name}$')`
/** The process that a pod's namespaces hang on. */
const pauseOf = (name: string) => `$(crictl inspectp --name '^${name}$' --state ready | jq .info.pid)`
const container = (name: string) => `${put('metadata: { name: httpd }\nimage: { image: localhost/tools:lab }\ncommand: [httpd, -f, -p, "8080", -h, /etc]', '/root/httpd.yaml')}
crictl start $(crictl create $(crictl pods -q --state ready --name '^${name}$') /root/httpd.yaml /root/${name}.yaml)`
const nsOf = (name: string) => `$(basename $(crictl inspectp --name '^${name}$' --state ready | jq -r '.info.runtimeSpec.linux.namespaces[] | select(.type == "network").path'))`

const routes = { node1: 'ip route add 10.244.2.0/24 via 192.168.1.12', node2: 'ip route add 10.244.1.0/24 via 192.168.1.11' } as const

const onNode1 = (script: string): Deed<Name> => ({ node1 }) => bash(node1, script)
const onNode2 = (script: string): Deed<Name> => ({ node2 }) => bash(node2, script)
const onBoth = (script: (name: Name) => string): Deed<Name> => nodes => both(nodes, script)

/** The container of web: its process, its network, and the other end of its cable. */
async function containerOfWeb(bench: Bench) {
  const found = await bench.place('node1').exec(['bash', '-c', `pod=$(crictl pods -q --state ready --name '^web$'); crictl inspect $(crictl ps -q --pod "$pod") | jq .info.pid`])
  const pid = /^\d+$/m.exec(found.stdout)?.[0]
  if (pid === undefined) throw new CouldNotLook('web has no container that runs', found)
  const network = await bench.place('node1').exec(['readlink', `/proc/${pid}/ns/net`])
  const inode = Number(/\d+/.exec(network.stdout)?.[0])
  const all = await bench.namespaces('node1')
  const eth0 = all.find(one => one.inode === inode)?.links.find(({ name }) => name === 'eth0')
  const cable = all.find(({ own }) => own)?.links.find(({ index, kind }) => kind === 'veth' && index === eth0?.peerIndex)
  return { pid, inode, cable: cable?.name, evidence: [found, network] as const, all }
}

const pid: Answer = {
  right: async bench => (await containerOfWeb(bench)).pid,
  grade: async (bench, value) => {
    const { pid, inode, evidence } = await containerOfWeb(bench)
    if (value === pid) return pass(...evidence)
    const other = await bench.place('node1').exec(['sh', '-c', 'readlink "/proc/$1/ns/net"; tr "\\0" " " <"/proc/$1/cmdline"', 'sh', /^\d+$/.test(value) ? value : '-'])
    const theirs = Number(/\d+/.exec(other.stdout)?.[0])
    if (other.stdout.trim() === '') return fail(`node1 has no process ${value}`, ...evidence)
    return fail(theirs === inode ? `${value} is in web's network, and is not the program of its container: ${other.stdout.split('\n')[1] ?? ''}` : `${value} is in net:[${theirs}], and that is not web's`, ...evidence, other)
  },
  wrong: ['1', '0', 'httpd'],
}
const network: Answer = {
  right: async bench => String((await containerOfWeb(bench)).inode),
  grade: async (bench, value) => {
    const { inode, evidence, all } = await containerOfWeb(bench)
    const number = Number(/^(?:net:\[)?(\d+)\]?$/.exec(value)?.[1])
    if (number === inode) return pass(...evidence)
    const other = all.find(one => one.inode === number)
    return fail(other === undefined ? `node1 has no network namespace ${value}` : other.own ? 'that is node1\'s own' : `that is ${other.named ?? value}, and not web's`, ...evidence)
  },
  wrong: ['4026531840', '0', 'cni-1'],
}
const cable: Answer = {
  right: async bench => (await containerOfWeb(bench)).cable ?? '',
  grade: async (bench, value) => {
    const { cable, evidence, all } = await containerOfWeb(bench)
    if (value.replace(/@.*$/, '') === cable) return pass(...evidence)
    const other = all.find(({ own }) => own)?.links.find(({ name }) => name === value.replace(/@.*$/, ''))
    return fail(other === undefined ? `node1 has no interface ${value}` : `${value} is number ${other.index} of node1, and web's eth0 leads to another`, ...evidence)
  },
  wrong: ['eth0', 'cni0', 'lo'],
}

export default defineLab<Name>({
  setup: async nodes => {
    await both(nodes, () => 'sysctl -qw net.ipv4.ip_forward=0; mkdir -p /etc/cni/net.d')
    // As Debian's package has it.
    await containerRuntime([nodes.node1, nodes.node2], { binDirs: ['/usr/lib/cni'] })
  },
  steps: {
    ready: {
      checks: [...ready, ...gives],
      hints: [
        'What does containerd say itself? `crictl info | jq .lastCNILoadStatus` has the whole of it: which folder, which file, and what is wrong there.',
        failing => failing.includes(gives[0].claim) || failing.includes(gives[1].claim)
          ? '`crictl info | jq \'.cniconfig.Networks[].Config.Name\'` says which network is in force. Of several files it is that of the first by name; and each node has a range of its own.'
          : 'A file whose name ends in .conflist has a list of `plugins`; one that ends in .conf is a single plugin, with `type` at the top. `jq . FILE` finds a comma that is missing.',
        'On each node: `/etc/cni/net.d/10-bridge.conflist` as the lesson prints it, with 10.244.1.0/24 on node1 and 10.244.2.0/24 on node2',
      ],
      alternatives: {
        'one plugin in a file that ends in .conf': onBoth(name => `${put(JSON.stringify({ cniVersion: '1.0.0', name: 'pods', ...bridge(ranges[name]) }), '/etc/cni/net.d/99-pods.conf')}\n${until(IS_READY)}`),
        'ptp, and the range by its older key': onBoth(name => `${put(conflist(ranges[name], { type: 'ptp', ipam: { type: 'host-local', subnet: ranges[name] } }, '0.4.0'))}\n${until(IS_READY)}`),
        'another folder, which containerd is told': onBoth(name => `${put(conflist(ranges[name]), '/etc/pods/10.conflist')}
          sed -i 's|/etc/cni/net.d|/etc/pods|' /etc/containerd/config.toml\n${restart}`),
      },
      mutants: {
        'a comma is missing': { refusedBy: ready[0].claim, instead: async nodes => both(nodes, name => name === 'node1' ? put(conflist(ranges.node1).replace('"pods",', '"pods"')) : right(name)) },
        'a list, in a file that ends in .conf': { refusedBy: ready[0].claim, instead: async nodes => both(nodes, name => name === 'node1' ? put(conflist(ranges.node1), '/etc/cni/net.d/10-bridge.conf') : right(name)) },
        'a folder too high': { refusedBy: ready[1].claim, instead: async nodes => both(nodes, name => name === 'node2' ? put(conflist(ranges.node2), '/etc/cni/10-bridge.conflist') : right(name)) },
        'the same range on both nodes': { refusedBy: gives[1].claim, instead: onBoth(() => `${put(conflist(ranges.node1))}\n${until(IS_READY)}`) },
        'an older configuration is the first by name': {
          refusedBy: gives[0].claim,
          after: onNode1(`${put(conflist('10.88.0.0/16').replace('"pods"', '"old"'), '/etc/cni/net.d/05-old.conflist')}\n${until('any(.cniconfig.Networks[].Config.Name; . == "old")')}`),
        },
        'the file is emptied': { refusedBy: ready[1].claim, after: onNode2(`: >${FILE}\n${until(NOT_READY)}`) },
      },
    },

    sandbox: {
      checks: [...plugins, web, db],
      hints: [
        'What `crictl runp` says names the folder in which containerd looks. Who told it of that folder, and when?',
        failing => failing.includes(plugins[0].claim) || failing.includes(plugins[1].claim)
          ? '`crictl info | jq .cniconfig.PluginDirs` is what containerd uses now; a file that was changed after its start is not. Three programs have to be there: loopback, bridge and host-local.'
          : 'The plugins are found. `crictl pods` lists the sandboxes that are there: one that failed was taken away, and has to be asked for again.',
        'On node1: `sed -i \'s|/usr/lib/cni|/opt/cni/bin|\' /etc/containerd/config.toml`, end containerd and start it again, `crictl runp /root/web.yaml`; on node2 the same, with db.yaml',
      ],
      alternatives: {
        'links where containerd looks, and no restart': onBoth(name => `mkdir -p /usr/lib; ln -s /opt/cni/bin /usr/lib/cni\n${run(pods[name])}`),
        'the configuration as containerd 1.6 has it': onBoth(name => `${put(`version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:lab"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"`, '/etc/containerd/config.toml')}\n${restart}\n${run(pods[name])}`),
      },
      mutants: {
        'the configuration mended, and containerd not restarted': { refusedBy: plugins[0].claim, instead: onBoth(name => name === 'node1' ? `${binDirs('/opt/cni/bin')}\n${run('web')} 2>/dev/null || true` : mended(name)) },
        'one of three plugins': { refusedBy: plugins[0].claim, instead: onBoth(name => name === 'node1' ? `mkdir -p /usr/lib/cni; ln -s /opt/cni/bin/bridge /usr/lib/cni/\n${run('web')} 2>/dev/null || true` : mended(name)) },
        'the folder is called otherwise': { refusedBy: plugins[1].claim, instead: onBoth(name => name === 'node2' ? `${binDirs('/etc/cni/bin')}\n${restart}\n${run('db')} 2>/dev/null || true` : mended(name)) },
        'a pod in the network of its node': { refusedBy: web.claim, instead: onBoth(name => name === 'node2' ? mended(name) : `${binDirs('/opt/cni/bin')}\n${restart}
          ${put('metadata: { name: web, namespace: default, uid: web-1 }\nlinux: { security_context: { namespace_options: { network: 2 } } }', '/root/web.yaml')}\ncrictl runp /root/web.yaml`) },
        'a plugin that may not be executed': { refusedBy: plugins[0].claim, after: onNode1('cp --remove-destination $(readlink -f /opt/cni/bin/host-local) /opt/cni/bin/host-local; chmod -x /opt/cni/bin/host-local') },
        'a plugin of which half was copied': { refusedBy: plugins[1].claim, after: onNode2('bridge=$(readlink -f /opt/cni/bin/bridge); rm /opt/cni/bin/bridge; head -c 100000 $bridge >/opt/cni/bin/bridge; chmod +x /opt/cni/bin/bridge') },
        'the loopback of web down': { refusedBy: web.claim, after: onNode1(`nsenter -t ${pauseOf('web')} -n ip link set lo down`) },
        'the sandbox of db has ended': { refusedBy: db.claim, after: onNode2(`kill -9 ${pauseOf('db')}\nfor try in $(seq 200); do crictl pods --state ready -q | grep -q . || break; sleep 0.02; done`) },
      },
    },

    routes: {
      checks: [across, elsewhere, ...plugins],
      hints: [
        'Ask node1\'s routes who has 10.244.2.2: `ip route get 10.244.2.2`. Lab 05 has the rest.',
        failing => failing.includes(elsewhere.claim) && !failing.includes(across.claim)
          ? 'The pods reach each other. What does node1 do with a packet for an address that nobody has, `ip route get 203.0.113.9`, and what does node2 do with it then?'
          : '`ip route add RANGE via NODE`: the range of the other node\'s pods, by the other node\'s address. An answer needs one, too.',
        'On node1: `ip route add 10.244.2.0/24 via 192.168.1.12`; on node2: `ip route add 10.244.1.0/24 via 192.168.1.11`',
      ],
      alternatives: {
        'a wider range, and a table of its own': onBoth(name => name === 'node1' ? 'ip route add 10.244.2.0/23 via 192.168.1.12' : 'ip route add 10.244.1.0/24 via 192.168.1.11 table 77; ip rule add to 10.244.1.0/24 lookup 77'),
      },
      mutants: {
        'only the way there': { refusedBy: across.claim, instead: onNode1(routes.node1) },
        'by the wire, and by no node': { refusedBy: across.claim, instead: onBoth(name => name === 'node1' ? 'ip route add 10.244.2.0/24 dev eth0' : routes.node2) },
        'each sends the other all that it does not know': { refusedBy: elsewhere.claim, instead: onBoth(name => `ip route add default via ${name === 'node1' ? '192.168.1.12' : '192.168.1.11'}`) },
        'hidden behind the node': {
          refusedBy: across.claim,
          instead: onBoth(name => `${put(conflist(ranges[name], bridge(ranges[name], { ipMasq: true })))}
            for try in $(seq 200); do crictl info | grep -q 'ipMasq.*true' && break; sleep 0.02; done
            ${remove(pods[name])}\n${run(pods[name])}\n${routes[name]}`),
        },
        'somebody sets ip_forward back': { refusedBy: across.claim, after: onNode2('sysctl -qw net.ipv4.ip_forward=0') },
      },
    },

    whose: {
      checks: [inWeb, inApi, api],
      answers: { pid, network, cable },
      hints: [
        'What is a container to the kernel? Processes in namespaces. containerd knows the first of them.',
        '`crictl ps --pod $(crictl pods -q --name web)` has the id, `crictl inspect ID | jq .info.pid` the process. All else are files below /proc/PID, and the number behind eth0@if.',
        'On node1: `crictl runp /root/api.yaml`, then for both pods `crictl start $(crictl create POD /root/httpd.yaml POD.yaml)`; and `crictl runp /root/job.yaml`',
      ],
      mutants: {
        'the program in the network, and no container': {
          refusedBy: inWeb.claim,
          instead: onNode1(`${run('api')}\nsetsid nsenter -t ${pauseOf('web')} -n busybox httpd -f -p 8080 -h /etc </dev/null >/dev/null 2>&1 &\n${container('api')}`),
        },
        'both containers in one pod': {
          refusedBy: inApi.claim,
          instead: onNode1(`${run('api')}\n${container('web')}\nsed 's/httpd }/second }/; s/8080/8081/' /root/httpd.yaml >/root/second.yaml
            crictl start $(crictl create $(crictl pods -q --name '^web$') /root/second.yaml /root/web.yaml)`),
        },
        'created, and not started': { refusedBy: inWeb.claim, instead: onNode1(`${run('api')}\n${container('api')}\ncrictl create $(crictl pods -q --name '^web$') /root/httpd.yaml /root/web.yaml`) },
        'the container of api is stopped': { refusedBy: inApi.claim, after: onNode1('crictl stop -t 0 $(crictl ps -q --pod $(crictl pods -q --name \'^api$\'))') },
      },
    },

    stop: {
      checks: [gone, leased, web, api],
      hints: [
        'Each of the three ways takes away one thing that containerd has made, without containerd. Who would have to be told, so that all of it goes?',
        failing => failing.includes(leased.claim)
          ? 'A lease is a file in /var/lib/cni/networks/pods, and its first line is a pod. DEL frees it, if it is called, and finds its plugins.'
          : 'CRI has a call for the end of a sandbox, as for its beginning, and `crictl` has it: `crictl help`.',
        'On node1: `crictl stopp $(crictl pods -q --name job)`, then `crictl rmp` with the same id',
      ],
      solution: onNode1('pod=$(crictl pods -q --name \'^job$\'); crictl stopp $pod; crictl rmp $pod'),
      alternatives: {
        'stopped, and kept to be looked at': onNode1('crictl stopp $(crictl pods -q --name \'^job$\')'),
        'at once, by force': onNode1(remove('job')),
      },
      mutants: {
        'its pause is killed': { refusedBy: gone.claim, instead: onNode1(`kill -9 ${pauseOf('job')}\nfor try in $(seq 200); do [ -z "$(crictl pods --state ready -q --name '^job$')" ] && break; sleep 0.02; done`) },
        'its namespace is deleted': { refusedBy: gone.claim, instead: onNode1(`ip netns delete ${nsOf('job')}`) },
        'its lease is deleted': { refusedBy: leased.claim, instead: onNode1('rm $(grep -l $(crictl pods -q --no-trunc --name \'^job$\') /var/lib/cni/networks/pods/*.*.*.*)') },
        'the plugins are uninstalled first': {
          refusedBy: leased.claim,
          instead: onNode1(`rm /opt/cni/bin/*\ncrictl stopp $(crictl pods -q --name '^job$') 2>/dev/null || true`),
        },
        'web is taken for it': { refusedBy: web.claim, after: onNode1(remove('web')) },
        'api goes with it': { refusedBy: api.claim, instead: onNode1(`${remove('job')}\n${remove('api')}`) },
        'all leases are cleared, to be sure': { refusedBy: leased.claim, after: onNode1('rm /var/lib/cni/networks/pods/*') },
      },
    },
  },
})
