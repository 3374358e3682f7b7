// Nodes as those of a real kind cluster, which has no network for pods yet: that is what the learner is there for. A node is a
// container of the engine's with systemd, a kubelet and containerd in it; the first is the control plane, with kubectl. Between them
// is a bridge of the engine's, which nobody can look at from a node: it is no fabric to capture on.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { given, type Given } from '../../components/given.ts'
import { Unable } from '../../core/mistake.ts'
import type { LabId, Node, Provider, RunningLab, UpOptions } from '../../core/provider.ts'
import type { Topology } from '../../core/topology.ts'
import { CouldNotLook, type Evidence } from '../../core/verdict.ts'
import { openAgent } from '../docker/agent.ts'
import type { EngineInfo } from '../docker/container.ts'
import { findEngine, Refused, type Engine } from '../docker/engine.ts'
import { ownerLabel } from '../docker/owner.ts'
import type { Agent } from '../namespaces/agent.ts'
import { exec } from '../namespaces/machine.ts'
import { overlaidFiles } from '../recipe.ts'
import { clusters, COMPONENTS_AT, configOf, labels, newName, putFiles, remove, unfit, type Cluster, type File } from './cluster.ts'
import type { Task } from './keeper.ts'
import { guardedImage, hasNodeImage, pullNodeImage } from './image.ts'
import { kindProgram } from './program.ts'
import { mayAll } from './privileged.ts'

export interface KindOptions {
  /** The state folder: labs of another one are not seen. */
  readonly home: string
  /** Where components are, kind among them. */
  readonly cache: string
}

/** The agent gives a command next to nothing of its own environment. Only the control plane has the file. */
const ENVIRONMENT = ['env', 'HOME=/root', 'LANG=C.UTF-8', 'LC_ALL=C.UTF-8', 'KUBECONFIG=/etc/kubernetes/admin.conf']

export function kind({ home, cache }: KindOptions): Provider {
  let connected: Engine | undefined
  const engine = (): Engine => connected ??= findEngine()
  // Open connections, nothing else: each is found again when it is lost.
  const agents = new Map<string, Promise<Agent>>()
  /** Of clusters that end with this process. */
  const keepers = new Map<LabId, Keeper>()

  const agentIn = async (container: string): Promise<Agent> => {
    const open = await agents.get(container)?.catch(() => undefined)
    if (open !== undefined && !open.gone) return open
    const opening = openAgent(engine(), container)
    agents.set(container, opening)
    return opening
  }

  const nodesOf = ({ nodes, running }: Cluster): readonly Node[] => [...nodes.flatMap(name => {
    const container = running.get(name)
    return container === undefined ? [] : [nodeIn(name, container, agentIn, engine().host)]
  }), FABRIC]

  const all = async (lab: LabId): Promise<readonly Cluster[]> => (await clusters(engine(), home)).filter(each => each.lab === lab)
  /** That one which is being made by this process, or which is up. */
  const current = (those: readonly Cluster[]): Cluster | undefined => those.find(({ mine, kept }) => mine && !kept) ?? those.find(({ kept }) => kept)

  return {
    name: 'kind',
    problems: async () => (await import('./problems.ts')).problems(cache),
    async prepare(progress) {
      if (!await hasNodeImage(engine())) await pullNodeImage(engine(), progress)
    },

    async up(lab: LabId, topology: Topology, options: UpOptions): Promise<void> {
      const because = unfit(topology)
      if (because !== undefined) throw new Unable(`${lab} cannot run on kind: ${because}`)
      const before = await all(lab)
      if (before.some(each => each.kept ? each.running.size > 0 : !each.ownerIsDead())) throw new Unable(`${lab} is running already`)
      // Its machine was switched off, or whoever made it was killed.
      await Promise.all(before.map(({ name }) => remove(engine(), name)))
      const [info, may, image] = await Promise.all([
        engine().call<EngineInfo>('GET', '/info'), mayAll(engine(), { 'hardway.home': home, 'hardway.owner': ownerLabel() }), guardedImage(engine()),
      ])
      const components = pluginsOf(given(cache, topology))
      const keeper = startKeeper({
        host: engine().host, kind: kindProgram(cache), name: newName(), image, labels: labels(home, lab, topology),
        config: configOf(topology, components, { cgroupVersion: info.CgroupVersion, mayAll: may }), mtu: topology.segments[0]?.mtu ?? 1500,
      }, options.signal)
      keepers.set(lab, keeper)
      try {
        await keeper.made
        const it = current(await all(lab))
        if (it === undefined) throw new Unable(`the cluster of ${lab} has gone`)
        await Promise.all([...it.running.values()].map(container => putFiles(engine(), container, tools())))
        if (components !== undefined) await link(nodesOf(it), components)
        await options.setUp?.()
        options.signal.throwIfAborted()
        if (!options.keep) return
        await keeper.keep()
        keepers.delete(lab)
      } catch (error) {
        keepers.delete(lab)
        await keeper.end()
        options.signal.throwIfAborted()
        throw error
      }
    },

    async nodes(lab: LabId): Promise<readonly Node[]> {
      const it = current(await all(lab))
      return it === undefined || it.running.size === 0 ? [] : nodesOf(it)
    },

    async running(): Promise<readonly RunningLab[]> {
      return (await clusters(engine(), home)).flatMap(({ lab, kept, running, startedAt, nodes }) =>
        kept && running.size > 0 ? [{ lab, provider: 'kind', startedAt, nodes }] : [])
    },

    async down(lab: LabId): Promise<void> {
      await keepers.get(lab)?.end()
      keepers.delete(lab)
      await Promise.all((await all(lab)).map(async ({ name, running }) => {
        for (const container of running.values()) {
          void agents.get(container)?.then(agent => agent.close(), () => {})
          agents.delete(container)
        }
        await remove(engine(), name)
      }))
    },

    async leftovers(options: { readonly remove: boolean }): Promise<readonly string[]> {
      const dead = (await clusters(engine(), home)).filter(each => each.kept ? each.running.size === 0 : each.ownerIsDead())
      if (options.remove) await Promise.all(dead.map(({ name }) => remove(engine(), name)))
      return dead.map(({ name }) => `cluster ${name}`)
    },
  }
}

function nodeIn(name: string, container: string, agentIn: (container: string) => Promise<Agent>, host: string): Node {
  return {
    name,
    async exec(argv, options): Promise<Evidence> {
      try {
        return await exec(await agentIn(container), [...ENVIRONMENT, ...argv], name, argv, options)
      } catch (error) {
        if (error instanceof Refused && [404, 409].includes(error.status)) throw new CouldNotLook(`${name} is not running any more`)
        throw error
      }
    },
    command: argv => [process.execPath, fileURLToPath(new URL('../docker/terminal.ts', import.meta.url)), host, container, ...ENVIRONMENT, ...argv],
  }
}

const NO_FABRIC = "between the nodes of a kind cluster is the engine's own bridge, which cannot be looked at: nothing can run on the fabric"
const FABRIC: Node = {
  name: 'fabric',
  exec: () => Promise.reject(new CouldNotLook(NO_FABRIC)),
  command: () => [process.execPath, '-e', `console.error(${JSON.stringify(NO_FABRIC)}); process.exit(3)`],
}

interface Keeper {
  /** When the cluster is up. */
  readonly made: Promise<void>
  keep(): Promise<void>
  /** Ends the cluster. */
  end(): Promise<void>
}

/** A process of its own: it is there when this one has been killed. */
function startKeeper(task: Task, signal: AbortSignal): Keeper {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(process.execPath, [fileURLToPath(new URL('keeper.ts', import.meta.url)), JSON.stringify(task)], {
    detached: true, stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {})
  const said = text(child.stderr)
  const ended = new Promise<void>((resolve, reject) => child.on('error', reject).on('close', resolve))
  const stop = (): void => void child.stdin.end()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const made = Promise.race([
    new Promise<void>(resolve => child.stdout.once('data', () => resolve())),
    ended.then(async () => { throw new Unable(`kind made no cluster: ${(await said).trim()}`) }),
  ])
  // Who waits for the end is not told of this again.
  made.catch(() => {})
  void made.then(() => {
    // A cluster that waits for the end of this process is no reason for it to go on.
    child.unref()
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref()
  }, () => {})
  const waited = async (): Promise<void> => {
    child.ref()
    await ended
    signal.removeEventListener('abort', stop)
  }
  return {
    made,
    async keep() {
      child.stdin.end('keep\n')
      await waited()
      if (child.exitCode !== 0) throw new Unable(`the cluster could not be kept: ${(await said).trim()}`)
    },
    async end() {
      stop()
      await waited()
    },
  }
}

/** Kubernetes itself is in each node already. */
function pluginsOf(all: Given | undefined): Given | undefined {
  const links = all?.links.filter(([, path]) => path.startsWith('/opt/cni/bin/')) ?? []
  return all === undefined || links.length === 0 ? undefined : { ...all, links }
}

async function link(nodes: readonly Node[], { links }: Given): Promise<void> {
  await Promise.all(nodes.map(async node => {
    const its = links.filter(([name]) => name === node.name).map(([, path, program]) => `${COMPONENTS_AT}/${program} ${path}\n`).join('')
    if (its === '') return
    const done = await node.exec(['sh', '-ec', 'while read -r from to; do ln -sf "$from" "$to"; done'], { stdin: its })
    if (done.exitCode !== 0) throw new Unable(`${node.name} could not be given its plugins: ${done.stderr.trim()}`)
  }))
}

/** What is laid over the nodes of every provider, but for the settings that each has at its start. */
function tools(): readonly File[] {
  const parts = Buffer.from(overlaidFiles(), 'base64').toString().split('\0')
  return Array.from({ length: Math.floor(parts.length / 3) }, (_, index) => {
    const [path = '', mode = '', content = ''] = parts.slice(3 * index, 3 * index + 3)
    return { path, mode: Number.parseInt(mode, 8), text: content }
  }).filter(({ path }) => !path.startsWith('etc/sysctl.d/'))
}
