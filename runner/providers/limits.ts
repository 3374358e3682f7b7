// What one node may have: enough for the course's heaviest, little enough that a fork bomb is a nuisance.
import type { TopologyNode } from '../core/topology.ts'

export interface Limits {
  readonly processes: number
  readonly bytes: number
}

const MiB = 1024 * 1024

/** A container runtime is a dozen threads, and each pod another; a kubelet, and maybe an API server, come on top. */
export function limitsOf({ role }: Pick<TopologyNode, 'role'>): Limits {
  return role === 'kubelet' ? { processes: 2048, bytes: 2048 * MiB } : { processes: 512, bytes: 512 * MiB }
}

/**
 * What a kubelet and runc look for, as Linux names them. Not the freezer of version 1: what a node's root has frozen there ends by no
 * signal, and neither would the lab.
 */
export const FOR_CONTAINERS: readonly string[] = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'io', 'devices', 'hugetlb', 'name=systemd']

/** A hierarchy of cgroups, as a node may mount it again: `cgroup2`, or the options of version 1, such as `cpu,cpuacct`. */
export interface LabCgroup {
  /** Has a directory for each node in it; as the machine sees it. */
  readonly directory: string
  readonly mounted: string
}
