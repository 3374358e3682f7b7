// Limits on processes and memory of each node, by cgroups of version 1 or 2; whichever this host has.
import { accessSync, chownSync, constants, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync, type Dirent } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { basename, dirname, join } from 'node:path'
import type { TopologyNode } from '../../core/topology.ts'
import { FOR_CONTAINERS, limitsOf, type LabCgroup } from '../limits.ts'
import { ROOT_OWNER } from './identity.ts'

/** No limit can be raised above one's own. */
export function processesAllowed(): number {
  const { processes } = limitsOf({})
  const most = /^Max processes\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return most === undefined || most === 'unlimited' ? processes : Math.min(processes, Number(most))
}

type Controller = 'pids' | 'memory' | 'cpu'

/** A place to make cgroups in: one for version 2, one for each hierarchy of version 1. */
export interface Hierarchy {
  readonly directory: string
  readonly version: 1 | 2
  /** Those that every node is under. None: of use to containers only. */
  readonly controllers: readonly Controller[]
  /** As a node may mount it again. */
  readonly mounted: string
}

/** Empty where this user has been given none: then only the number of processes is limited, by rlimit. */
export function hierarchies(root: boolean): readonly Hierarchy[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n').map(line => line.split(' '))
  if (!root) return delegated(mounts)
  const all = mounts.flatMap(([, directory = '', type, options = '']) => {
    const kinds = options.split(',').filter(option => FOR_CONTAINERS.includes(option))
    const controllers = (['pids', 'memory', 'cpu'] as const).filter(controller => kinds.includes(controller))
    return type !== 'cgroup' || kinds.length === 0 ? [] : [{ directory, version: 1 as const, controllers, mounted: kinds.join(',') }]
  })
  // The same may be mounted twice.
  const first = all.filter(({ mounted }, index) => all.findIndex(other => other.mounted === mounted) === index)
  if (first.some(({ controllers }) => controllers.length > 0)) return first
  return mounts.flatMap(([, directory, type]) =>
    type === 'cgroup2' && directory !== undefined && has(directory, ['pids', 'memory']) ? [version2(directory)] : [])
}

/** The topmost cgroup above ours that is ours to divide: moving a process asks for the common ancestor. */
function delegated(mounts: readonly (readonly string[])[]): readonly Hierarchy[] {
  const mount = mounts.find(([, , type]) => type === 'cgroup2')?.[1]
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
  if (mount === undefined || own === undefined) return []
  let best: string | undefined
  for (let directory = join(mount, own); directory.length >= mount.length; directory = dirname(directory)) {
    if (['.', 'cgroup.procs', 'cgroup.subtree_control'].every(file => writable(join(directory, file))) &&
      has(directory, ['pids', 'memory'])) best = directory
  }
  return best === undefined ? [] : [version2(best)]
}

function version2(directory: string): Hierarchy {
  return { directory, version: 2, controllers: controllersOf(directory), mounted: 'cgroup2' }
}

/**
 * The cpu controller needs no limit to be of use: all processes of a node get the share of one, so that a node that
 * forks without end leaves the host, and whoever looks at the node, their time.
 */
function controllersOf(directory: string): readonly Controller[] {
  return has(directory, ['cpu']) ? ['pids', 'memory', 'cpu'] : ['pids', 'memory']
}

function has(directory: string, controllers: readonly string[]): boolean {
  const available = availableIn(directory)
  return controllers.every(controller => available.includes(controller))
}

function availableIn(directory: string): readonly string[] {
  try {
    return readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim().split(' ')
  } catch {
    return []
  }
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

const ALL = 'hardway'

/** Makes a cgroup for the lab and one in it for each node. Returns the lab's directories. */
export function makeCgroups(all: readonly Hierarchy[], name: string, nodes: readonly TopologyNode[], root: boolean): readonly LabCgroup[] {
  const containers = nodes.some(({ role }) => role === 'kubelet')
  return all.filter(({ controllers }) => containers || controllers.length > 0).map(hierarchy => {
    const { directory, version, mounted } = hierarchy
    const group = join(directory, ALL)
    const lab = join(group, name)
    mkdirSync(lab, { recursive: true })
    const divided = containers ? availableIn(directory).filter(controller => FOR_CONTAINERS.includes(controller)) : hierarchy.controllers
    if (version === 2) for (const each of [directory, group, lab]) enable(each, divided)
    else for (const each of [group, lab]) fill(each, hierarchy)
    // `lab` itself holds no process: version 2 allows none beside cgroups that have controllers.
    for (const child of ['lab.init', ...nodes.map(node => node.name)]) {
      mkdirSync(join(lab, child))
      fill(join(lab, child), hierarchy)
      if (root) give(join(lab, child, 'cgroup.procs'))
    }
    if (root) give(join(lab, 'cgroup.procs'))
    for (const node of nodes) {
      limit(join(lab, node.name), hierarchy, node)
      // The lab's root hands it on to the node's.
      if (root && node.role === 'kubelet') for (const file of DELEGATED[version]) give(join(lab, node.name, file))
    }
    return { directory: lab, mounted }
  })
}

/** What whoever divides a cgroup has to own. Not its limits. */
const DELEGATED = { 1: ['', 'tasks'], 2: ['', 'cgroup.threads', 'cgroup.subtree_control'] } as const

function give(path: string): void {
  chownSync(path, ROOT_OWNER, ROOT_OWNER)
}

function enable(directory: string, controllers: readonly string[]): void {
  writeFileSync(join(directory, 'cgroup.subtree_control'), controllers.map(controller => `+${controller}`).join(' '))
}

/** In version 1 a new cgroup has no processor and no memory node, and no process may enter it. */
function fill(directory: string, { mounted }: Hierarchy): void {
  if (!mounted.split(',').includes('cpuset')) return
  for (const file of ['cpuset.cpus', 'cpuset.mems']) writeFileSync(join(directory, file), readFileSync(join(dirname(directory), file)))
}

function limit(directory: string, { version, controllers }: Hierarchy, node: TopologyNode): void {
  const { processes, bytes } = limitsOf(node)
  if (controllers.includes('pids')) writeFileSync(join(directory, 'pids.max'), String(processes))
  if (controllers.includes('memory')) writeFileSync(join(directory, version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), String(bytes))
  // Each takes memory of the kernel, and all have to be removed.
  if (version === 2 && node.role === 'kubelet') {
    writeFileSync(join(directory, 'cgroup.max.descendants'), '1024')
    writeFileSync(join(directory, 'cgroup.max.depth'), '16')
  }
}

/** Whether it can be a lab's cgroup: where a label is all there is to say so. */
export function isOurs(all: readonly Hierarchy[], lab: string): boolean {
  return all.some(({ directory }) => dirname(lab) === join(directory, ALL)) && !['.', '..'].includes(basename(lab))
}

/** The labs' cgroups that are there, by name. */
export function cgroupsThere(all: readonly Hierarchy[]): readonly { readonly name: string; readonly directory: string }[] {
  return all.flatMap(({ directory }) => {
    const group = join(directory, ALL)
    return within(group).filter(entry => entry.isDirectory()).map(entry => ({ name: entry.name, directory: join(group, entry.name) }))
  })
}

/** Nothing where there is none: whoever ends the last lab takes the group away, also between a question whether it is there and its reading. */
function within(group: string): readonly Dirent[] {
  try {
    return readdirSync(group, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Throws EBUSY while a process of it still ends. The group of all labs goes with the last. */
export function removeCgroup(lab: string): void {
  for (const entry of readdirSync(lab, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const directory = join(lab, entry.name)
    // What a node's root has made in it may be deeper than a path is long.
    if (readdirSync(directory, { withFileTypes: true }).some(child => child.isDirectory())) {
      execFileSync('find', [directory, '-depth', '-mindepth', '1', '-type', 'd', '-delete'], { stdio: 'ignore' })
    }
    rmdirSync(directory)
  }
  rmdirSync(lab)
  try {
    rmdirSync(dirname(lab))
  } catch {
    // Another lab is in it.
  }
}
