// What a lab's container may do, and how it is known.
import { createHash } from 'node:crypto'
import type { LabId } from '../../core/provider.ts'
import type { Topology } from '../../core/topology.ts'
import { limitsOf } from '../limits.ts'
import { recipe } from '../recipe.ts'
import { Refused, type Engine } from './engine.ts'
import { isDead, ownerLabel } from './owner.ts'
import { hasSecurity, isRemapped, isRootless, usersOf } from './users.ts'

export const REPOSITORY = 'hardway-node'

export function imageTag(info: EngineInfo): string {
  return `${recipe().key}${usersOf(info).suffix}`
}

export function imageName(info: EngineInfo): string {
  return `${REPOSITORY}:${imageTag(info)}`
}

export async function hasImage(engine: Engine, name: string): Promise<boolean> {
  try {
    await engine.call('GET', `/images/${name}/json`)
    return true
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return false
    throw error
  }
}

/**
 * What the container's root needs to start nodes and to enter them. No learner is ever that root: nodes are in a
 * user namespace, whose root has capabilities over what belongs to it and over nothing else.
 */
export const CAPABILITIES = [
  // Mounts, namespaces, entering them. The engine's seccomp filter, which nodes are under too, looks at this.
  'SYS_ADMIN',
  // That filter refuses chroot without it, also to root of a user namespace.
  'SYS_CHROOT',
  // Writing a user namespace's maps.
  'SETUID', 'SETGID',
  // The first processes of labs are read, and their cgroups entered, which belong to the lab's root.
  'DAC_OVERRIDE',
  // The nodes' cgroups are given to the lab's root.
  'CHOWN',
  // /dev/net/tun, which engines let containers use but do not make.
  'MKNOD',
] as const

/** What the container's own processes may have on top: the fabric, agents, terminals' ends. */
const OWN_PROCESSES = 256
const OWN_MEMORY_BYTES = 128 * 1024 * 1024

/** What an engine says about itself, as far as it matters here. */
export interface EngineInfo {
  readonly SecurityOptions?: readonly string[] | null
  /** Podman's own field. */
  readonly Rootless?: boolean
  readonly MemoryLimit?: boolean
  readonly PidsLimit?: boolean
  readonly CgroupVersion?: string
  readonly OSType?: string
  readonly KernelVersion?: string
  readonly ServerVersion?: string
  readonly Driver?: string
  readonly DockerRootDir?: string
}

/** What the engine can limit. A rootless one has no cgroups of version 1, whatever it says. */
export function limits(info: EngineInfo): { readonly memory: boolean; readonly processes: boolean } {
  const has = !isRootless(info) || info.CgroupVersion !== '1'
  return { memory: has && info.MemoryLimit !== false, processes: has && info.PidsLimit !== false }
}

/** Where the machine has the components, and so the container. */
export const COMPONENTS_AT = '/opt'

export function containerOf({ nodes }: Topology, info: EngineInfo, labels: Readonly<Record<string, string>>, components?: string): object {
  const each = nodes.map(limitsOf)
  return {
    Image: imageName(info), Labels: labels, Cmd: ['/usr/bin/catatonit', '-P'], WorkingDir: '/', Hostname: 'machine',
    HostConfig: {
      ...(components === undefined ? {} : { Mounts: [{ Type: 'bind', Source: components, Target: COMPONENTS_AT, ReadOnly: true }] }),
      NetworkMode: 'none', ReadonlyRootfs: true, LogConfig: { Type: 'none' },
      // What a rootless engine calls privileged is a user's own rights in a user namespace of theirs. Less would be
      // a read-only sysfs, which that user can't change, and with it no `ip netns exec` in a node.
      ...(isRootless(info) ? { Privileged: true } : { CapDrop: ['ALL'], CapAdd: CAPABILITIES }),
      ...(isRemapped(info) ? { UsernsMode: 'host' } : {}),
      SecurityOpt: [
        // Docker's own profile refuses every mount, whatever the capabilities.
        ...(hasSecurity(info, 'apparmor') ? ['apparmor=unconfined'] : []),
        ...(hasSecurity(info, 'selinux') ? ['label=disable'] : []),
        // The engine's own filter refuses pivot_root and keyctl, without which runc starts no container. Nodes of such a lab are then
        // as free as those of `embedded`.
        ...(nodes.some(({ role }) => role === 'kubelet') ? ['seccomp=unconfined'] : []),
      ],
      ...(limits(info).processes ? { PidsLimit: each.reduce((sum, { processes }) => sum + processes, OWN_PROCESSES) } : {}),
      ...(limits(info).memory ? { Memory: each.reduce((sum, { bytes }) => sum + bytes, OWN_MEMORY_BYTES) } : {}),
    },
  }
}

/** A container of this state folder. */
export interface Found {
  readonly id: string
  readonly name: string
  readonly running: boolean
  readonly lab: LabId | undefined
  /** It has the name that only a lab that is up and kept gets. */
  readonly kept: boolean
  readonly mine: boolean
  readonly ownerIsDead: () => boolean
  readonly nodes: readonly string[]
  readonly startedAt: number
}

export async function containers(engine: Engine, home: string, lab?: LabId): Promise<readonly Found[]> {
  const label = [`hardway.home=${home}`, ...(lab === undefined ? [] : [`hardway.lab=${lab}`])]
  const all = await engine.call<readonly { Id: string; Names: readonly string[]; State: string; Labels: Readonly<Record<string, string>> }[]>(
    'GET', '/containers/json', { query: { all: 'true', filters: JSON.stringify({ label }) } })
  return all.map(({ Id, Names, State, Labels }) => {
    const name = (Names[0] ?? '').replace(/^\//, '')
    const of = Labels['hardway.lab']
    const owner = Labels['hardway.owner'] ?? ''
    return {
      id: Id, name, running: State === 'running', lab: of,
      kept: of !== undefined && name === keptName(home, of),
      mine: owner === ownerLabel(), ownerIsDead: () => isDead(owner),
      nodes: (Labels['hardway.nodes'] ?? '').split(' ').filter(Boolean), startedAt: Number(Labels['hardway.started']),
    }
  })
}

/** One lab of a name in a state folder: the engine gives each name once. */
export function keptName(home: string, lab: LabId): string {
  return `hardway-${createHash('sha256').update(home).digest('hex').slice(0, 8)}-${lab.replaceAll(/[^\w.-]/g, '_')}`
}
