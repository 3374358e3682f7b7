import type { Bench, Check, Namespace, Place } from '../runner/core/bench.ts'
import { CouldNotLook, fail, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { objectsOf, type Objects } from '../kubernetes/index.ts'
import { partHolds, type Part } from './as-policies-say.ts'
import { readNamespaces } from './read/namespaces.ts'
import { start, type Running } from '../runner/core/running.ts'

const TOOL = '/usr/local/lib/hardway/policy-world'
/** A dozen namespaces, on a machine that may be busy. */
const READY_MS = 15_000
/** To make it, to ask everybody in it, and to look twice where somebody was slow: beside all the other claims of a lab. */
const DEADLINE_MS = 60_000
const NAMESPACES = '/usr/local/lib/hardway/namespaces'

/** API objects as JSON has them. */
export interface Unseen {
  readonly pods: readonly object[]
  readonly namespaces: readonly object[]
  readonly policies: readonly object[]
  /** Machines outside of the cluster, that are there too, by their addresses. */
  readonly outside: Readonly<Record<string, string>>
}

export interface Compiler {
  readonly node: string
  /** Is given the node's name, and prints what nft is to be told there. */
  readonly program: string
  /** Where it finds `pods.json`, `namespaces.json` and `policies.json`, each a List. */
  readonly directory: string
}

interface World {
  readonly bench: Bench
  readonly objects: Objects
  /** How the program failed, if it did. */
  readonly failed: { readonly because: string; readonly evidence: Evidence } | undefined
  stop(): Promise<unknown>
}

/**
 * Claims of a program that makes rules of objects: it is given others than the learner has, in a cluster that the check makes beside
 * the real one, and there it is asked who reaches whom. All claims of one look share it. Pods are in 10.77.1.0/24 on the node and in
 * 10.77.2.0/24 on another, machines outside in 203.0.113.0/24.
 */
export function compilesPolicies(compiler: Compiler, unseen: Unseen): (claim: string, part: Part) => Check {
  const worlds = new WeakMap<Bench, { users: number; readonly world: Promise<World> }>()
  return (claim, part) => ({
    claim,
    deadlineMs: DEADLINE_MS,
    look: async bench => {
      let shared = worlds.get(bench)
      if (shared === undefined) {
        shared = { users: 0, world: begin(bench, compiler, unseen) }
        worlds.set(bench, shared)
      }
      shared.users++
      try {
        return await look(await shared.world, part)
      } finally {
        // Who comes after the last one has gone begins anew.
        if (--shared.users === 0) {
          worlds.delete(bench)
          await (await shared.world.catch(() => undefined))?.stop()
        }
      }
    },
  })
}

async function look({ bench, objects, failed }: World, part: Part): Promise<Verdict> {
  return failed === undefined ? partHolds(bench, objects, part) : fail(failed.because, failed.evidence)
}

async function begin(bench: Bench, { node, program, directory }: Compiler, { outside, ...unseen }: Unseen): Promise<World> {
  const own = bench.place(node)
  const objects = objectsOf(JSON.stringify(list([...unseen.namespaces, ...unseen.pods, ...unseen.policies])), 'unseen.json')
  const addresses = [...objects.pods.flatMap(({ address }) => address ?? []), ...Object.values(outside)]
  const files = Object.entries(unseen).map(([name, items]: [string, readonly object[]]) => [`${name}.json`, JSON.stringify(list(items))] as const)
  const input = `${files.map(([name, text]) => `file ${name} ${Buffer.byteLength(text)}\n${text}`).join('')}end\n`
  const there = await own.exec(['test', '-x', program, '-a', '-d', directory])
  if (there.exitCode !== 0) return { bench, objects, failed: { because: `${node} has no program ${program} that can be run, or no ${directory}`, evidence: there }, stop: async () => {} }
  const running = await start(own, [TOOL, directory, ...addresses], output => output === 'objects\n')
  try {
    running.say(input)
    if (!await running.until(output => output.endsWith('ready\n'), READY_MS)) {
      const ended = await running.stop()
      throw new CouldNotLook(`${node}: \`${TOOL}\` does not get ready${said(ended)}`, ended)
    }
    const { inside, world } = await enter(bench, node, running)
    const script = await inside.exec([program, node])
    const loaded = script.exitCode === 0 ? await inside.exec(['nft', '-f', '-'], { stdin: script.stdout }) : undefined
    const wrong = [script, ...loaded === undefined ? [] : [loaded]].find(({ exitCode }) => exitCode !== 0)
    const failed = wrong === undefined ? undefined : { because: `with objects that it has not seen, ${wrong === script ? `\`${program} ${node}\` fails` : `what \`${program} ${node}\` prints is refused by nft`}${said(wrong)}`, evidence: wrong }
    return { bench: world, objects, failed, stop: () => running.stop() }
  } catch (error) {
    await running.stop()
    throw error
  }
}

function list(items: readonly object[]): object {
  return { apiVersion: 'v1', kind: 'List', items }
}

function said({ stderr, stdout, exitCode }: Evidence): string {
  const line = (stderr || stdout).trim().split('\n')[0]?.slice(0, 200)
  return line ? `: ${line}` : ` (${exitCode})`
}

/** A bench that has nothing but this small cluster. */
async function enter(bench: Bench, node: string, running: Running): Promise<{ readonly inside: Place; readonly world: Bench }> {
  const outer = bench.place(node)
  const here = /^here (\d+)$/m.exec(running.output())?.[1]
  if (here === undefined) throw new CouldNotLook(`${node}: \`${TOOL}\` does not say where it is`)
  const within = (name: string, enters: readonly string[]): Place => ({ name, exec: (argv, options) => outer.exec(['nsenter', ...enters, '--', ...argv], options) })
  const inside = within(`${node}, in a cluster of the check's`, ['-t', here, '-m', '-n'])
  const listing = await outer.exec(['nsenter', '-t', here, '-n', '--', NAMESPACES])
  // By their processes: another such cluster may be there at the same time, with the same addresses.
  const pods = new Map([...running.output().matchAll(/^pod (\S+) (\d+)$/gm)].map(([, address = '', pid]) => [`/proc/${pid}/ns/net`, address]))
  const namespaces = readNamespaces(listing.stdout).flatMap(({ inode, path, links, printed }, position): Namespace[] => {
    const address = pods.get(path)
    if (position > 0 && address === undefined) return []
    const place = position === 0 ? { ...inside, name: node } : within(address ?? '', [`--net=${path}`])
    return [{ node, named: undefined, own: position === 0, inode, links, place, evidence: { ...listing, place: place.name, stdout: printed } }]
  })
  const [first] = bench.topology.nodes.filter(one => one.name === node)
  if (first === undefined) throw new Error(`the topology has no ${node}`)
  return { inside, world: { topology: { ...bench.topology, nodes: [first] }, place: () => outer, namespaces: async () => namespaces } }
}
