// 04 · The pod sandbox: a process that does nothing holds the network, and the containers come and go in it.
import { answeredFrom, outlives, reachEachOther, reachesItself } from 'hardway/checks'
import { defineLab, fail, pass, type Answer, type Bench, type Nodes } from 'hardway/lab'
import { podsOnBridge } from 'hardway/networks'

type Node = Nodes<'node1'>['node1']

const web = { web: '10.244.1.2' }
const api = { api: '10.244.1.3' }
const node1 = { node1: '10.244.1.1' }

const held = outlives(web)
const wired = reachEachOther({ ...web, ...node1 })
const itself = reachesItself(web)
const app = answeredFrom(web, { at: '127.0.0.1:8080', program: 'app', in: web })
const sidecar = answeredFrom(web, { at: '127.0.0.1:9090', program: 'sidecar', in: web })
const probed = answeredFrom(node1, { at: '10.244.1.2:8080', program: 'app 2', in: web })
const apiHeld = outlives(api)
const apiProbed = answeredFrom(node1, { at: '10.244.1.3:8080', program: 'app', in: api })
const apiSidecar = answeredFrom(api, { at: '127.0.0.1:9090', program: 'sidecar', in: api })
const apart = reachEachOther({ ...web, ...api }, { keepingAddress: true })

/** In the background, for good; waits until it is what was asked for, and in the namespace that it was sent to. */
const begin = (node: Node, command: string, enter = 'unshare --net') => node`bash -ec ${`
  setsid ${enter} ${command} </dev/null >/dev/null 2>&1 &
  until [ "$(ps -o args= -p $!)" = ${JSON.stringify(command.replaceAll(/['"]/g, ''))} ]; do kill -0 $!; sleep 0.01; done
  echo $!`}`
/** The number of a process by all of its arguments. */
const numberOf = async (node: Node, command: string): Promise<string> => (await node`pgrep -xf ${command}`).stdout.trim()
const end = (node: Node, command: string) => node`
  kill $(pgrep -xf ${command})
  while pgrep -xf ${command} >/dev/null; do sleep 0.01; done`

/** A cable from cni0 into the namespace, entered like this: `nsenter -t 41 -n`. `where` is what ip calls it. */
const wire = (node: Node, where: string, enter: string, address = web.web, name = 'veth-web') => node`
  # The cable of a network that has just ended goes with it, when the kernel comes to it.
  while [ -e /sys/class/net/${name} ]; do sleep 0.01; done
  ip link add ${name} up type veth peer name eth0 netns ${where}
  ip link set ${name} master cni0
  ${enter.split(' ')} ip -batch - <<END
link set lo up
addr add ${address}/24 dev eth0
link set eth0 up
route add default via 10.244.1.1
END`

const PAUSE = 'sleep infinity'
const APP = 'serve app 1 8080'
const LOCAL = 'serve app 1 127.0.0.1:8080'
const SIDECAR = 'serve sidecar 9090'

/** A pause of any make that has the pod's cable. Returns how its network is entered. */
async function sandbox(node: Node, command = PAUSE, address = web.web, name = 'veth-web'): Promise<string> {
  const pid = (await begin(node, command)).stdout.trim()
  await wire(node, pid, `nsenter -t ${pid} -n`, address, name)
  return `nsenter -t ${pid} -n`
}
const inWeb = async (node: Node): Promise<string> => `nsenter -t ${await numberOf(node, PAUSE)} -n`
const startApp = async (node: Node, enter: string, what = "'app 1' 127.0.0.1:8080") => begin(node, `serve ${what}`, enter)
const startSidecar = async (node: Node, enter: string) => begin(node, SIDECAR, enter)
/** A second namespace on the bridge, with the sidecar in it: it only looks like one pod with the first. */
async function sidecarElsewhere(node: Node): Promise<string> {
  const pid = (await begin(node, SIDECAR)).stdout.trim()
  await wire(node, pid, `nsenter -t ${pid} -n`, api.api, 'veth-side')
  return pid
}
const restarted = async (node: Node, what: string) => {
  await end(node, LOCAL)
  await startApp(node, await inWeb(node), what)
}

/** Processes in the network of whoever has the address: what each listens with. */
async function inside(bench: Bench, address: string) {
  const all = await bench.namespaces('node1')
  const [own] = all
  if (own === undefined) throw new Error('node1 shows no namespace of its own')
  const namespace = all.find(one => one.links.some(link => link.addresses.some(held => held.startsWith(`${address}/`))))
  const evidence = await bench.place('node1').exec(['/usr/local/lib/hardway/processes'])
  const processes = evidence.stdout.split('\n').filter(line => line.startsWith('process ')).map(line => {
    const [, pid = '', , inode = '', from = '', listens = '', ...args] = line.split(' ')
    return { pid, inode: Number(inode), from, listens, args: args.join(' ') }
  })
  return { own, namespace, evidence, processes, members: processes.filter(one => one.inode === namespace?.inode && one.from !== '-') }
}

/** A process of the pod, by its number. */
const memberIs = (pod: string, right: (listens: string) => boolean, otherwise: string): Answer => ({
  right: async bench => (await inside(bench, pod)).members.find(one => right(one.listens))?.pid ?? '',
  grade: async (bench, value) => {
    const { namespace, evidence, processes, members } = await inside(bench, pod)
    if (namespace === undefined) return fail(`no namespace has the address ${pod} yet`, evidence)
    const found = processes.find(one => one.pid === value)
    if (found === undefined) return fail(`node1 has no process ${value}`, evidence)
    const member = members.find(one => one.pid === value)
    if (member === undefined) return fail(`${value} (${found.args.slice(0, 60)}) is in net:[${found.inode}], another network`, evidence)
    return right(member.listens) ? pass(evidence) : fail(`${value} is ${member.args.slice(0, 60)}: ${otherwise}`, evidence)
  },
  wrong: ['1', '0', 'serve'],
})

const sameNumber: Answer = {
  right: async bench => String((await inside(bench, web.web)).namespace?.inode),
  grade: async (bench, value) => {
    const { own, namespace, evidence } = await inside(bench, web.web)
    if (namespace === undefined) return fail(`no namespace has the address ${web.web}`, evidence)
    const number = Number(/^(?:net:\[)?(\d+)\]?$/.exec(value)?.[1])
    if (number === namespace.inode) return pass(namespace.evidence)
    return fail(number === own.inode ? 'that is node1\'s own' : 'that is not the number that app 2 gives', namespace.evidence)
  },
  wrong: ['4026531840', '0', 'app'],
}

export default defineLab<'node1'>({
  // A container as many begin: it has a network of its own, and nobody else is in it.
  setup: async ({ node1 }) => {
    await node1`
      for number in $(seq $((RANDOM % 9 + 1))); do echo "link add old$number group 9 type veth peer name gone$number"; done | ip -batch -
      ip link delete group 9`
    await podsOnBridge(node1, '10.244.1.0/24', {})
    await sandbox(node1, "serve 'app 1' 8080")
  },
  steps: {
    sandbox: {
      checks: [held, wired, itself],
      hints: [
        'A network namespace lives as long as something refers to it. What else than the app could that be?',
        'Any process will do that never ends by itself: start it with `unshare --net`, in the background and apart from your shell. Its PID is what `ip link … netns PID` and `nsenter -t PID -n` want.',
        'On node1: `setsid unshare --net sleep infinity </dev/null >/dev/null 2>&1 &`, `pause=$(pgrep -xf \'sleep infinity\')`, `ip link add veth-web up type veth peer name eth0 netns $pause`, `ip link set veth-web master cni0`; then by `nsenter -t $pause -n ip …`: lo up, 10.244.1.2/24 on eth0, eth0 up, default via 10.244.1.1',
      ],
      alternatives: {
        'a name for the namespace, and no process at all': async ({ node1 }) => {
          await end(node1, APP)
          await node1`ip netns add web`
          await wire(node1, 'web', 'ip netns exec web')
        },
        'a mount in a place of one\'s own': async ({ node1 }) => {
          await end(node1, APP)
          await node1`touch /run/sandbox; unshare --net=/run/sandbox true`
          // ip knows namespaces by names and by processes: one that is there for a moment lends its number.
          const pid = (await begin(node1, 'sleep 60', 'nsenter --net=/run/sandbox')).stdout.trim()
          await wire(node1, pid, 'nsenter --net=/run/sandbox')
          await end(node1, 'sleep 60')
        },
        'the pause of Podman': async ({ node1 }) => {
          await end(node1, APP)
          await sandbox(node1, 'catatonit -P')
        },
        'unshare that stays and waits': async ({ node1 }) => {
          await end(node1, APP)
          await begin(node1, 'unshare --net --fork sleep infinity', '')
          await node1`until pgrep -xf ${PAUSE} >/dev/null; do sleep 0.01; done`
          const pid = await numberOf(node1, PAUSE)
          await wire(node1, pid, `nsenter -t ${pid} -n`)
        },
      },
      mutants: {
        'the app restarted, and its network made anew': {
          refusedBy: held.claim,
          instead: async ({ node1 }) => {
            await end(node1, APP)
            await sandbox(node1, "serve 'app 1' 8080")
          },
        },
        'only somebody who waits for the app': {
          refusedBy: held.claim,
          instead: async ({ node1 }) => {
            await end(node1, APP)
            await begin(node1, "unshare --net --fork serve 'app 1' 8080", '')
            await node1`until pgrep -xf ${APP} >/dev/null; do sleep 0.01; done`
            const pid = await numberOf(node1, APP)
            await wire(node1, pid, `nsenter -t ${pid} -n`)
          },
        },
        'a shell around the app': {
          refusedBy: held.claim,
          instead: async ({ node1 }) => {
            await end(node1, APP)
            await node1`setsid unshare --net sh -c 'serve "app 1" 8080; true' </dev/null >/dev/null 2>&1 &
              until pgrep -xf ${APP} >/dev/null; do sleep 0.01; done`
            const pid = await numberOf(node1, APP)
            await wire(node1, pid, `nsenter -t ${pid} -n`)
          },
        },
        'what the app itself has started': {
          refusedBy: held.claim,
          instead: async ({ node1 }) => {
            await end(node1, APP)
            await node1`setsid unshare --net bash -c 'sleep 1000 & exec serve "app 1" 8080' </dev/null >/dev/null 2>&1 &
              until pgrep -xf ${APP} >/dev/null; do sleep 0.01; done`
            const pid = await numberOf(node1, APP)
            await wire(node1, pid, `nsenter -t ${pid} -n`)
          },
        },
        'a pause in the network of node1': {
          refusedBy: held.claim,
          instead: async ({ node1 }) => {
            await end(node1, APP)
            await begin(node1, PAUSE, '')
            await node1`ip addr add 10.244.1.2/24 dev cni0`
          },
        },
        'a pause, and no cable': {
          refusedBy: wired.claim,
          instead: async ({ node1 }) => {
            await end(node1, APP)
            await sandbox(node1)
            await node1`ip link set veth-web nomaster`
          },
        },
        'a loopback that nobody brought up': {
          refusedBy: itself.claim,
          after: async ({ node1 }) => node1`${(await inWeb(node1)).split(' ')} ip link set lo down`,
        },
        'the pause killed': { refusedBy: held.claim, after: ({ node1 }) => end(node1, PAUSE) },
      },
    },

    together: {
      checks: [app, sidecar, held],
      answers: { 'who-has-8080': memberIs(web.web, listens => /:8080\b/.test(listens), 'it does not listen on 8080') },
      hints: [
        'A process is in one network namespace, as a rule that of its parent. What lets a new one begin in that of another process?',
        failing => failing.includes(app.claim) && failing.includes(sidecar.claim)
          ? '`nsenter -t PID -n COMMAND` starts COMMAND in the network of PID. Which PID does not change when containers come and go?'
          : 'One of the two does not answer on 127.0.0.1, or it answers and is in another network. `ss -ltnp` in the pod shows who listens there; `ps -eo pid,netns,args` shows who runs where.',
        'On node1: `pause=$(pgrep -xf \'sleep infinity\')`, `setsid nsenter -t $pause -n serve \'app 1\' 127.0.0.1:8080 </dev/null >/dev/null 2>&1 &`, and the same for `serve sidecar 9090`',
      ],
      alternatives: {
        'other servers': async ({ node1 }) => {
          const enter = await inWeb(node1)
          await node1`
            setsid ${enter.split(' ')} socat TCP-LISTEN:8080,bind=127.0.0.1,fork,reuseaddr 'SYSTEM:read line; echo app 1 in $(readlink /proc/self/ns/net)' </dev/null >/dev/null 2>&1 &
            setsid ${enter.split(' ')} socat TCP-LISTEN:9090,fork,reuseaddr 'SYSTEM:read line; echo sidecar in $(readlink /proc/self/ns/net)' </dev/null >/dev/null 2>&1 &`
        },
        'by a name': async ({ node1 }) => {
          await node1`ip netns attach web ${await numberOf(node1, PAUSE)}`
          await startApp(node1, 'ip netns exec web')
          await startSidecar(node1, 'ip netns exec web')
        },
        // What `docker run --network container:sidecar` does: join whoever is there.
        'the app joins the sidecar': async ({ node1 }) => {
          const pid = (await startSidecar(node1, await inWeb(node1))).stdout.trim()
          await startApp(node1, `nsenter -t ${pid} -n`)
        },
        'each with other namespaces of its own': async ({ node1 }) => {
          const enter = `${await inWeb(node1)} unshare --mount --uts --ipc`
          await startApp(node1, enter)
          await startSidecar(node1, enter)
        },
      },
      mutants: {
        'two networks on one bridge': {
          refusedBy: sidecar.claim,
          instead: async ({ node1 }) => {
            await startApp(node1, await inWeb(node1))
            await sidecarElsewhere(node1)
          },
        },
        'localhost is a program that passes it on': {
          refusedBy: sidecar.claim,
          instead: async ({ node1 }) => {
            const enter = await inWeb(node1)
            await startApp(node1, enter)
            await sidecarElsewhere(node1)
            await begin(node1, 'socat TCP-LISTEN:9090,bind=127.0.0.1,fork,reuseaddr TCP:10.244.1.3:9090', enter)
          },
        },
        'passed on through a file, past every network': {
          refusedBy: sidecar.claim,
          instead: async ({ node1 }) => {
            const enter = await inWeb(node1)
            await startApp(node1, enter)
            const other = await sidecarElsewhere(node1)
            await begin(node1, 'socat UNIX-LISTEN:/run/side,fork TCP:127.0.0.1:9090', `nsenter -t ${other} -n`)
            await begin(node1, 'socat TCP-LISTEN:9090,bind=127.0.0.1,fork,reuseaddr UNIX-CONNECT:/run/side', enter)
          },
        },
        'the sidecar is translated to': {
          refusedBy: sidecar.claim,
          instead: async ({ node1 }) => {
            const enter = await inWeb(node1)
            await startApp(node1, enter)
            await sidecarElsewhere(node1)
            await node1`
              ${enter.split(' ')} iptables -t nat -A OUTPUT -d 127.0.0.1 -p tcp --dport 9090 -j DNAT --to-destination 10.244.1.3:9090
              ${enter.split(' ')} iptables -t nat -A POSTROUTING -d 10.244.1.3 -j MASQUERADE
              ${enter.split(' ')} sysctl -qw net.ipv4.conf.all.route_localnet=1`
          },
        },
        'the sidecar on node1': {
          refusedBy: sidecar.claim,
          instead: async ({ node1 }) => {
            await startApp(node1, await inWeb(node1))
            await startSidecar(node1, '')
          },
        },
        'together, and not with the pause': {
          refusedBy: app.claim,
          instead: async ({ node1 }) => {
            const pid = (await startApp(node1, 'unshare --net')).stdout.trim()
            await node1`nsenter -t ${pid} -n ip link set lo up`
            await startSidecar(node1, `nsenter -t ${pid} -n`)
          },
        },
        'both want one port': {
          refusedBy: sidecar.claim,
          instead: async ({ node1 }) => {
            const enter = await inWeb(node1)
            await startApp(node1, enter)
            await node1`! ${enter.split(' ')} serve sidecar 8080`
          },
        },
        'the pause killed, and nobody has noticed yet': { refusedBy: held.claim, after: ({ node1 }) => end(node1, PAUSE) },
        'the sidecar has ended': { refusedBy: sidecar.claim, after: ({ node1 }) => end(node1, SIDECAR) },
        'lo went down': { refusedBy: app.claim, after: async ({ node1 }) => node1`${(await inWeb(node1)).split(' ')} ip link set lo down` },
      },
    },

    restart: {
      checks: [probed, sidecar, held],
      answers: { 'same-number': sameNumber, 'who-must-stay': memberIs(web.web, listens => listens === '-', 'when it is restarted, the address stays') },
      hints: [
        'The kubelet asks from the node, at the address of the pod. At which address does app 1 listen? `ss -ltn` in the pod tells.',
        'End app 1, and start app 2 where it was: the network is still there, with its address. On which address must app 2 listen, if others than localhost are to reach it?',
        'On node1: `kill $(pgrep -xf \'serve app 1 127.0.0.1:8080\')`, then `setsid nsenter -t $(pgrep -xf \'sleep infinity\') -n serve \'app 2\' 8080 </dev/null >/dev/null 2>&1 &`',
      ],
      alternatives: {
        'on the address of the pod alone, and another beside it': async ({ node1 }) => {
          await restarted(node1, "'app 2' 10.244.1.2:8080")
          await startApp(node1, await inWeb(node1))
        },
        'another server': async ({ node1 }) => {
          await end(node1, LOCAL)
          await node1`setsid ${(await inWeb(node1)).split(' ')} socat TCP-LISTEN:8080,fork,reuseaddr 'SYSTEM:read line; echo app 2 in $(readlink /proc/self/ns/net)' </dev/null >/dev/null 2>&1 &`
        },
        'started from within the network of the sidecar': async ({ node1 }) => {
          await end(node1, LOCAL)
          await startApp(node1, `nsenter -t ${await numberOf(node1, SIDECAR)} -n`, "'app 2' 8080")
        },
      },
      mutants: {
        'on 127.0.0.1 only, once more': { refusedBy: probed.claim, instead: ({ node1 }) => restarted(node1, "'app 2' 127.0.0.1:8080") },
        'the old one again': { refusedBy: probed.claim, instead: ({ node1 }) => restarted(node1, "'app 1' 8080") },
        'on another port': { refusedBy: probed.claim, instead: ({ node1 }) => restarted(node1, "'app 2' 8081") },
        'killed, and not started': { refusedBy: probed.claim, instead: ({ node1 }) => end(node1, LOCAL) },
        'started in a network of its own': {
          refusedBy: probed.claim,
          instead: async ({ node1 }) => {
            await end(node1, LOCAL)
            await begin(node1, "serve 'app 2' 8080")
          },
        },
        // All containers anew, with the old address: the sidecar, which nobody wanted to restart, is gone.
        'a new pod in place of a restart': {
          refusedBy: sidecar.claim,
          instead: async ({ node1 }) => {
            for (const one of [LOCAL, SIDECAR, PAUSE]) await end(node1, one)
            await startApp(node1, await sandbox(node1), "'app 2' 8080")
          },
        },
        'on node1, and passed on': {
          refusedBy: probed.claim,
          instead: async ({ node1 }) => {
            await end(node1, LOCAL)
            await begin(node1, "serve 'app 2' 8082", '')
            await begin(node1, 'socat TCP-LISTEN:8080,fork,reuseaddr TCP:10.244.1.1:8082', await inWeb(node1))
          },
        },
        'a firewall in the pod': {
          refusedBy: probed.claim,
          after: async ({ node1 }) => node1`${(await inWeb(node1)).split(' ')} iptables -A INPUT -i eth0 -p tcp --dport 8080 -j DROP`,
        },
        'the cable pulled out': { refusedBy: probed.claim, after: ({ node1 }) => node1`ip link set veth-web nomaster` },
        'the pause is killed': { refusedBy: held.claim, after: ({ node1 }) => end(node1, PAUSE) },
      },
    },

    'second-pod': {
      checks: [apiHeld, apiProbed, apiSidecar, apart, probed],
      hints: [
        'Web is three processes: a pause, an app and a sidecar. Api needs three of its own. In whose network does each begin, and which of them has to be there before the others?',
        failing => failing.includes(apiHeld.claim)
          ? 'First the network, then who lives in it. A pause of its own; `pgrep -xf` finds a process by all of its arguments, and two pauses are told apart if they sleep for different times.'
          : 'Everything is done in the network of api\'s pause: address, loopback, app, sidecar. In whose network have you started the one that does not answer?',
        'On node1: all of the first two steps with other names, for example `unshare --net sleep 100000d`, `veth-api`, 10.244.1.3/24, `serve \'app of api\' 8080` and `serve sidecar 9090`',
      ],
      alternatives: {
        'ip netns from end to end': async ({ node1 }) => {
          await node1`ip netns add api`
          await wire(node1, 'api', 'ip netns exec api', api.api, 'veth-api')
          await startApp(node1, 'ip netns exec api', "'app for api' 8080")
          await startSidecar(node1, 'ip netns exec api')
        },
      },
      mutants: {
        'a second address of web': {
          refusedBy: apart.claim,
          instead: async ({ node1 }) => node1`${(await inWeb(node1)).split(' ')} ip addr add 10.244.1.3/24 dev eth0`,
        },
        'no pause': {
          refusedBy: apiHeld.claim,
          instead: async ({ node1 }) => {
            await startSidecar(node1, await sandbox(node1, "serve 'app of api' 8080", api.api, 'veth-api'))
          },
        },
        'the sidecar of web is to do for both': {
          refusedBy: apiSidecar.claim,
          instead: async ({ node1 }) => {
            const enter = await sandbox(node1, 'sleep 100000d', api.api, 'veth-api')
            await startApp(node1, enter, "'app of api' 8080")
            await begin(node1, 'socat TCP-LISTEN:9090,bind=127.0.0.1,fork,reuseaddr TCP:10.244.1.2:9090', enter)
          },
        },
        'the app on localhost only': {
          refusedBy: apiProbed.claim,
          instead: async ({ node1 }) => {
            const enter = await sandbox(node1, 'sleep 100000d', api.api, 'veth-api')
            await startApp(node1, enter, "'app of api' 127.0.0.1:8080")
            await startSidecar(node1, enter)
          },
        },
        'the address of web': {
          refusedBy: probed.claim,
          after: async ({ node1 }) => node1`nsenter -t ${await numberOf(node1, 'sleep 100000d')} -n ip addr add 10.244.1.2/24 dev eth0`,
        },
        'the pause of api killed': { refusedBy: apiHeld.claim, after: ({ node1 }) => end(node1, 'sleep 100000d') },
      },
    },

    whose: {
      alreadyTrue: 'to look who is where changes nothing',
      checks: [held, apiHeld, apart],
      answers: { 'sidecar-of-api': memberIs(api.api, listens => /:9090\b/.test(listens), 'it does not listen on 9090') },
      hints: [
        'Names can be the same. What is it that two processes of one pod have in common, and two of different pods have not?',
        '`ps -eo pid,netns,args` prints the number of each process\'s network. Which of them has 10.244.1.3?',
        '`nsenter -t PID -n ip -br addr` for each of the two: the one that prints 10.244.1.3 is it.',
      ],
      mutants: {
        'api is left to its app and its sidecar': { refusedBy: apiHeld.claim, after: ({ node1 }) => end(node1, 'sleep 100000d') },
        'the cable of api pulled out': { refusedBy: apart.claim, after: ({ node1 }) => node1`ip link set veth-api nomaster` },
        'the pause of web ended long ago': { refusedBy: held.claim, after: ({ node1 }) => end(node1, PAUSE) },
      },
    },
  },
})
