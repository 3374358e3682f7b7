// Limits on processes and memory of each node, by cgroups of version 1 or 2; whichever this host has.
import { accessSync, chownSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ROOT_OWNER } from './identity.ts'

/** What one node may have: enough for the course's heaviest node, little enough that a fork bomb is a nuisance. */
export const PROCESSES = 512
const MEMORY_BYTES = 512 * 1024 * 1024

/** No limit can be raised above one's own. */
export function processesAllowed(): number {
  const most = /^Max processes\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return most === undefined || most === 'unlimited' ? PROCESSES : Math.min(PROCESSES, Number(most))
}

type Controller = 'pids' | 'memory' | 'cpu'

/** A place to make cgroups in: one for version 2, one for each controller of version 1. */
export interface Hierarchy {
  readonly directory: string
  readonly version: 1 | 2
  readonly controllers: readonly Controller[]
}

/** Empty where this user has been given none: then only the number of processes is limited, by rlimit. */
export function hierarchies(root: boolean): readonly Hierarchy[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n').map(line => line.split(' '))
  if (!root) return delegated(mounts)
  const first = (['pids', 'memory', 'cpu'] as const).flatMap(controller => {
    const mount = mounts.find(([, , type, options]) => type === 'cgroup' && options?.split(',').includes(controller))
    return mount?.[1] === undefined ? [] : [{ directory: mount[1], version: 1 as const, controllers: [controller] }]
  })
  if (first.length > 0) return first
  return mounts.flatMap(([, directory, type]) =>
    type === 'cgroup2' && directory !== undefined && has(directory, ['pids', 'memory'])
      ? [{ directory, version: 2 as const, controllers: controllersOf(directory) }] : [])
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
  return best === undefined ? [] : [{ directory: best, version: 2, controllers: controllersOf(best) }]
}

/**
 * The cpu controller needs no limit to be of use: all processes of a node get the share of one, so that a node that
 * forks without end leaves the host, and whoever looks at the node, their time.
 */
function controllersOf(directory: string): readonly Controller[] {
  return has(directory, ['cpu']) ? ['pids', 'memory', 'cpu'] : ['pids', 'memory']
}

function has(directory: string, controllers: readonly string[]): boolean {
  try {
    const available = readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim().split(' ')
    return controllers.every(controller => available.includes(controller))
  } catch {
    return false
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
export function makeCgroups(all: readonly Hierarchy[], name: string, nodes: readonly string[], root: boolean): readonly string[] {
  return all.map(hierarchy => {
    const group = join(hierarchy.directory, ALL)
    const lab = join(group, name)
    for (const directory of [group, lab]) {
      mkdirSync(directory, { recursive: true })
      if (hierarchy.version === 2) enable(dirname(directory), hierarchy.controllers)
    }
    if (hierarchy.version === 2) enable(lab, hierarchy.controllers)
    // `lab` itself holds no process: version 2 allows none beside cgroups that have controllers.
    for (const child of ['lab.init', ...nodes]) {
      mkdirSync(join(lab, child))
      if (root) chownSync(join(lab, child, 'cgroup.procs'), ROOT_OWNER, ROOT_OWNER)
    }
    if (root) chownSync(join(lab, 'cgroup.procs'), ROOT_OWNER, ROOT_OWNER)
    for (const node of nodes) limit(join(lab, node), hierarchy)
    return lab
  })
}

function enable(directory: string, controllers: readonly string[]): void {
  writeFileSync(join(directory, 'cgroup.subtree_control'), controllers.map(controller => `+${controller}`).join(' '))
}

function limit(directory: string, { version, controllers }: Hierarchy): void {
  if (controllers.includes('pids')) writeFileSync(join(directory, 'pids.max'), String(PROCESSES))
  if (controllers.includes('memory')) {
    writeFileSync(join(directory, version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), String(MEMORY_BYTES))
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
    if (!existsSync(group)) return []
    return readdirSync(group, { withFileTypes: true }).filter(entry => entry.isDirectory())
      .map(entry => ({ name: entry.name, directory: join(group, entry.name) }))
  })
}

/** Throws EBUSY while a process of it still ends. The group of all labs goes with the last. */
export function removeCgroup(lab: string): void {
  for (const entry of readdirSync(lab, { withFileTypes: true })) {
    if (entry.isDirectory()) rmdirSync(join(lab, entry.name))
  }
  rmdirSync(lab)
  try {
    rmdirSync(dirname(lab))
  } catch {
    // Another lab is in it.
  }
}
