// A learner's program that makes a node's network of objects, on a node of the check's, with an API of the check's: ranges and objects are
// drawn for each look, and what happens to it here happens to nobody. The node has one neighbour, far, which is the machine of the API
// and all other nodes and their pods.
import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bench, Place } from '../runner/core/bench.ts'
import { contains, formatAddress, parseAddress, parseCidr } from '../runner/core/ipv4.ts'
import { list } from '../runner/core/quoted.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { restarted } from './restarted.ts'
import { start, type Running } from '../runner/core/running.ts'
import { readFrom, unable } from './tool.ts'

const TOOL = '/usr/local/lib/hardway/rehearsal'
/** `PROGRAM NODE API`: it goes on until it is ended. */
export const PROGRAM = '/usr/local/bin/node-net'
const PORT = 8001
/** Servers and clients of a rehearsal: on a busy machine they start late. */
const READY_MS = 10_000
/**
 * How long a program may take to do what the objects say: so many looks, of a dozen processes each. A machine that is busy has less time for
 * both alike. The first time, when everything is made, is the longest.
 */
const [FIRST_LOOKS, LOOKS, LEAST_MS] = [12, 6, 1_500]
/** A look is some twenty processes, and four rehearsals look at once. */
const COMMAND_MS = 20_000
/** Of the node, on a wire of its own. */
const OWN = '192.168.1.111'
/** Of far: the API, and the other nodes. */
const API = '192.168.1.250'
export const NODES = { second: '192.168.1.112', third: '192.168.1.113', fourth: '192.168.1.114', fifth: '192.168.1.115' } as const
const TARGET = 8080

export interface ApiObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> }
  readonly spec?: unknown
  readonly status?: unknown
}

/** The program did not do what it was rehearsed for: the claim fails with this. */
export class Unlike extends Error {
  readonly evidence: NonEmpty<Evidence>
  constructor(because: string, ...evidence: NonEmpty<Evidence>) {
    super(because)
    this.evidence = evidence
  }
}

/** What is there: on the node as its kernel has it, and in the API. */
export interface Seen {
  readonly pods: ReadonlyMap<string, string>
  /** By the name of a pod's address: what became of a connection of far's to it. */
  readonly knocks: ReadonlyMap<string, string>
  /** Where the node sends for an address of each range: `192.168.1.113`, or nothing. */
  readonly ways: ReadonlyMap<string, string>
  readonly answers: ReadonlyMap<string, string>
  readonly spaces: readonly string[]
  readonly cables: number
  /** All that the kernel was told, in the words of ip and nft. */
  readonly told: string
  readonly evidence: Evidence
}

/** Ranges and names of one rehearsal. */
export class Cluster {
  readonly node = `node-${randomBytes(2).toString('hex')}`
  readonly #block = randomInt(16, 120)
  readonly #third = randomInt(2, 200)
  /** 6 addresses: whoever gives none back has none left before the end. */
  readonly range = `10.${this.#block}.${this.#third}.${randomInt(0, 32) * 8}/29`
  readonly secondRange = `10.${this.#block}.${this.#third + 20}.${randomInt(0, 2) * 128}/25`
  readonly thirdRange = `10.${this.#block}.${this.#third + 40}.${randomInt(0, 4) * 64}/26`
  readonly #services = randomInt(130, 250)
  #count = 0

  vip(): string {
    return `10.${this.#services}.${++this.#count}.${randomInt(2, 250)}`
  }

  name(what: string): string {
    return `${what}-${randomBytes(2).toString('hex')}`
  }

  /** The web server behind all Services, on the second node. */
  get web(): string {
    return formatAddress((parseCidr(this.secondRange)?.address ?? 0) + 5)
  }
}

export const nodeObject = (name: string, address: string, podCIDR: string): ApiObject =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { podCIDR, podCIDRs: [podCIDR] }, status: { addresses: [{ type: 'InternalIP', address }] } })
export const podObject = (name: string, nodeName: string, app: string, podIP?: string): ApiObject => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', labels: { app } }, spec: { nodeName, containers: [{ name: 'main', image: 'main' }] },
  status: podIP === undefined ? { phase: 'Pending' } : { phase: 'Running', podIP, podIPs: [{ ip: podIP }] },
})
export const serviceObject = (name: string, clusterIP: string): ApiObject =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { type: 'ClusterIP', clusterIP, selector: { app: 'web' }, ports: [{ protocol: 'TCP', port: 80, targetPort: TARGET }] } })
/** Nobody is let in to pods of that app. */
export const keepsOut = (name: string, app: string): ApiObject =>
  ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace: 'shop' }, spec: { podSelector: { matchLabels: { app } }, policyTypes: ['Ingress'] } })

/** The node, the API and what is in it. Every change is told to the API, and remembered, so that it is known what has to come of it. */
export class Rehearsal {
  readonly cluster: Cluster
  readonly #node: Place
  readonly #far: Place
  readonly #objects = new Map<string, ApiObject>()
  /** Addresses that somebody had who is gone. */
  readonly #gone = new Set<string>()
  /** Addresses at which somebody answers. */
  readonly #served = new Set<string>()
  readonly #background: Running[] = []
  #looks = FIRST_LOOKS

  constructor(cluster: Cluster, node: Place, far: Place) {
    this.cluster = cluster
    this.#node = node
    this.#far = far
  }

  async begin(address: string, objects: readonly ApiObject[]): Promise<void> {
    for (const object of objects) this.#objects.set(pathOf(object), object)
    const { secondRange } = this.cluster
    await asked(this.#far, ['bash', '-ec', [
      'ip -batch - <<END', 'link set lo up', ...[API, ...Object.values(NODES)].map(one => `addr add ${one}/24 dev eth0`), `route add local ${secondRange} dev lo`, `route add ${this.cluster.range} via ${address}`, 'END',
      `api-server --background ${PORT} <<'END'`, ...objects.map(object => JSON.stringify(object)), 'END',
    ].join('\n')])
    await asked(this.#node, ['bash', '-ec', `ip route add default via ${API}\nsysctl -qw net.ipv4.ip_forward=0`])
    this.#background.push(await start(this.#far, [TOOL, 'serve', String(TARGET)], output => output === 'ready\n', READY_MS))
  }

  async end(): Promise<void> {
    await Promise.all(this.#background.map(running => running.stop()))
  }

  /** Starts the program, or starts it again; it says its number. */
  async run(): Promise<string> {
    const evidence = await asked(this.#node, ['bash', '-c', `setsid ${PROGRAM} "$1" "$2" </dev/null >>/tmp/program.log 2>&1 & echo $!`, 'bash', this.cluster.node, `http://${API}:${PORT}`])
    return evidence.stdout.trim()
  }

  async kill(number: string): Promise<void> {
    await this.#node.exec(['kill', '-9', number])
  }

  async change(...changes: readonly (ApiObject | { readonly gone: ApiObject })[]): Promise<void> {
    const requests = changes.map(one => {
      const object = 'gone' in one ? one.gone : one
      const path = pathOf(object)
      if ('gone' in one) {
        this.#objects.delete(path)
        for (const address of addressesOf(object)) this.#gone.add(address)
        return `DELETE ${path}`
      }
      this.#objects.set(path, object)
      for (const address of addressesOf(object)) this.#gone.delete(address)
      return `PUT ${path}${object.kind === 'Node' ? '/status' : ''} ${JSON.stringify(object)}`
    })
    await this.#api(requests)
  }

  /** Nothing of the node's reaches the API, or it does again. */
  async part(): Promise<void> {
    await asked(this.#far, ['nft', `add table ip part; add chain ip part in { type filter hook input priority 0; }; add rule ip part in iifname eth0 tcp dport ${PORT} counter reject with tcp reset`])
  }

  /** How often somebody was refused since. */
  async refused(): Promise<number> {
    const { stdout } = await asked(this.#far, ['nft', 'list', 'table', 'ip', 'part'])
    return Number(/packets (\d+)/.exec(stdout)?.[1] ?? 0)
  }

  async join(): Promise<void> {
    await asked(this.#far, ['nft', 'delete', 'table', 'ip', 'part'])
  }

  /** A server in the pod that has this address, for as long as the rehearsal lasts. */
  async serve(address: string): Promise<void> {
    const inside = `for space in /run/netns/*; do nsenter --net="$space" ip -4 -o addr 2>/dev/null | grep -qF ' ${address}/' && exec nsenter --net="$space" ${TOOL} serve 80; done; echo nobody`
    const running = await start(this.#node, ['bash', '-c', inside], output => output !== '', READY_MS)
    if (!running.output().startsWith('ready')) throw new Unlike(`no network namespace in /run/netns has ${address}, which is a pod's by the API`, await running.stop())
    this.#served.add(address)
    this.#background.push(running)
  }

  /** New connections to a Service, one after another, by the node itself. */
  stream(address: string): Promise<Running> {
    return start(this.#node, [TOOL, 'stream', address, '80'], output => output.startsWith('ok'), READY_MS)
  }

  /** Whom a policy keeps out, from far. */
  knocking(address: string): Promise<Running> {
    return start(this.#far, [TOOL, 'knocking', address, '80'], output => output.startsWith('kept'), READY_MS)
  }

  /** Until the rules of the node name an address, or do not any more. Says whether they do as wanted. */
  async named(address: string, wanted: boolean): Promise<boolean> {
    const begun = performance.now()
    for (let looks = 1; ; looks++) {
      const { stdout } = await asked(this.#node, ['nft', '-s', 'list', 'ruleset'])
      if (mentions(stdout, address) === wanted) return true
      if (looks > 10 * LOOKS && performance.now() > begun + LEAST_MS) return false
      await pause(30)
    }
  }

  /** Until all is as the objects say, or as long as that may take; what is wrong then is thrown. */
  async settles(when: string): Promise<Seen> {
    const begun = performance.now()
    for (let looks = 1; ; looks++) {
      const seen = await this.#look()
      const wrong = this.#wrongIn(seen)
      if (wrong === undefined) {
        this.#looks = LOOKS
        return seen
      }
      if (looks >= this.#looks && performance.now() > begun + LEAST_MS) throw new Unlike(`${when}, ${wrong}`, seen.evidence)
      await pause(100)
    }
  }

  /** What is wrong now, if anything. */
  async now(when: string): Promise<Seen> {
    const seen = await this.#look()
    const wrong = this.#wrongIn(seen)
    if (wrong !== undefined) throw new Unlike(`${when}, ${wrong}`, seen.evidence)
    return seen
  }

  async #api(requests: readonly string[]): Promise<Evidence> {
    const evidence = await this.#far.exec([TOOL, 'tell', String(PORT)], { stdin: requests.map(request => `${request}\n`).join('') })
    if (evidence.exitCode !== 0) throw unable(evidence)
    return evidence
  }

  async #look(): Promise<Seen> {
    const all = [...this.#objects.values()]
    const ranges = all.flatMap(object => object.kind === 'Node' && object.metadata.name !== this.cluster.node ? [rangeOf(object)] : [])
    const vips = all.flatMap(object => object.kind === 'Service' ? [...addressesOf(object)] : [])
    // The API first: what it says of a pod is tried.
    const known = readFrom(await this.#api(['GET /api/v1/pods']), text => podsOf(text, this.cluster.node))
    const addresses = [...known.values()].filter(address => parseAddress(address) !== undefined)
    const [knocks, evidence] = await Promise.all([
      addresses.length === 0 ? undefined : asked(this.#far, [TOOL, 'knock', ...addresses.flatMap(address => [address, '80'])]),
      asked(this.#node, ['bash', '-c', `ip -force -batch - <<'END' 2>/dev/null
${ranges.map(range => `route get ${inside(range)}`).join('\n')}
END
        echo ==; ${TOOL} knock ${vips.map(vip => `${vip} 80`).join(' ')}
        echo ==; ls /run/netns 2>/dev/null
        echo ==; ip -o link show type veth
        echo ==; ip -4 route show table all; nft -s list ruleset
        echo ==; tail -n 5 /tmp/program.log`]),
    ])
    const [ways = '', answers = '', spaces = '', cables = '', told = ''] = evidence.stdout.split(/^==\n/m)
    const [replies, answered] = [linesOf(knocks?.stdout ?? ''), linesOf(answers)]
    return {
      pods: known,
      knocks: new Map(addresses.map((address, index) => [address, replies[index] ?? 'nothing'])),
      ways: new Map(ranges.map(range => [range, new RegExp(`^${inside(range)} via (\\S+)`, 'm').exec(ways)?.[1] ?? ''])),
      answers: new Map(vips.map((vip, index) => [vip, answered[index] ?? 'nothing'])),
      spaces: linesOf(spaces),
      cables: linesOf(cables).filter(line => !line.includes(' eth0@')).length,
      told, evidence,
    }
  }

  #wrongIn({ pods, knocks, ways, answers, spaces, cables, told }: Seen): string | undefined {
    const own = parseCidr(this.cluster.range)
    const all = [...this.#objects.values()]
    const kept = new Set(all.flatMap(object => object.kind === 'NetworkPolicy' ? [appOf(object)] : []))
    const taken = new Map<string, string>()
    for (const object of all.filter(one => one.kind === 'Pod' && nodeOf(one) === this.cluster.node)) {
      const { name } = object.metadata
      const address = pods.get(name) ?? ''
      const number = parseAddress(address)
      if (number === undefined) return `the API knows no address of the pod ${name}`
      if (own === undefined || !contains(own, number) || number === own.address || number === own.address + 7) return `the pod ${name} has ${address}, and the node's range is ${this.cluster.range}`
      const other = taken.get(address)
      if (other !== undefined) return `the pods ${other} and ${name} both have ${address}`
      taken.set(address, name)
      const came = knocks.get(address)
      // Who is kept out may be told so; who comes in is answered where somebody listens, and refused by the pod itself where nobody does.
      if (kept.has(object.metadata.labels?.['app'] ?? '')) {
        if (came === 'answered') return `the pod ${name} is reached from another node, and a policy lets nobody in`
      } else if (came !== (this.#served.has(address) ? 'answered' : 'refused')) return `the pod ${name} is not reached at ${address} from another node`
    }
    for (const object of all) {
      if (object.kind === 'Node' && object.metadata.name !== this.cluster.node && ways.get(rangeOf(object)) !== addressOf(object)) {
        return `${rangeOf(object)}, the range of the node ${addressOf(object)}, is ${ways.get(rangeOf(object)) === undefined || ways.get(rangeOf(object)) === '' ? 'sent nowhere' : `sent to ${ways.get(rangeOf(object)) ?? ''}`}`
      }
      if (object.kind === 'Service') {
        const [vip = ''] = addressesOf(object)
        if (answers.get(vip) !== 'answered') return `the Service ${object.metadata.name} is not answered at ${vip} (${answers.get(vip) ?? 'nothing'})`
      }
    }
    const left = [...this.#gone].find(address => !taken.has(address) && mentions(told, address))
    if (left !== undefined) return `${left} is gone from the API, and the kernel still has it: ${told.split('\n').find(line => mentions(line, left))?.trim() ?? ''}`
    // What is no pod's is somebody's who is gone, or the node's own: a bridge has an address, too.
    const nobody = own === undefined ? undefined : [...told.matchAll(/\b\d+\.\d+\.\d+\.\d+\b(?!\/)/g)].map(([address]) => address).find(address => {
      const number = parseAddress(address)
      return number !== undefined && contains(own, number) && number !== own.address && number !== own.address + 7 && !taken.has(address) && !told.includes(`local ${address} `)
    })
    if (nobody !== undefined) return `${nobody} is no pod's, and the kernel still has it: ${told.split('\n').find(line => mentions(line, nobody))?.trim() ?? ''}`
    if (spaces.length > taken.size) return `there are ${spaces.length} network namespaces for ${taken.size} pods: ${list(spaces)}`
    if (cables > taken.size) return `there are ${cables} cables for ${taken.size} pods`
    return undefined
  }
}

/** Made, used and gone. */
export async function rehearsed<T>(bench: Bench, node: string, work: (rehearsal: Rehearsal, address: string) => Promise<T>): Promise<T> {
  const there = await bench.place(node).exec(['test', '-x', PROGRAM])
  if (there.exitCode !== 0) throw new Unlike(`${node} has no program ${PROGRAM} that can be run`, there)
  // Not by the address of the learner's node: other claims of the same look ask for whoever has that.
  const nodes = bench.topology.nodes.map(one => one.name === node ? { ...one, interfaces: one.interfaces.map(each => ({ ...each, address: `${OWN}/24` })) } : one)
  return restarted({ ...bench, topology: { ...bench.topology, nodes } }, node, async ({ place, address }) => {
    // The far end of its cable, eth0 there too, is in a namespace that the first process holds open, and nobody is in.
    const found = await asked(place, ['sh', '-c', 'own=$(readlink /proc/self/ns/net); for file in /proc/1/fd/*; do case $(readlink "$file") in "$own") ;; net:*) echo "$file"; exit ;; esac; done; exit 1'])
    const far: Place = { name: `the neighbour of ${place.name}`, exec: (argv, options) => place.exec(['nsenter', `--net=${found.stdout.trim()}`, '--', ...argv], options) }
    const rehearsal = new Rehearsal(new Cluster(), place, far)
    try {
      return await work(rehearsal, address)
    } finally {
      await rehearsal.end()
    }
  })
}

async function asked(place: Place, argv: readonly string[]): Promise<Evidence> {
  const evidence = await place.exec(argv, { timeoutMs: COMMAND_MS })
  if (evidence.exitCode !== 0) throw unable(evidence)
  return evidence
}

function pathOf({ kind, metadata: { namespace, name } }: ApiObject): string {
  const group = kind === 'NetworkPolicy' ? '/apis/networking.k8s.io/v1' : '/api/v1'
  const plural = kind === 'NetworkPolicy' ? 'networkpolicies' : `${kind.toLowerCase()}s`
  return `${group}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}/${name}`
}

interface Fields {
  readonly podCIDR?: string
  readonly clusterIP?: string
  readonly nodeName?: string
  readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> }
  readonly addresses?: readonly { readonly address: string }[]
  readonly podIP?: string
}
const specOf = ({ spec }: ApiObject): Fields => spec as Fields
const rangeOf = (object: ApiObject): string => specOf(object).podCIDR ?? ''
const nodeOf = (object: ApiObject): string => specOf(object).nodeName ?? ''
const appOf = (object: ApiObject): string => specOf(object).podSelector?.matchLabels?.['app'] ?? ''
const addressOf = ({ status }: ApiObject): string => (status as Fields).addresses?.[0]?.address ?? ''

/** By which the kernel would know it. */
function addressesOf(object: ApiObject): readonly string[] {
  return object.kind === 'Node' ? [rangeOf(object)] : object.kind === 'Service' ? [specOf(object).clusterIP ?? ''] : []
}

/** Those of one node, by name: the address that the API knows, or nothing. */
function podsOf(text: string, node: string): ReadonlyMap<string, string> {
  const { items } = JSON.parse(text) as { readonly items: readonly ApiObject[] }
  return new Map(items.filter(pod => nodeOf(pod) === node).map(({ metadata: { name }, status }) => [name, (status as Fields | undefined)?.podIP ?? '']))
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter(line => line !== '')
}

function mentions(text: string, address: string): boolean {
  return new RegExp(`(?<![\\d.])${address.replaceAll('.', '\\.')}(?![\\d.])`).test(text)
}

function inside(range: string): string {
  const cidr = parseCidr(range)
  if (cidr === undefined) throw new CouldNotLook(`${range} is no range`)
  return formatAddress(cidr.address + 3)
}
