// Starts a lab on a machine: the environment that lab.pl reads, and the conversation with it.
import { setTimeout as pause } from 'node:timers/promises'
import type { Topology } from '../../core/topology.ts'
import type { UpOptions } from '../../core/provider.ts'
import { Unable } from '../../core/mistake.ts'
import type { Given } from '../../components/given.ts'
import type { LabCgroup } from '../limits.ts'
import { wires } from '../wire.ts'
import type { AgentMachine } from './machine.ts'
import { giveLoaders } from './loaders.ts'
import { find } from './nodes.ts'
import { script } from './script.ts'

export interface Start {
  readonly topology: Topology
  /** The prepared root filesystem, as the machine sees it. */
  readonly lower: string
  /** What its nodes are given of the components; the folder as the machine sees it. */
  readonly given: Given | undefined
  /** Base64 of path, mode and text of each file to lay over it, each ended by a zero byte. */
  readonly files: string
  /** How `find.pl` and a reader will know the lab. */
  readonly labels: Readonly<Record<string, string>>
  readonly cgroups: readonly LabCgroup[]
  /** Processes a node may have where no cgroup counts them. */
  readonly processes: number | undefined
  /** What the machine's root has to bind to `lower` first, where the lab's root could not reach it. */
  readonly bound?: string
  /** What else runs before, in front of the command that starts the lab. */
  readonly before: readonly string[]
  /** A node's users, as the lab counts them. Default: all but the lab's own root. */
  readonly nodeMap?: string
  /** Writes the user namespace's maps; only the starter may. */
  map(pid: number): Promise<void>
}

const DEADLINE_MS = 60_000
const NODE_MAP = '0 1 65535'
const KEPT_MS = 10_000

/**
 * Resolves when every node is up and, if asked to keep it, when it no longer depends on this process; with the number on the machine of
 * the lab's first process.
 */
export async function up(machine: AgentMachine, start: Start, options: UpOptions): Promise<number> {
  const { segments, links, addresses } = wires(start.topology)
  const [kubelet] = start.topology.nodes.filter(({ role }) => role === 'kubelet')
  if (kubelet !== undefined && start.cgroups.length === 0) {
    throw new Unable(`${kubelet.name} is to run containers, and that takes cgroups of its own: there are none here that could be divided`)
  }
  const labels = {
    ...start.labels, HARDWAY_CGROUPS: start.cgroups.map(({ directory }) => directory).join(' '), HARDWAY_PROCESSES: start.processes?.toString() ?? '',
    HARDWAY_INIT: start.cgroups.some(({ mounted }) => mounted === 'cgroup2') ? start.topology.nodes.filter(({ role }) => role === 'kubelet').map(({ name }) => name).join(' ') : '',
  }
  const env = {
    HW_LOWER: start.lower, HW_BOUND: start.bound ?? '', ...inPieces('HW_FILES', start.files), HW_CGROUPS: start.cgroups.map(({ directory, mounted }) => `${directory}:${mounted}`).join(' '),
    HW_NODES: start.topology.nodes.map(node => `${node.name}:${node.diskMiB}:${node.role ?? ''}`).join(' '),
    HW_COMPONENTS: start.given?.folder ?? '', HW_LINKS: start.given?.links.map(link => `${link.join(' ')}\n`).join('') ?? '',
    HW_SEGMENTS: segments, HW_WIRES: links, HW_ADDRESSES: addresses,
    HW_LABELS: Object.entries(labels).map(([name, value]) => `${name}=${value}`).join('\n'),
    HW_MAP: start.nodeMap ?? NODE_MAP, HW_PROCESSES: start.processes?.toString() ?? '', HW_SCRIPT: script('lab.pl'),
  }
  const said = Promise.withResolvers<void>()
  const born = Promise.withResolvers<number>()
  let stdout = ''
  let stderr = ''
  const running = machine.spawn(
    [...start.before, 'perl', '-e', script('lab.pl')],
    (stream, piece) => {
      if (stream === 'stderr') {
        stderr = (stderr + piece.toString()).slice(-4000)
        return
      }
      stdout += piece.toString()
      const pid = /^born (\d+)$/m.exec(stdout)?.[1]
      if (pid !== undefined) born.resolve(Number(pid))
      if (/^ready$/m.test(stdout)) said.resolve()
    }, env)
  const failed = Promise.withResolvers<never>()
  const stop = (why: string): void => {
    running.kill()
    failed.reject(new Unable(why))
  }
  void running.ended.then(code =>
    failed.reject(new Unable(`the nodes did not start (exit ${code ?? 'by a signal'}): ${stderr.trim() || 'nothing was said'}`)), failed.reject)
  const timer = setTimeout(() => stop(`the nodes were not up after ${DEADLINE_MS / 1000} s: ${stderr.trim()}`), DEADLINE_MS)
  const onAbort = (): void => stop('stopped before the nodes were up')
  options.signal.addEventListener('abort', onAbort, { once: true })
  if (options.signal.aborted) onAbort()
  try {
    const pid = await Promise.race([born.promise, failed.promise])
    await Promise.race([start.map(pid), failed.promise])
    running.write('mapped\n')
    await Promise.race([said.promise, failed.promise])
    await Promise.race([giveLoaders(machine, start.topology, labels, start.nodeMap ?? NODE_MAP), failed.promise])
    clearTimeout(timer)
    if (options.setUp !== undefined) await Promise.race([options.setUp(), failed.promise])
    if (options.keep) {
      running.write('keep\n')
      await Promise.race([kept(machine, start.labels), failed.promise])
      running.release()
    }
    return pid
  } catch (error) {
    running.kill()
    throw error
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', onAbort)
    failed.promise.catch(() => {})
  }
}

/** Resolves when everybody sees that the lab is to stay: whoever asks next must find it. */
async function kept(machine: AgentMachine, { HARDWAY_HOME: home = '', HARDWAY_LAB: lab }: Start['labels']): Promise<void> {
  const until = performance.now() + KEPT_MS
  while (!(await find(machine, home)).some(one => one.lab === lab && one.kept)) {
    if (performance.now() > until) throw new Unable(`the nodes are up, and the lab was not seen to be kept within ${KEPT_MS / 1000} s`)
    await pause(5)
  }
}

/** The kernel takes no more than 128 KiB for one variable: `NAME_0`, `NAME_1` and so on. */
function inPieces(name: string, text: string): Readonly<Record<string, string>> {
  const most = 100_000
  return Object.fromEntries(Array.from({ length: Math.ceil(text.length / most) }, (_, index) => [`${name}_${index}`, text.slice(index * most, (index + 1) * most)]))
}
