// One kind cluster a lab, on a network of its own. That network's labels say whose it is: kind gives its containers no labels but its
// own. It is there before the first container, and goes after the last.
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { pack } from 'tar-stream'
import type { Given } from '../../components/given.ts'
import { Unable } from '../../core/mistake.ts'
import type { LabId } from '../../core/provider.ts'
import type { Topology } from '../../core/topology.ts'
import { Refused, type Engine } from '../docker/engine.ts'
import { isDead, ownerLabel } from '../docker/owner.ts'

const GONE_MS = 60_000
/** kind's own. */
const OF_CLUSTER = 'io.x-k8s.kind.cluster'
/** As in the nodes of other providers. */
export const COMPONENTS_AT = '/usr/local/lib/hardway/components'
const KEPT = 'etc/hardway/kept'

export interface Cluster {
  readonly name: string
  readonly lab: LabId
  /** Of all nodes it was made with. */
  readonly nodes: readonly string[]
  readonly startedAt: number
  /** By the name of the node, where it is running. */
  readonly running: ReadonlyMap<string, string>
  /** Up, and outlives who made it. */
  readonly kept: boolean
  readonly mine: boolean
  readonly ownerIsDead: () => boolean
}

/** Another one each time: what ends a cluster may be late, and must not end the next. Short, because each node's name in Kubernetes begins with it. */
export function newName(): string {
  return `hardway-${randomBytes(4).toString('hex')}`
}

/** kind's name of each container; the first node is the control plane. */
function containerNames(cluster: string, nodes: readonly string[]): readonly string[] {
  return nodes.map((_, index) => `${cluster}-${index === 0 ? 'control-plane' : `worker${index === 1 ? '' : index}`}`)
}

export function labels(home: string, lab: LabId, topology: Topology): Readonly<Record<string, string>> {
  return {
    'hardway.home': home, 'hardway.lab': lab, 'hardway.owner': ownerLabel(), 'hardway.started': String(Date.now()),
    'hardway.nodes': topology.nodes.map(({ name }) => name).join(' '),
  }
}

/** Why a topology cannot be had from kind, which joins all nodes to one network of the engine's and has the addresses from there. */
export function unfit({ nodes, segments }: Topology): string | undefined {
  if (segments.length > 1) return `it has ${segments.length} segments, and the nodes of a kind cluster have one network`
  for (const { name, interfaces: [first, ...more] } of nodes) {
    if (first === undefined) continue
    if (more.length > 0 || first.name !== 'eth0') return `a node of a kind cluster has one interface, eth0, and ${name} is to have ${[first, ...more].map(each => each.name).join(', ')}`
    if (first.address !== undefined) return `${name} is to have the address ${first.address}, and the nodes of a kind cluster have theirs from the engine`
  }
  return undefined
}

export interface Machine {
  /** kubelet refuses version 1 if it is not told otherwise. */
  readonly cgroupVersion: string | undefined
  /** Whether a privileged container may do all: without CAP_SYS_RESOURCE nobody can make a process safer from the kernel's memory killer. */
  readonly mayAll: boolean
}

/** No network for pods; and Services only if a node asks for kube-proxy. */
export function configOf({ nodes }: Topology, given: Given | undefined, { cgroupVersion, mayAll }: Machine): string {
  const proxy = nodes.some(({ components = [] }) => components.includes('kube-proxy'))
  const extraMounts = given === undefined ? [] : [{ hostPath: given.folder, containerPath: COMPONENTS_AT, readOnly: true }]
  return JSON.stringify({
    kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: { disableDefaultCNI: true, kubeProxyMode: proxy ? 'iptables' : 'none' },
    nodes: nodes.map((_, index) => ({ role: index === 0 ? 'control-plane' : 'worker', extraMounts })),
    ...(cgroupVersion === '1' ? { kubeadmConfigPatches: ['kind: KubeletConfiguration\nfailCgroupV1: false\n'] } : {}),
    ...(mayAll ? {} : { containerdConfigPatches: ['[plugins."io.containerd.grpc.v1.cri"]\nrestrict_oom_score_adj = true\n'] }),
  })
}

export async function clusters(engine: Engine, home: string): Promise<readonly Cluster[]> {
  const filters = JSON.stringify({ label: [`hardway.home=${home}`] })
  const networks = await engine.call<readonly { Name: string; Labels: Readonly<Record<string, string>> }[]>('GET', '/networks', { query: { filters } })
  if (networks.length === 0) return []
  const containers = await containersOf(engine)
  return Promise.all(networks.map(async ({ Name, Labels }): Promise<Cluster> => {
    const nodes = (Labels['hardway.nodes'] ?? '').split(' ').filter(Boolean)
    const named = containerNames(Name, nodes)
    const running = new Map(containers.filter(each => each.cluster === Name && each.running).flatMap(({ name, id }) => {
      const node = nodes[named.indexOf(name)]
      return node === undefined ? [] : [[node, id] as const]
    }))
    const first = containers.find(({ name }) => name === named[0])
    const owner = Labels['hardway.owner'] ?? ''
    return {
      name: Name, lab: Labels['hardway.lab'] ?? '', nodes, startedAt: Number(Labels['hardway.started']), running,
      kept: first !== undefined && await isKept(engine, first.id), mine: owner === ownerLabel(), ownerIsDead: () => isDead(owner),
    }
  }))
}

interface Container {
  readonly id: string
  readonly name: string
  readonly cluster: string
  readonly running: boolean
}

async function containersOf(engine: Engine, cluster?: string): Promise<readonly Container[]> {
  const filters = JSON.stringify({ label: [cluster === undefined ? OF_CLUSTER : `${OF_CLUSTER}=${cluster}`] })
  const all = await engine.call<readonly { Id: string; Names: readonly string[]; State: string; Labels: Readonly<Record<string, string>> }[]>(
    'GET', '/containers/json', { query: { all: 'true', filters } })
  return all.map(({ Id, Names, State, Labels }) =>
    ({ id: Id, name: (Names[0] ?? '').replace(/^\//, ''), cluster: Labels[OF_CLUSTER] ?? '', running: State === 'running' }))
}

export async function makeNetwork(engine: Engine, name: string, its: Readonly<Record<string, string>>, mtu: number): Promise<void> {
  try {
    await engine.call('POST', '/networks/create', {
      body: { Name: name, CheckDuplicate: true, Driver: 'bridge', Labels: its, Options: { 'com.docker.network.driver.mtu': String(mtu) } },
    })
  } catch (error) {
    if (error instanceof Refused && error.status === 409) throw new Unable(`a network ${name} is there already`)
    throw error
  }
}

export interface File {
  readonly path: string
  readonly mode: number
  readonly text: string
}

/** Into a running node. */
export async function putFiles(engine: Engine, container: string, files: readonly File[]): Promise<void> {
  await engine.call('PUT', `/containers/${container}/archive`, { query: { path: '/' }, stream: tarOf(files) })
}

export function tarOf(files: readonly File[]): Readable {
  const tar = pack()
  for (const { path, mode, text } of files) tar.entry({ name: path, mode }, text)
  tar.finalize()
  return tar as unknown as Readable
}

/** The first node says so itself: what is kept is up. */
export async function keep(engine: Engine, name: string): Promise<void> {
  const first = (await containersOf(engine, name)).find(each => each.name === `${name}-control-plane`)
  if (first === undefined) throw new Unable(`${name} has no control plane any more`)
  await putFiles(engine, first.id, [{ path: KEPT, mode: 0o644, text: '' }])
}

async function isKept(engine: Engine, container: string): Promise<boolean> {
  try {
    (await engine.open('HEAD', `/containers/${container}/archive`, { query: { path: `/${KEPT}` } })).resume()
    return true
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return false
    throw error
  }
}

/** Its containers with their volumes, and then its network. Twice is fine. */
export async function remove(engine: Engine, name: string): Promise<void> {
  const deadline = performance.now() + GONE_MS
  for (;;) {
    const there = await containersOf(engine, name)
    await Promise.all(there.map(({ id }) => gone(engine, `/containers/${id}`, { force: 'true', v: 'true' })))
    // It is refused as long as somebody is on it.
    if (there.length === 0 && await gone(engine, `/networks/${name}`)) return
    if (performance.now() > deadline) throw new Unable(`the engine does not remove ${[...there.map(each => each.name), `the network ${name}`].join(', ')}`)
    await pause(20)
  }
}

async function gone(engine: Engine, path: string, query: Readonly<Record<string, string>> = {}): Promise<boolean> {
  try {
    await engine.call('DELETE', path, { query })
    return true
  } catch (error) {
    if (!(error instanceof Refused) || ![403, 404, 409].includes(error.status)) throw error
    return error.status === 404
  }
}
