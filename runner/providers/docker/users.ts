// How the engine's host, a lab and its nodes count users. Root in a node is the lab's number 1, the lab's first
// process its number 0, and neither is the container's root: not even that one's files are theirs to change.
import { Unable } from '../../core/mistake.ts'
import type { EngineInfo } from './container.ts'

export interface Users {
  /** Of an image whose files are counted so. */
  readonly suffix: string
  /** The lab's root, as the container counts. */
  readonly labRoot: number
  /** Lines of maps: the lab's users to the container's, a node's to the lab's. */
  readonly labMap: string
  readonly nodeMap: string
  /** A node's user, as the image counts. */
  ofNode(user: number): number
}

/** The container counts as the engine's host does, so there is a range to be had that nobody else uses. */
const host: Users = {
  suffix: '', labRoot: 100_000, labMap: '0 100000 65536', nodeMap: '0 1 65535', ofNode: user => user + 100_001,
}

/** The engine's images hold users up to 65535 only, so two of a node's must go. The last, nobody, stays. */
function remapped(base: number): Users {
  return {
    suffix: '-remapped', labRoot: base + 1,
    labMap: `0 ${base + 1} 65533\n65535 ${base + 65_534} 1`, nodeMap: '0 1 65532\n65534 65535 1',
    ofNode: user => user === 65_534 ? user : user + 2,
  }
}

export function usersOf(info: EngineInfo): Users {
  if (isRootless(info)) return remapped(0)
  if (!isRemapped(info)) return host
  // Our container is left out of the remapping, but the image's files are not; the folder's name says how.
  const base = /\/(\d+)\.\d+\/?$/.exec(info.DockerRootDir ?? '')?.[1]
  if (base === undefined) throw new Unable(`the engine remaps users, and its folder ${info.DockerRootDir} does not say to which`)
  return remapped(Number(base))
}

/** The engine's root is an ordinary user of its host. */
export function isRootless(info: EngineInfo): boolean {
  return info.Rootless === true || hasSecurity(info, 'rootless')
}

/** The engine runs as root, and its containers' root is somebody else (dockerd --userns-remap). */
export function isRemapped(info: EngineInfo): boolean {
  return hasSecurity(info, 'userns') && !isRootless(info)
}

export function hasSecurity(info: EngineInfo, name: string): boolean {
  return (info.SecurityOptions ?? []).some(option => option.split(',').includes(`name=${name}`))
}
