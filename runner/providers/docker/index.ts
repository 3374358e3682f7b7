// Nodes as namespaces in one container a lab: what `embedded` does on a Linux host, on the engine's. The engine
// gives the machine and the image; root in a node is root of a user namespace in it, never the engine's.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { given } from '../../components/given.ts'
import { Unable } from '../../core/mistake.ts'
import type { LabId, Node, Provider, RunningLab, UpOptions } from '../../core/provider.ts'
import type { Topology } from '../../core/topology.ts'
import type { Agent } from '../namespaces/agent.ts'
import { exec, type Machine } from '../namespaces/machine.ts'
import { find, nodesOf } from '../namespaces/nodes.ts'
import { up } from '../namespaces/up.ts'
import { FOR_CONTAINERS, limitsOf, type LabCgroup } from '../limits.ts'
import { overlaidFiles } from '../recipe.ts'
import { openAgent } from './agent.ts'
import { COMPONENTS_AT, containerOf, containers, hasImage, imageName, keptName, type EngineInfo, type Found } from './container.ts'
import { findEngine, Refused, type Engine } from './engine.ts'
import { noted, settled } from './intent.ts'
import { ownerLabel } from './owner.ts'
import { usersOf, type Users } from './users.ts'

export interface DockerOptions {
  /** The state folder: labs of another one are not seen. */
  readonly home: string
  /** Where `embedded` keeps its prepared root filesystem. */
  readonly cache: string
}

const GONE_MS = 30_000

export function docker({ home, cache }: DockerOptions): Provider {
  let connected: Engine | undefined
  const engine = (): Engine => connected ??= findEngine()
  // Open connections, nothing else: each is found again when it is lost.
  const agents = new Map<string, Promise<Agent>>()

  const agentIn = async (container: string, bound: boolean): Promise<Agent> => {
    const open = await agents.get(container)?.catch(() => undefined)
    if (open !== undefined && !open.gone) return open
    const opening = openAgent(engine(), container, { bound })
    agents.set(container, opening)
    return opening
  }

  const remove = async (which: () => Promise<readonly Found[]>): Promise<void> => {
    const deadline = performance.now() + GONE_MS
    for (;;) {
      const there = await which()
      if (there.length === 0) return
      await Promise.all(there.map(({ id }) => removeContainer(engine(), id)))
      for (const { id } of there) {
        void agents.get(id)?.then(agent => agent.close(), () => {})
        agents.delete(id)
      }
      if (performance.now() > deadline) throw new Unable(`the engine does not remove ${there.map(({ name }) => name).join(', ')}`)
      if ((await which()).length > 0) await pause(20)
    }
  }

  return {
    name: 'docker',
    problems: async () => (await import('./problems.ts')).problems(),
    prepare: async progress =>
      (await import('./image.ts')).makeImage(engine(), cache, { 'hardway.home': home, 'hardway.owner': ownerLabel() }, progress),

    async up(lab: LabId, topology: Topology, options: UpOptions): Promise<void> {
      const name = keptName(home, lab)
      const [info, there] = await Promise.all([engine().call<EngineInfo>('GET', '/info'), containers(engine(), home, lab)])
      const kept = there.find(found => found.kept)
      if (kept?.running) throw new Unable(`${lab} is running already`)
      // Its machine was switched off, or its first process ended: it has no nodes any more.
      if (kept !== undefined) await removeContainer(engine(), kept.id)
      const nodes = topology.nodes.map(node => node.name)
      const components = given(cache, topology)
      const users = usersOf(info)
      const making = `${name}.${randomBytes(4).toString('hex')}`
      const id = await noted(home, making, () => create(engine(), info, making, containerOf(topology, info, {
        'hardway.home': home, 'hardway.lab': lab, 'hardway.started': String(Date.now()),
        'hardway.owner': ownerLabel(), 'hardway.nodes': nodes.join(' '),
      }, components?.folder), components?.folder))
      try {
        await engine().call('POST', `/containers/${id}/start`)
        const agent = await agentIn(id, true)
        const cgroups = await divide(agent, users, topology)
        const processes = cgroups.length === 0 ? limitsOf({}).processes : undefined
        await up(agent, {
          topology, lower: '/mnt', given: components && { ...components, folder: COMPONENTS_AT }, files: files(), cgroups, processes,
          before: ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script('as-root.sh'), 'as-root.sh', ...cgroups.map(({ directory }) => directory), '--'],
          nodeMap: users.nodeMap, map: pid => map(agent, users, pid),
          labels: { HARDWAY_LAB: lab, HARDWAY_HOME: home, HARDWAY_STARTED: String(Date.now()) },
        }, options)
        // From here on it is a lab: before, whoever finds it without its maker may remove it.
        if (options.keep) await engine().call('POST', `/containers/${id}/rename`, { query: { name } })
      } catch (error) {
        await remove(async () => (await containers(engine(), home, lab)).filter(found => found.id === id))
        if (error instanceof Refused && error.status === 409) throw new Unable(`${lab} is running already`)
        throw error
      }
    },

    async nodes(lab: LabId): Promise<readonly Node[]> {
      const there = (await containers(engine(), home, lab)).filter(({ running }) => running)
      const container = there.find(({ mine, kept }) => mine && !kept) ?? there.find(({ kept }) => kept)
      if (container === undefined) return []
      const agent = await agentIn(container.id, false)
      const it = (await find(agent, home)).find(candidate => candidate.lab === lab)
      return it === undefined ? [] : nodesOf(agent, it, argv =>
        [process.execPath, fileURLToPath(new URL('terminal.ts', import.meta.url)), engine().host, container.id, ...argv])
    },

    async running(): Promise<readonly RunningLab[]> {
      return (await containers(engine(), home)).flatMap(({ lab, kept, running, startedAt, nodes }) =>
        lab !== undefined && kept && running ? [{ lab, provider: 'docker', startedAt, nodes }] : [])
    },

    down: lab => remove(() => containers(engine(), home, lab)),

    async leftovers(options: { readonly remove: boolean }): Promise<readonly string[]> {
      const leftBehind = async (): Promise<readonly Found[]> =>
        (await containers(engine(), home)).filter(found => found.kept ? !found.running : found.ownerIsDead())
      if (options.remove) await settled(home, async making => (await containers(engine(), home)).some(({ name }) => name === making))
      const dead = await leftBehind()
      if (options.remove) await remove(leftBehind)
      return dead.map(({ name }) => `container ${name}`)
    },
  }
}

async function create(engine: Engine, info: EngineInfo, name: string, body: object, components: string | undefined): Promise<string> {
  try {
    return (await engine.call<{ Id: string }>('POST', '/containers/create', { query: { name }, body })).Id
  } catch (error) {
    if (error instanceof Refused && error.status === 404 && !await hasImage(engine, imageName(info))) {
      throw new Unable(`the engine has no image ${imageName(info)}: it is made before the first start`)
    }
    // One on another machine, or in a virtual one that shares other folders.
    if (error instanceof Refused && components !== undefined && error.message.includes(components)) {
      throw new Unable(`the engine cannot give nodes the components in ${components}: ${error.message}\n  mend it: an engine that sees this folder, or LAB_CACHE in one that it sees`)
    }
    throw error
  }
}

async function removeContainer(engine: Engine, id: string): Promise<void> {
  try {
    await engine.call('DELETE', `/containers/${id}`, { query: { force: 'true', v: 'true' } })
  } catch (error) {
    // It is gone, or somebody else removes it.
    if (!(error instanceof Refused) || ![404, 409].includes(error.status)) throw error
  }
}

/** The nodes' cgroups; none where the engine gives its containers none to divide. */
async function divide(machine: Machine, users: Users, { nodes }: Topology): Promise<readonly LabCgroup[]> {
  const containers = nodes.some(({ role }) => role === 'kubelet')
  const argv = ['sh', '-c', script('cgroups.sh'), 'cgroups.sh', String(users.labRoot), containers ? FOR_CONTAINERS.join(' ') : 'pids memory', ...nodes.map(node => {
    const { processes, bytes } = limitsOf(node)
    return `${node.name}:${processes}:${bytes}:${node.role ?? ''}`
  })]
  return (await exec(machine, argv, 'machine', ['cgroups.sh'])).stdout.split('\n').filter(Boolean).map(line => {
    const [mounted = '', directory = ''] = line.split(' ')
    return { directory, mounted }
  })
}

async function map(machine: Machine, users: Users, pid: number): Promise<void> {
  // Each in one write: the kernel takes no second.
  const argv = ['sh', '-ec', 'for kind in uid gid; do printf "%s\\n" "$2" >"/proc/$1/${kind}_map"; done', 'sh', String(pid), users.labMap]
  const done = await exec(machine, argv, 'machine', ['map'])
  if (done.exitCode !== 0) throw new Unable(`could not map the lab's users: ${done.stderr.trim()}`)
}

/** The engine makes some files in each container, as its own root: a node could not write to them. */
function files(): string {
  const own = ['etc/resolv.conf', 'etc/hostname', 'etc/hosts'].map(path => [path, '644', '', ''].join('\0')).join('')
  return Buffer.concat([Buffer.from(overlaidFiles(), 'base64'), Buffer.from(own)]).toString('base64')
}

function script(name: 'as-root.sh' | 'cgroups.sh'): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
