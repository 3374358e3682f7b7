// A node and a few pods that live as long as somebody looks, for a program that makes a node's rules of API objects: it is run
// there, with objects of the check's, beside connections that the check makes.
import type { Bench, Place } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { start, type Running } from '../runner/core/running.ts'
import { unable } from './tool.ts'

const TOOL = '/usr/local/lib/hardway/small-cluster'
/** Where the program is, and where it reads its objects, one a file. */
export const [SYNC, OBJECTS] = ['/usr/local/bin/sync-services', '/srv/api']
/** What the pods listen on, and whoever gets what is not translated: by what is refused on these, only the node itself can have refused. */
export const PORTS = [80, 81, 514, 8080, 8443, 9000, 29_500] as const
/** A dozen programs start one after another: on a busy machine that takes its time. */
const READY_MS = 12_000
/** How many pods: p1, p2, … */
const PODS = 6
/** All that filters and translates, without what is counted; in the words of nft also what iptables made. */
const LISTING = ['nft', '-s', 'list', 'ruleset']

const CLIENT = /\b10\.250\.0\.\d/

export interface ApiObject {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: Readonly<Record<string, string>> }
  readonly [field: string]: unknown
}

export interface Asked {
  readonly protocol: 'tcp' | 'udp'
  readonly from: string
  readonly address: string
  readonly port: number
  /** `p1:80` is the pod p1, asked on its port 80; or `refused`, `unreachable`, `timeout`. */
  readonly answers: readonly string[]
}

export type Ask = Omit<Asked, 'answers'> & { readonly times: number }

export interface SmallCluster {
  /** The program's run with these objects, and with no others. Throws ProgramFails if it says that it failed. */
  sync(objects: readonly ApiObject[]): Promise<Evidence>
  ask(asks: readonly Ask[]): Promise<{ readonly asked: readonly Asked[]; readonly evidence: Evidence }>
  /** New connections of a client, one after another. */
  stream(client: string, address: string, port: number): Promise<Running>
  /** One connection that stays, of a client that does nothing else. */
  hold(address: string, port: number): Promise<Running>
  /** The rules of the node, a line each, without what they have learned of clients. */
  listing(): Promise<{ readonly lines: readonly string[]; readonly evidence: Evidence }>
  /** The node itself. */
  readonly node: Place
}

/** The program is not there, or it says that it failed. */
export class ProgramFails extends Error {
  readonly evidence: NonEmpty<Evidence>
  constructor(because: string, evidence: Evidence) {
    super(because)
    this.evidence = [evidence]
  }
}

/** Addresses of clients: as many as wanted, up to 30. */
export function clients(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `10.250.0.${index + 2}`)
}

/** The address of p1, p2, … */
export function addressOf(pod: number): string {
  return `10.250.1.${pod}`
}

export async function withSmallCluster<T>(bench: Bench, node: string, work: (cluster: SmallCluster) => Promise<T>): Promise<T> {
  const outer = bench.place(node)
  const there = await outer.exec(['sh', '-c', `[ -x ${SYNC} ] && [ -d ${OBJECTS} ]`])
  if (there.exitCode !== 0) throw new ProgramFails(`${node} has no program ${SYNC} that can be run, or no ${OBJECTS}`, there)
  const cluster = await start(outer, ['unshare', '--net', '--mount', '--', TOOL, 'build', OBJECTS, String(PODS), ...PORTS.map(String)], output => readReady(output) !== undefined, READY_MS)
  try {
    const [pid, client] = readReady(cluster.output()) ?? [0, 0]
    const own = inside(outer, `${node}, in a cluster of the check's`, `--net=/proc/${pid}/ns/net`, `--mount=/proc/${pid}/ns/mnt`)
    const asking = inside(outer, `${node}, a client in a cluster of the check's`, `--net=/proc/${client}/ns/net`)
    return await work({
      node: own,
      sync: objects => sync(own, objects),
      ask: asks => ask(asking, asks),
      stream: (client, address, port) => start(asking, [TOOL, 'stream', client, address, String(port)], output => output.startsWith('ok')),
      hold: (address, port) => start(asking, [TOOL, 'hold', '10.250.0.31', address, String(port)], output => output !== ''),
      listing: async () => {
        const evidence = await own.exec(LISTING)
        if (evidence.exitCode !== 0) throw unable(evidence)
        return { lines: evidence.stdout.split('\n').map(line => line.trim()).filter(line => line !== '' && line !== '}' && !CLIENT.test(line)), evidence }
      },
    })
  } finally {
    await cluster.stop()
  }
}

function inside(outer: Place, name: string, ...namespaces: readonly string[]): Place {
  return { name, exec: (argv, options) => outer.exec(['nsenter', ...namespaces, '--', ...argv], options) }
}

async function sync(node: Place, objects: readonly ApiObject[]): Promise<Evidence> {
  const written = objects.map((object, index) => `${100 + index}-${object.kind.toLowerCase()}-${object.metadata.name}.json ${JSON.stringify(object)}\n`).join('')
  const evidence = await node.exec(['bash', '-c', `rm -f ${OBJECTS}/*.json; while read -r file object; do printf '%s\\n' "$object" >"${OBJECTS}/$file"; done; exec ${SYNC} </dev/null`], { stdin: written })
  if (evidence.exitCode === 0) return evidence
  const said = (evidence.stderr || evidence.stdout).trim().split('\n')[0]?.slice(0, 200)
  throw new ProgramFails(`run with objects of the check's, ${SYNC} ${evidence.exitCode === undefined ? 'does not end' : `ends with ${evidence.exitCode}`}${said ? `: ${said}` : ''}`, evidence)
}

async function ask(client: Place, asks: readonly Ask[]): Promise<{ readonly asked: readonly Asked[]; readonly evidence: Evidence }> {
  const stdin = asks.map(({ protocol, from, address, port, times }) => `${protocol} ${from} ${address} ${port} ${times}\n`).join('')
  const evidence = await client.exec([TOOL, 'ask'], { stdin, timeoutMs: 30_000 })
  if (evidence.exitCode !== 0) throw unable(evidence)
  const lines = evidence.stdout.trimEnd().split('\n')
  if (lines.length !== asks.length) throw new CouldNotLook(`${asks.length} questions, and ${lines.length} lines that say how they were answered`, evidence)
  return { asked: asks.map((one, index) => ({ ...one, answers: (lines[index] ?? '').split(' ').slice(4) })), evidence }
}

function readReady(text: string): readonly [number, number] | undefined {
  const [, pid, client] = /^ready (\d+) (\d+)$/m.exec(text) ?? []
  return pid === undefined || client === undefined ? undefined : [Number(pid), Number(client)]
}

export interface ServicePortSpec {
  readonly name?: string
  readonly protocol?: 'TCP' | 'UDP'
  readonly port: number
}

/** A Service as the API server has it, with what it fills in. */
export function service(namespace: string, name: string, clusterIP: string, ports: readonly ServicePortSpec[], more: Readonly<Record<string, unknown>> = {}): ApiObject {
  const spec = { type: 'ClusterIP', clusterIP, clusterIPs: [clusterIP], internalTrafficPolicy: 'Cluster', sessionAffinity: 'None', ports: ports.map(port => ({ protocol: 'TCP', targetPort: port.port, ...port })), ...more }
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec }
}

export interface EndpointSpec {
  readonly pod: number
  /** Undefined as a whole, or each: not known, which counts as true for `ready` and `serving`. */
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean }
}

/** An EndpointSlice of a Service: `ports` by name, of the pods. A port without a name is called "". */
export function slice(namespace: string, serviceName: string, suffix: string, ports: readonly ServicePortSpec[], endpoints: readonly EndpointSpec[]): ApiObject {
  const metadata = { name: `${serviceName}-${suffix}`, namespace, labels: { 'kubernetes.io/service-name': serviceName, 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' } }
  return {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType: 'IPv4',
    ports: ports.map(port => ({ name: '', protocol: 'TCP', ...port })),
    endpoints: endpoints.map(({ pod, conditions = { ready: true, serving: true, terminating: false } }) => ({ addresses: [addressOf(pod)], conditions, nodeName: 'node1' })),
  }
}
