// Nodes as namespaces of this host, over an overlay of the prepared root filesystem. No daemon; and root in a
// node is root of a user namespace only.
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { given } from '../../components/given.ts'
import { Unable } from '../../core/mistake.ts'
import type { LabId, Node, Problem, Provider, RunningLab, UpOptions } from '../../core/provider.ts'
import type { Topology } from '../../core/topology.ts'
import { cgroupsOf, find, nodesOf, type FoundLab } from '../namespaces/nodes.ts'
import { up } from '../namespaces/up.ts'
import { overlaidFiles } from '../recipe.ts'
import { byAgent } from './agent.ts'
import { cgroupsThere, hierarchies, isOurs, makeCgroups, processesAllowed, removeCgroup } from './cgroups.ts'
import { identity } from './identity.ts'
import { startTime } from './machine.ts'
import { problems } from './problems.ts'
import { halfMade, makeRootfs, rootfs } from './rootfs.ts'
import { existsSync, readFileSync } from 'node:fs'

export interface EmbeddedOptions {
  /** The state folder: labs of another one are not seen. */
  readonly home: string
  /** Where the prepared root filesystem is. */
  readonly cache: string
}

const GONE_MS = 10_000

export function embedded({ home, cache }: EmbeddedOptions): Provider {
  const here = byAgent()
  let tried: Promise<Problem[]> | undefined
  const who = identity()
  /** Labs of another state folder have cgroups beside ours. */
  const key = createHash('sha256').update(home).digest('hex').slice(0, 8)
  // Of another user's processes nothing is believed, not even that they are a lab. Another user may have been
  // granted the numbers that root takes, so root also writes to nothing that can't be a cgroup of ours.
  const found = async (pid?: number): Promise<readonly FoundLab[]> => (await find(here, home, { user: who.labRoot, pid })).filter(lab =>
    lab.uid === who.labRoot && (!who.root || cgroupsOf(lab).every(directory => isOurs(hierarchies(true), directory))))
  /** First processes of labs that were started from here: where to look first, and no more than that. */
  const started = new Map<LabId, number>()
  const labOf = async (lab: LabId): Promise<FoundLab | undefined> => {
    const named = ({ lab: name }: FoundLab): boolean => name === lab
    const pid = started.get(lab)
    return (pid === undefined ? undefined : (await found(pid)).find(named)) ?? (await found()).find(named)
  }

  return {
    name: 'embedded',
    // Tried for real, which takes as long as a node does: a start asks more than once.
    problems: () => tried ??= problems(cache),
    prepare: progress => makeRootfs(cache, progress),

    async up(lab: LabId, topology: Topology, options: UpOptions): Promise<void> {
      if ((await found()).some(other => other.lab === lab)) throw new Unable(`${lab} is running already`)
      const all = hierarchies(who.root)
      // The name says whose it is and who makes it, so that nobody takes it for something left behind.
      const group = `${key}.${lab}.${process.pid}-${startTime(process.pid)}`
      const cgroups = makeCgroups(all, group, topology.nodes, who.root)
      const processes = cgroups.length === 0 ? processesAllowed() : undefined
      const lower = rootfs(cache)
      try {
        started.set(lab, await up(here, {
          topology, ...who.root ? { lower: '/mnt', bound: lower } : { lower }, given: given(cache, topology), files: overlaidFiles(), cgroups, processes, before: [], map: who.map,
          labels: { HARDWAY_LAB: lab, HARDWAY_HOME: home, HARDWAY_STARTED: String(Date.now()) },
        }, options))
      } catch (error) {
        await removeCgroups(cgroups.map(({ directory }) => directory))
        throw error
      }
    },

    async nodes(lab: LabId): Promise<readonly Node[]> {
      const it = await labOf(lab)
      return it === undefined ? [] : nodesOf(here, it, argv => argv)
    },

    async running(): Promise<readonly RunningLab[]> {
      return (await found()).filter(lab => lab.kept).map(lab => ({
        lab: lab.lab, provider: 'embedded', startedAt: Number(lab.labels.get('HARDWAY_STARTED')), nodes: lab.names,
      }))
    },

    async down(lab: LabId): Promise<void> {
      const it = await labOf(lab)
      started.delete(lab)
      if (it !== undefined) {
        // Everything of the lab is in its process namespace: with its first process all of it ends, and with
        // the last process of each namespace its mounts and wires.
        await end(it.pid)
        await removeCgroups(cgroupsOf(it))
      }
    },

    async leftovers(options: { readonly remove: boolean }): Promise<readonly string[]> {
      const all = await found()
      // What a starter that was killed had begun ends with its agent, which may be late and would leave the cgroups.
      const ending = options.remove ? all.filter(lab => !lab.kept && cgroupsOf(lab).some(directory => starterIsGone(basename(directory)))) : []
      for (const { pid } of ending) await end(pid)
      const inUse = new Set(all.filter(lab => !ending.includes(lab)).flatMap(cgroupsOf))
      const dead = cgroupsThere(hierarchies(who.root)).filter(({ name, directory }) => name.startsWith(`${key}.`) && !inUse.has(directory) && starterIsGone(name))
      if (options.remove) await removeCgroups(dead.map(({ directory }) => directory))
      return [...dead.map(({ directory }) => `cgroup ${directory}`), ...await halfMade(cache, options)]
    },
  }
}

/** As the name of a lab's cgroup says whose it is. */
function starterIsGone(name: string): boolean {
  const [, pid, start] = /\.(\d+)-(\d+)$/.exec(name) ?? []
  return startTime(Number(pid)) !== start
}

async function end(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It has just ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
  const deadline = performance.now() + GONE_MS
  while (startTime(pid) !== undefined && !isZombie(pid)) {
    if (performance.now() > deadline) throw new Unable(`process ${pid} does not end`)
    await pause(2)
  }
}

/** Ended, and only its exit status is still there for a parent to read. */
function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1) ?? '')
  } catch {
    return true
  }
}

/** A cgroup is busy for a moment after its last process ended. */
async function removeCgroups(labs: readonly string[]): Promise<void> {
  const deadline = performance.now() + GONE_MS
  for (const lab of labs) {
    for (;;) {
      try {
        removeCgroup(lab)
        break
      } catch (error) {
        if (!existsSync(lab)) break
        if (performance.now() > deadline) throw error
        await pause(5)
      }
    }
  }
}
