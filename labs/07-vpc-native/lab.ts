// 07 · A cloud's routes: the network between the nodes belongs to somebody else, who has to be asked through an API.
import { readFileSync } from 'node:fs'
import { forwards, freshPod, plainOnTheWire, reachEachOther, reaches, routedTimes, routeVia } from 'hardway/checks'
import { defineLab, fail, pass, unknown, type Answer, type Bench, type Check, type Evidence, type Nodes } from 'hardway/lab'
import { podsOnBridge } from 'hardway/networks'

type Name = 'worker-0' | 'worker-1' | 'worker-2' | 'vpc'
type Node = Nodes<Name>[Name]

const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')

/** What is fixed about each: its identifiers are Amazon's to give, and end here as its address does. */
const instances = {
  'worker-0': { address: '10.0.1.20', id: 'i-0d6f1c08e2b7a4520', interface: 'eni-04c9b3e85d1a7f620' },
  'worker-1': { address: '10.0.1.21', id: 'i-0d6f1c08e2b7a4521', interface: 'eni-04c9b3e85d1a7f621' },
  'worker-2': { address: '10.0.1.22', id: 'i-0d6f1c08e2b7a4522', interface: 'eni-04c9b3e85d1a7f622' },
} as const
type Worker = keyof typeof instances

const table = 'rtb-0e5a9d27c6b1f3480'
const ranges = { 'worker-0': '10.200.0', 'worker-1': '10.200.1', 'worker-2': '10.200.2' } as const satisfies Record<Worker, string>

const red = { red: '10.200.0.2' }
const green = { green: '10.200.1.2' }
const amber = { amber: '10.200.2.2' }
const both = { ...red, blue: '10.200.0.3', ...green, teal: '10.200.1.3' }
const kept = { keepingAddress: true }

const ownNames = reachEachOther(both, kept)
const plain = plainOnTheWire(red, green)
const everyone = reachEachOther({ ...both, ...amber }, kept)
const newcomer = { there: routedTimes(red, amber, 3), back: routedTimes(amber, green, 3) }
const fresh = {
  'worker-0': freshPod('worker-0', '10.200.0.1', { ...green, ...amber }),
  'worker-1': freshPod('worker-1', '10.200.1.1', { ...red, ...amber }),
  'worker-2': freshPod('worker-2', '10.200.2.1', { ...red, ...green }),
}

/** The whole of a range, and the other end is there: a route to an instance that is stopped is a blackhole. */
function routed(worker: Worker): Check {
  const range = ranges[worker]
  const addresses = ['.2', '.254'].map(last => routeVia('vpc', range + last, instances[worker].address))
  return {
    claim: `the VPC's route table sends ${range}.0/24 to ${worker}`,
    look: async bench => {
      const evidence: Evidence[] = []
      for (const verdict of await Promise.all(addresses.map(one => one.look(bench)))) {
        // What the table has no route for ends in the last route of all.
        if (verdict.status === 'fail' && verdict.because.includes('`blackhole default')) return fail(`the table has no route for all of ${range}.0/24: what is for the rest is thrown away`, ...verdict.evidence)
        if (verdict.status !== 'pass') return verdict
        evidence.push(...verdict.evidence)
      }
      const own = (await bench.namespaces('vpc')).find(one => one.own)
      const port = own?.links.find(link => link.name === worker)
      if (own === undefined || port === undefined) return unknown(`vpc has no port for ${worker}`, ...evidence)
      if (!port.up) return fail(`the route is a blackhole: ${instances[worker].id}, its target, is not running`, own.evidence, ...evidence)
      return pass(own.evidence, ...evidence)
    },
  }
}

/**
 * What the source/destination check is about, and of one interface only: the question goes to somebody who is behind
 * it, the answer comes from there, and the other end has an address of its own.
 */
function carried(worker: Worker, behind: Readonly<Record<string, string>>, other: Worker): Check {
  const plain = plainOnTheWire({ [other]: instances[other].address }, behind)
  const claim = `the VPC carries packets of ${Object.keys(behind).join('')} to ${worker} and from it`
  const others = (Object.keys(instances) as Worker[]).filter(one => one !== worker)
  return sayingWhere({ ...plain, claim }, [destination(worker), source(worker), GROUP, ...others.map(destination)])
}

const source = (worker: Worker): string => `source check of ${instances[worker].interface}`
const destination = (worker: Worker): string => `destination check of ${instances[worker].interface}`
const GROUP = 'security group, inbound'

/** No kernel on the way says who took a packet, but the VPC's filters count. They are named in the order of the way. */
function sayingWhere(check: Check, filters: readonly string[]): Check {
  return {
    claim: check.claim,
    look: async bench => {
      const verdict = await check.look(untraced(bench))
      const symptom = verdict.status === 'fail' ? /^\S+ does not reach \S+ \([^)]*\)/.exec(verdict.because)?.[0] : undefined
      if (verdict.status !== 'fail' || symptom === undefined) return verdict
      const before = await drops(bench)
      await check.look(untraced(bench))
      const after = await drops(bench)
      const counts = (filter: string) => [before.packets.get(filter) ?? 0, after.packets.get(filter) ?? 0] as const
      const taken = filters.find(filter => counts(filter)[1] > counts(filter)[0])
      if (taken === undefined) return check.look(bench)
      return fail(`${symptom}: the VPC drops it, by the ${taken} (${counts(taken).join(' → ')} packets)`, after.evidence, before.evidence, ...verdict.evidence)
    },
  }
}

const known = new WeakMap<Bench, Bench>()

/** The same bench, one for all checks of a look. To follow a packet is the slow question; first comes the one that these can answer. */
function untraced(bench: Bench): Bench {
  const one = known.get(bench) ?? { topology: bench.topology, place: name => bench.place(name), namespaces: node => bench.namespaces(node) }
  known.set(bench, one)
  return one
}

async function drops(bench: Bench): Promise<{ readonly packets: ReadonlyMap<string, number>; readonly evidence: Evidence }> {
  const evidence = await bench.place('vpc').exec(['nft', 'list', 'table', 'bridge', 'vpc'])
  const rules = [...evidence.stdout.matchAll(/counter packets (\d+) .* comment "(.*)"/g)].map(([, count, comment]) => [comment ?? '', Number(count)] as const)
  return { packets: new Map(rules), evidence }
}

const worker0 = carried('worker-0', red, 'worker-1')
const worker1 = carried('worker-1', green, 'worker-0')
const worker2 = carried('worker-2', amber, 'worker-0')
const there = [source('worker-0'), GROUP, destination('worker-1'), destination('worker-2')]
const redToGreen = sayingWhere(reaches(red, green, kept), there)
const through = { there: routedTimes(red, green, 3), back: routedTimes(green, red, 3) }
const getsThrough = sayingWhere(through.there, there)

/** A program in the node. */
const install = (node: Node, path: string, name: string) => node`printf %s ${file(name)} > ${path} && chmod +x ${path}`

/** An instance as it comes: an address, a default route, the command line. Forwarding is what the lab teaches. */
async function boot(node: Node, pods: () => Promise<void>): Promise<string> {
  await install(node, '/usr/local/bin/aws', 'aws')
  await pods()
  const { stdout } = await node`
    sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.accept_redirects=0
    ip route add default via 10.0.1.1 dev eth0 proto dhcp src $(ip -4 -o addr show dev eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/')
    echo '10.0.1.10 ec2.eu-central-1.amazonaws.com' >> /etc/hosts
    cat /sys/class/net/eth0/address`
  return stdout.trim()
}

/** What the bridge plugin writes for each pod when its configuration says `ipMasq: true`. */
const masquerade = (node: Node, range: string, pods: Readonly<Record<string, string>>) => {
  const lines = Object.entries(pods).flatMap(([name, address], index) => {
    const chain = `CNI-${`5c1f09e7a2d84b36f0917c${index}d`.padEnd(24, '0')}`
    const comment = `-m comment --comment "name: \\"bridge\\" id: \\"${name}\\""`
    return [
      `:${chain} - [0:0]`,
      `-A POSTROUTING -s ${address}/32 ${comment} -j ${chain}`,
      `-A ${chain} -d ${range} ${comment} -j ACCEPT`,
      `-A ${chain} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
    ]
  })
  return node`iptables-restore --noflush <<< ${['*nat', ...lines, 'COMMIT'].join('\n')}`
}

/** `aws ec2 …`, typed on the first worker. */
const ec2 = ({ 'worker-0': node }: Nodes<Name>, ...commands: readonly string[]) => node`bash -ec ${commands.map(command => `aws ec2 ${command}`).join('\n')}`
const route = (verb: 'create' | 'replace', range: string, worker: Worker) =>
  `${verb}-route --route-table-id ${table} --destination-cidr-block ${range} --instance-id ${instances[worker].id}`
const remove = (range: string) => `delete-route --route-table-id ${table} --destination-cidr-block ${range}`
const check = (worker: Worker, on: boolean) => `modify-instance-attribute --instance-id ${instances[worker].id} --${on ? '' : 'no-'}source-dest-check`
const off = (...workers: readonly Worker[]) => workers.map(worker => check(worker, false))
const forwardOn = (...nodes: readonly Node[]) => Promise.all(nodes.map(node => node`sysctl -qw net.ipv4.ip_forward=1`))

/** Lab 05's recipe: each node told where the other's range is. */
const told = (nodes: Nodes<Name>) => Promise.all([
  nodes['worker-0']`ip route add 10.200.1.0/24 via 10.0.1.21`,
  nodes['worker-1']`ip route add 10.200.0.0/24 via 10.0.1.20`,
])

/** Flannel's, in short: the VPC sees nothing but what two instances say to each other. */
const tunnel = (nodes: Nodes<Name>) => Promise.all(([['worker-0', 0, 1], ['worker-1', 1, 0]] as const).map(([name, own, other]) => nodes[name]`
  ip -batch - <<END
link add flannel.1 address 02:00:00:00:00:0${own} mtu 1450 up type vxlan id 1 dev eth0 local ${instances[name].address} dstport 8472 nolearning
addr add 10.200.${own}.0/32 dev flannel.1
neigh add 10.200.${other}.0 lladdr 02:00:00:00:00:0${other} dev flannel.1 nud permanent
route replace 10.200.${other}.0/24 via 10.200.${other}.0 dev flannel.1 onlink
END
  bridge fdb append 02:00:00:00:00:0${other} dev flannel.1 dst 10.0.1.2${other}`))

/** A number, whatever is written around it. */
const numberIs = (right: number, wrong: Answer['wrong']): Answer => ({
  right: () => Promise.resolve(String(right)),
  wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('vpc')
    if (node === undefined) return unknown('vpc shows no network namespace')
    if (!/^\d+$/.test(value)) return fail(`${value} is no number`, node.evidence)
    return Number(value) === right ? pass(node.evidence) : fail(`it is not ${value}`, node.evidence)
  },
})

/** Of the port by which the VPC's router reaches the next hop of an address. */
const targetOf = (address: string): Answer => {
  const ask = async (bench: Bench) => {
    const evidence = await bench.place('vpc').exec(['ip', 'route', 'get', address])
    const via = / via (\S+)/.exec(evidence.stdout)?.[1]
    return { evidence, target: Object.values(instances).find(one => one.address === via) }
  }
  return {
    right: async bench => (await ask(bench)).target?.interface ?? '',
    wrong: ['local', instances['worker-0'].interface, instances['worker-1'].id, '10.0.1.21'],
    grade: async (bench, value) => {
      const { evidence, target } = await ask(bench)
      if (target === undefined) return fail(`the table has no route for ${address} yet`, evidence)
      if (value === target.interface) return pass(evidence)
      return fail(value === target.id ? 'that is the instance; which of its interfaces?' : 'that is not where it goes', evidence)
    },
  }
}

export default defineLab<Name>({
  setup: async nodes => {
    const workers = Object.keys(instances) as Worker[]
    const pods = {
      'worker-0': () => podsOnBridge(nodes['worker-0'], '10.200.0.0/24', { red: '10.200.0.2', blue: '10.200.0.3' }),
      'worker-1': async () => {
        await podsOnBridge(nodes['worker-1'], '10.200.1.0/24', { green: '10.200.1.2', teal: '10.200.1.3' })
        await masquerade(nodes['worker-1'], '10.200.1.0/24', { green: '10.200.1.2', teal: '10.200.1.3' })
      },
      'worker-2': () => podsOnBridge(nodes['worker-2'], '10.200.2.0/24', { amber: '10.200.2.2' }),
    }
    const [lines] = await Promise.all([
      Promise.all(workers.map(async name => {
        const mac = await boot(nodes[name], pods[name])
        const { address, id, interface: port } = instances[name]
        return `${name} ${address} ${mac} ${id} ${port}`
      })),
      install(nodes.vpc, '/usr/local/sbin/vpc', 'vpc'), install(nodes.vpc, '/usr/local/sbin/ec2', 'ec2'),
    ])
    await nodes.vpc`vpc <<< ${lines.join('\n')} && ec2 10.0.1.10 80`
  },
  steps: {
    forward: {
      checks: [forwards('worker-0'), forwards('worker-1'), routeVia('worker-0', '10.200.1.2', '10.0.1.1'), routeVia('worker-1', '10.200.0.2', '10.0.1.1')],
      hints: [
        failing => failing.some(claim => claim.includes(' sends '))
          ? 'Which route does the worker take for the other one\'s pods, and who wrote it? `ip route get 10.200.1.2` on worker-0.'
          : 'What did a machine need first, in lab 05, before it passed on a packet that is not for itself?',
        'Two things are to be left at the end: both workers forward, and neither has a route of its own for the other\'s pods. The default route is the one that counts here.',
        'On worker-0 and worker-1: `sysctl -w net.ipv4.ip_forward=1`. Then take the trial routes away: `ip route del 10.200.1.0/24` on worker-0, `ip route del 10.200.0.0/24` on worker-1',
      ],
      alternatives: {
        'forwarding alone, and no trial': nodes => forwardOn(nodes['worker-0'], nodes['worker-1']),
        'interface by interface': nodes => Promise.all([nodes['worker-0'], nodes['worker-1']].map(node =>
          node`sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv4.conf.cni0.forwarding=1`)),
        'a route of their own to the router': async nodes => {
          await forwardOn(nodes['worker-0'], nodes['worker-1'])
          await Promise.all([nodes['worker-0'], nodes['worker-1']].map(node => node`ip route add 10.200.0.0/16 via 10.0.1.1`))
        },
      },
      mutants: {
        'only where the packet starts': { refusedBy: 'worker-1 forwards packets that are not for itself', instead: nodes => forwardOn(nodes['worker-0']) },
        'lab 05 left standing': {
          refusedBy: 'worker-0 sends 10.200.1.2 via 10.0.1.1',
          instead: async nodes => {
            await forwardOn(nodes['worker-0'], nodes['worker-1'])
            await told(nodes)
          },
        },
        'too much taken away': { refusedBy: 'worker-1 sends 10.200.0.2 via 10.0.1.1', after: nodes => nodes['worker-1']`ip route del default` },
        'off again towards the pods': { refusedBy: 'worker-0 forwards packets that are not for itself', after: nodes => nodes['worker-0']`sysctl -qw net.ipv4.conf.eth0.forwarding=0` },
      },
    },

    'route-table': {
      checks: [routed('worker-0'), routed('worker-1')],
      hints: [
        'Nothing that you type into a worker\'s own routing table reaches the router. To whom does this router listen?',
        'One route for each worker: which range, and which instance is it behind? `aws ec2 create-route help` shows the options, `aws ec2 describe-route-tables` what is there.',
        `On worker-0: \`aws ec2 create-route --route-table-id ${table} --destination-cidr-block 10.200.0.0/24 --instance-id ${instances['worker-0'].id}\`, and the same with 10.200.1.0/24 and ${instances['worker-1'].id}`,
      ],
      answers: { target: targetOf('10.200.1.77') },
      alternatives: {
        'by interface': nodes => ec2(nodes, ...(['worker-1', 'worker-0'] as const).map(worker =>
          `create-route --route-table-id ${table} --network-interface-id=${instances[worker].interface} --destination-cidr-block=${ranges[worker]}.0/24`)),
        'a wide route and a narrow one': nodes => ec2(nodes, route('create', '10.200.0.0/16', 'worker-1'), route('create', '10.200.0.0/24', 'worker-0')),
        'halves': nodes => ec2(nodes, route('create', '10.200.0.0/24', 'worker-0'), route('create', '10.200.1.0/25', 'worker-1'), route('create', '10.200.1.128/25', 'worker-1')),
        'wrong at first': nodes => ec2(nodes, route('create', '10.200.0.0/24', 'worker-1'), route('create', '10.200.1.99/24', 'worker-1'), route('replace', '10.200.0.0/24', 'worker-0')),
        'from another instance': nodes => nodes['worker-2']`
          aws ec2 ${route('create', '10.200.0.0/24', 'worker-0').split(' ')}
          aws ec2 ${route('create', '10.200.1.0/24', 'worker-1').split(' ')}`,
      },
      mutants: {
        'one way only': { refusedBy: routed('worker-0').claim, instead: nodes => ec2(nodes, route('create', '10.200.1.0/24', 'worker-1')) },
        'swapped': { refusedBy: routed('worker-1').claim, instead: nodes => ec2(nodes, route('create', '10.200.1.0/24', 'worker-0'), route('create', '10.200.0.0/24', 'worker-1')) },
        'the workers told, and not the VPC': { refusedBy: routed('worker-1').claim, instead: told },
        'all to one': { refusedBy: routed('worker-0').claim, instead: nodes => ec2(nodes, route('create', '10.200.0.0/16', 'worker-1')) },
        'a route for each pod of today': {
          refusedBy: routed('worker-1').claim,
          instead: nodes => ec2(nodes, route('create', '10.200.0.0/24', 'worker-0'), ...['2', '3'].map(last => route('create', `10.200.1.${last}/32`, 'worker-1'))),
        },
        'the wrong interface': { refusedBy: routed('worker-1').claim, after: nodes => ec2(nodes, route('replace', '10.200.1.0/24', 'worker-2')) },
        'a narrower route to somebody else': { refusedBy: routed('worker-1').claim, after: nodes => ec2(nodes, route('create', '10.200.1.128/25', 'worker-2')) },
        'taken out again': { refusedBy: routed('worker-0').claim, after: nodes => ec2(nodes, remove('10.200.0.0/24')) },
        // The port is down: the instance is stopped. Amazon keeps the route and calls it a blackhole.
        'an instance that is stopped': { refusedBy: routed('worker-1').claim, after: nodes => nodes.vpc`ip link set worker-1 down` },
      },
    },

    'foreign-addresses': {
      checks: [worker0, worker1, redToGreen, getsThrough],
      hints: [
        failing => failing.includes(through.there.claim) && failing.length === 1
          ? 'red reaches green, but not by way of the route table. Is there a route on a worker that should not be there?'
          : 'What does the VPC take worker-0\'s interface to be: a host, or a router? And worker-1\'s?',
        failing => failing.includes(worker0.claim) && failing.includes(worker1.claim)
          ? 'The check belongs to an interface, and there are two on the way. `aws ec2 describe-instances --query \'Reservations[].Instances[].[InstanceId,SourceDestCheck]\' --output text`'
          : 'One interface lets foreign addresses pass. A packet crosses two, and each of them looks at both directions.',
        `On worker-0: \`aws ec2 modify-instance-attribute --instance-id ${instances['worker-0'].id} --no-source-dest-check\`, and the same with ${instances['worker-1'].id}`,
      ],
      alternatives: {
        'of the interfaces': nodes => ec2(nodes, ...(['worker-1', 'worker-0'] as const).map(worker =>
          `modify-network-interface-attribute --network-interface-id ${instances[worker].interface} --no-source-dest-check`)),
        'as values': nodes => ec2(nodes,
          `modify-instance-attribute --source-dest-check Value=false --instance-id ${instances['worker-0'].id}`,
          `modify-instance-attribute --source-dest-check '{"Value": false}' --instance-id ${instances['worker-1'].id}`),
        'twice': nodes => ec2(nodes, ...off('worker-0', 'worker-1', 'worker-0', 'worker-1')),
      },
      mutants: {
        'the sender alone': { refusedBy: worker1.claim, instead: nodes => ec2(nodes, ...off('worker-0')) },
        'the receiver alone': { refusedBy: worker0.claim, instead: nodes => ec2(nodes, ...off('worker-1')) },
        'another instance': { refusedBy: worker1.claim, instead: nodes => ec2(nodes, ...off('worker-0', 'worker-2')) },
        // Each worker's own address passes its own check. Half of it works, and pods have lost their names.
        'masquerade in place of it': {
          refusedBy: worker0.claim,
          instead: nodes => Promise.all([nodes['worker-0'], nodes['worker-1']].map(node => node`iptables -t nat -A POSTROUTING -s 10.200.0.0/16 -o eth0 -j MASQUERADE`)),
        },
        'masquerade beside it': {
          refusedBy: redToGreen.claim,
          after: nodes => nodes['worker-0']`iptables -t nat -A POSTROUTING -s 10.200.0.0/24 -o eth0 -j MASQUERADE`,
        },
        // It works with the check on: no packet on the wire has a foreign address.
        'a tunnel in place of it': { refusedBy: worker0.claim, instead: tunnel },
        'a tunnel beside it': { refusedBy: through.there.claim, after: tunnel },
        // Within one subnet this works too, as Calico has it: the VPC takes a frame to whom it is addressed. No table is asked.
        'from worker to worker, past the table': {
          refusedBy: through.there.claim,
          instead: async nodes => {
            await ec2(nodes, ...off('worker-0', 'worker-1'), remove('10.200.0.0/24'), remove('10.200.1.0/24'))
            await told(nodes)
          },
        },
        'turned on again': { refusedBy: worker1.claim, after: nodes => ec2(nodes, check('worker-1', true)) },
        'turned on again, of the interface': {
          refusedBy: worker0.claim,
          after: nodes => ec2(nodes, `modify-network-interface-attribute --network-interface-id ${instances['worker-0'].interface} --source-dest-check`),
        },
        'a route that was changed': { refusedBy: redToGreen.claim, after: nodes => ec2(nodes, route('replace', '10.200.1.0/24', 'worker-2')) },
        'the other instance stopped': { refusedBy: redToGreen.claim, after: nodes => nodes.vpc`ip link set worker-1 down` },
        // One that names a security group as the source means the addresses of its members' interfaces, and no pod's.
        'a security group that knows instances only': {
          refusedBy: worker0.claim,
          after: nodes => nodes.vpc`nft ${'delete element bridge vpc security-group { 10.200.0.0/16 }'}`,
        },
        'a worker that forwards nothing': { refusedBy: worker1.claim, after: nodes => nodes['worker-1']`iptables -P FORWARD DROP` },
      },
    },

    'own-names': {
      checks: [ownNames, through.there, through.back, plain],
      hints: [
        'green asks and red answers: so routes and checks are right. Which address does red answer to, and who wrote it onto the packet?',
        failing => failing.includes(plain.claim) || failing.includes(through.back.claim)
          ? 'The names are right, but the way is another than the route table\'s. What else carries packets between the workers?'
          : 'On worker-1: `iptables -t nat -S`. A rule that comes first, and accepts, ends the translation for what it matches.',
        'On worker-1: `iptables -t nat -I POSTROUTING -s 10.200.0.0/16 -d 10.200.0.0/16 -j ACCEPT`',
      ],
      alternatives: {
        'no translation at all, as with ipMasq false': nodes => nodes['worker-1']`iptables -t nat -F POSTROUTING`,
        'rule by rule': nodes => nodes['worker-1']`
          iptables -t nat -S POSTROUTING | grep -- '-j CNI-' | sed 's/^-A/-D/' | while read -r rule; do eval "iptables -t nat $rule"; done`,
        'returned, as an agent does it': nodes => nodes['worker-1']`
          iptables -t nat -I POSTROUTING -d 10.200.0.0/16 -j RETURN`,
        'in each chain': nodes => nodes['worker-1']`
          for chain in $(iptables -t nat -S | sed -n 's/^-N \\(CNI-.*\\)/\\1/p'); do iptables -t nat -I $chain -d 10.200.0.0/16 -j ACCEPT; done`,
      },
      mutants: {
        'for one pod': { refusedBy: ownNames.claim, instead: nodes => nodes['worker-1']`iptables -t nat -I POSTROUTING -s 10.200.1.2 -j ACCEPT` },
        'after it is too late': { refusedBy: ownNames.claim, instead: nodes => nodes['worker-1']`iptables -t nat -A POSTROUTING -s 10.200.0.0/16 -d 10.200.0.0/16 -j ACCEPT` },
        'for the range of the nodes': { refusedBy: ownNames.claim, instead: nodes => nodes['worker-1']`iptables -t nat -I POSTROUTING -d 10.0.0.0/16 -j ACCEPT` },
        'on the other worker': { refusedBy: ownNames.claim, instead: nodes => nodes['worker-0']`iptables -t nat -I POSTROUTING -s 10.200.0.0/16 -d 10.200.0.0/16 -j ACCEPT` },
        'the same mistake by another tool': {
          refusedBy: ownNames.claim,
          after: nodes => nodes['worker-0']`nft ${'add table ip nat2; add chain ip nat2 post { type nat hook postrouting priority 100; }; add rule ip nat2 post oifname "eth0" masquerade'}`,
        },
        'a tunnel, and the checks on again': {
          refusedBy: plain.claim,
          after: async nodes => {
            await tunnel(nodes)
            await ec2(nodes, check('worker-0', true), check('worker-1', true), remove('10.200.0.0/24'), remove('10.200.1.0/24'))
          },
        },
        'past the table, there and back': { refusedBy: through.back.claim, after: told },
        'past the table, for pods alone': {
          refusedBy: through.there.claim,
          after: nodes => nodes['worker-0']`ip rule add from 10.200.0.0/24 lookup 100; ip route add 10.200.1.0/24 via 10.0.1.21 table 100`,
        },
        'home by another way': { refusedBy: through.back.claim, after: nodes => nodes['worker-1']`ip route add 10.200.0.0/24 via 10.0.1.20` },
        'one check on again': { refusedBy: ownNames.claim, after: nodes => ec2(nodes, check('worker-0', true)) },
      },
    },

    'third-worker': {
      checks: [forwards('worker-2'), routed('worker-2'), worker2, everyone, newcomer.there, newcomer.back],
      hints: [
        'You have done it twice. Which of the machines did you type on, and what did each need? Write the list before you type.',
        failing => failing.includes(routed('worker-2').claim)
          ? 'Who has to know where 10.200.2.0/24 is? `aws ec2 describe-instances --filters Name=tag:Name,Values=worker-2` tells who it is behind.'
          : failing.includes(worker2.claim)
            ? 'The table knows the range. What does the VPC do at worker-2\'s interface with an address that is not worker-2\'s?'
            : 'Follow one packet from red to amber, and one back. `ip route get` on each worker, `aws ec2 describe-route-tables` for the one between them.',
        `On worker-2: \`sysctl -w net.ipv4.ip_forward=1\`; on any worker: \`aws ec2 create-route --route-table-id ${table} --destination-cidr-block 10.200.2.0/24 --instance-id ${instances['worker-2'].id}\` and \`aws ec2 modify-instance-attribute --instance-id ${instances['worker-2'].id} --no-source-dest-check\``,
      ],
      answers: { 'hundred-workers': numberIs(100, ['9900', '99', '1', '4950', '200']) },
      alternatives: {
        'the rest of the range': nodes => Promise.all([forwardOn(nodes['worker-2']), ec2(nodes, ...off('worker-2'), route('create', '10.200.0.0/16', 'worker-2'))]),
        'typed on the newcomer, by interface': nodes => nodes['worker-2']`
          sysctl -qw net.ipv4.ip_forward=1
          aws ec2 modify-network-interface-attribute --network-interface-id ${instances['worker-2'].interface} --no-source-dest-check
          aws ec2 create-route --route-table-id ${table} --destination-cidr-block 10.200.2.0/24 --network-interface-id ${instances['worker-2'].interface}`,
      },
      mutants: {
        'the check forgotten': { refusedBy: worker2.claim, instead: nodes => Promise.all([forwardOn(nodes['worker-2']), ec2(nodes, route('create', '10.200.2.0/24', 'worker-2'))]) },
        'forwarding forgotten': { refusedBy: 'worker-2 forwards packets that are not for itself', instead: nodes => ec2(nodes, ...off('worker-2'), route('create', '10.200.2.0/24', 'worker-2')) },
        'every worker told, and not the VPC': {
          refusedBy: newcomer.there.claim,
          instead: async nodes => {
            await Promise.all([
              forwardOn(nodes['worker-2']), ec2(nodes, ...off('worker-2')),
              nodes['worker-0']`ip route add 10.200.2.0/24 via 10.0.1.22`, nodes['worker-1']`ip route add 10.200.2.0/24 via 10.0.1.22`,
            ])
          },
        },
        'one pod of it': { refusedBy: routed('worker-2').claim, instead: nodes => Promise.all([forwardOn(nodes['worker-2']), ec2(nodes, ...off('worker-2'), route('create', '10.200.2.2/32', 'worker-2'))]) },
        'the whole range, and the others taken out': {
          refusedBy: everyone.claim,
          instead: nodes => Promise.all([forwardOn(nodes['worker-2']), ec2(nodes, ...off('worker-2'), route('create', '10.200.0.0/16', 'worker-2'), remove('10.200.0.0/24'), remove('10.200.1.0/24'))]),
        },
        'sent round in circles': { refusedBy: routed('worker-2').claim, after: nodes => ec2(nodes, route('replace', '10.200.2.0/24', 'worker-0')) },
        'masquerade on the newcomer': { refusedBy: everyone.claim, after: nodes => nodes['worker-2']`iptables -t nat -A POSTROUTING -s 10.200.2.0/24 ! -d 10.200.2.0/24 -j MASQUERADE` },
        'the newcomer stopped': { refusedBy: everyone.claim, after: nodes => nodes.vpc`ip link set worker-2 down` },
      },
    },

    'next-pod': {
      alreadyTrue: 'the table has ranges: where they are right, a pod that comes needs no call of any API',
      checks: [fresh['worker-0'], fresh['worker-1'], fresh['worker-2']],
      hints: [
        'Which of the routes in the table names a pod?',
        'Ask the machines on the way what they would do with an address that nobody has yet: `ip route get 10.200.2.77` on worker-0, and on vpc.',
        failing => failing.length === 0 ? 'It holds already. That is the point.'
          : 'A claim that failed says which pod could not reach the new one. It holds again when each range has its route and each interface lets it pass: `npx lab goto next-pod` brings you there on fresh nodes.',
      ],
      mutants: {
        'the pod that is there, and no range': {
          refusedBy: fresh['worker-2'].claim,
          after: nodes => ec2(nodes, remove('10.200.2.0/24'), route('create', '10.200.2.2/32', 'worker-2')),
        },
        'half of a range': { refusedBy: fresh['worker-1'].claim, after: nodes => ec2(nodes, route('create', '10.200.1.128/25', 'worker-2')) },
        'an interface that is checked again': { refusedBy: fresh['worker-0'].claim, after: nodes => ec2(nodes, check('worker-0', true)) },
      },
    },
  },
})
