// The running lab as checks see it: places made of nodes.
import { setImmediate as turn } from 'node:timers/promises'
import { readNamespaces } from '../../checks/read/namespaces.ts'
import type { Bench, ExecOptions, Namespace, Place } from '../core/bench.ts'
import type { Node } from '../core/provider.ts'
import { start, type Running } from '../core/running.ts'
import type { Topology } from '../core/topology.ts'
import type { Probe, Trace } from '../core/trace.ts'
import { CouldNotLook, type Evidence } from '../core/verdict.ts'

const NAMESPACES = ['/usr/local/lib/hardway/namespaces']
/** Says the same, and goes on to ask. */
const ASKING = ['/usr/local/lib/hardway/asking']
const LISTED_MS = 10_000

/** Made anew for every look: what it remembers is remembered for one look only. */
export function makeBench(nodes: readonly Node[], topology: Topology): Bench {
  const node = (name: string): Node => {
    const found = nodes.find(candidate => candidate.name === name)
    if (found !== undefined) return found
    throw new CouldNotLook(topology.nodes.some(candidate => candidate.name === name)
      ? `${name} is not running: \`npx lab reset\` starts the lab anew`
      : `there is no node ${name} in this lab`)
  }
  let wanted: { readonly probes: Map<string, Probe>; readonly traces: Promise<ReadonlyMap<string, Trace>> } | undefined
  const bench: Bench = {
    topology,
    place: name => placeIn(node(name.split('/')[0] ?? ''), name),
    namespaces: onceEach(name => listNamespaces(node(name))),
    trace: async probe => {
      const key = JSON.stringify(probe)
      wanted ??= { probes: new Map(), traces: turn().then(() => traced()) }
      wanted.probes.set(key, probe)
      const found = (await wanted.traces).get(key)
      if (found === undefined) throw new Error(`${probe.to} was not traced`)
      return found
    },
  }
  const traced = async (): Promise<ReadonlyMap<string, Trace>> => {
    const probes = wanted?.probes ?? new Map<string, Probe>()
    wanted = undefined
    // Loaded by whoever has to explain, which most looks do not.
    const { trace } = await import('./trace/index.ts')
    const traces = await trace(await knows(bench, [...probes.values()]) ? bench : makeBench(nodes, topology), [...probes.values()])
    return new Map([...probes.keys()].flatMap((key, index) => {
      const one = traces[index]
      return one === undefined ? [] : [[key, one] as const]
    }))
  }
  return bench
}

/** Whether the ends of all probes were there when this look began: somebody may have come since. */
async function knows(bench: Bench, probes: readonly Probe[]): Promise<boolean> {
  const all = (await Promise.all(bench.topology.nodes.map(node => bench.namespaces(node.name)))).flat()
  return probes.every(({ from, to }) => all.some(({ place }) => place.name === from) &&
    all.some(({ links }) => links.some(link => link.addresses.some(held => held.split('/')[0] === to))))
}

/** `node1` is the node itself, `node1/red` the namespace that has the name red there. */
export function placeIn(node: Node, name: string): Place {
  const namespace = name.slice(node.name.length + 1)
  if (namespace === '') return node
  return within(node, name, ['ip', 'netns', 'exec', namespace])
}

function within(node: Place, name: string, enter: readonly string[]): Place {
  return {
    name,
    async exec(argv, options?: ExecOptions) {
      const evidence = await node.exec([...enter, ...argv], options)
      return { ...evidence, place: name, argv }
    },
  }
}

/**
 * The same bench for one look of many checks: what lists the namespaces of its nodes goes on to ask in them, since to start two programs takes
 * longer than all that the first one does. `end` ends what nobody has taken.
 */
export function forOneLook(bench: Bench): Bench & { end(): Promise<void> } {
  const listers = new Map<string, Promise<Running>>()
  let over = false
  const list = onceEach(async name => {
    const node = bench.place(name)
    const started = performance.now()
    const running = start(node, ASKING, output => output.endsWith('\nlisted\n'), LISTED_MS)
    listers.set(name, running)
    const text = (await running).output().replace(/^listed\n$/m, '')
    return namespacesIn(node, { place: name, argv: NAMESPACES, exitCode: 0, stdout: text, stderr: '', ms: performance.now() - started })
  })
  const take = (name: string): Promise<Running> | undefined => {
    const running = listers.get(name)
    listers.delete(name)
    return running
  }
  return {
    ...bench,
    // Over: a check that is not waited for any more.
    namespaces: name => over ? bench.namespaces(name) : list(name),
    lister: take,
    async givesBack(name, running) {
      if (over || listers.has(name)) await running.stop()
      else listers.set(name, Promise.resolve(running))
    },
    async end() {
      over = true
      await Promise.all([...listers.keys()].map(async name => (await take(name)?.catch(() => undefined))?.stop()))
    },
  }
}

function onceEach<T>(ask: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const asked = new Map<string, Promise<T>>()
  return name => {
    const answer = asked.get(name) ?? ask(name)
    asked.set(name, answer)
    return answer
  }
}

async function listNamespaces(node: Node): Promise<readonly Namespace[]> {
  const evidence = await node.exec(NAMESPACES)
  if (evidence.exitCode !== 0) throw new CouldNotLook(`could not list the network namespaces of ${node.name}`, evidence)
  return namespacesIn(node, evidence)
}

function namespacesIn(node: Place, evidence: Evidence): readonly Namespace[] {
  return readNamespaces(evidence.stdout).map(({ inode, named, path, links, printed }, position) => {
    const own = position === 0
    const name = own ? node.name : `${node.name}/${named ?? `net:[${inode}]`}`
    // Whoever runs it there reads the same first.
    const seen = { ...evidence, place: name, stdout: printed }
    return {
      node: node.name, named, own, inode, links, evidence: seen,
      place: own ? node : within(node, name, named === undefined ? ['nsenter', `--net=${path}`, '--'] : ['ip', 'netns', 'exec', named]),
    }
  })
}
