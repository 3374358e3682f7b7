// What a lab's nodes are given of the components: one folder for all nodes, to be mounted read-only, and in each node that
// asks for it a link to each program.
import { existsSync } from 'node:fs'
import { components } from '../../fixtures/kubernetes/components.ts'
import type { Topology } from '../core/topology.ts'
import { componentsFolder, fetched, folderName } from './cache.ts'

export interface Given {
  /** On this host. */
  readonly folder: string
  /** For each program: the node, where the node has it, and where it is below the folder. */
  readonly links: readonly (readonly [node: string, path: string, program: string])[]
}

const PATH_FOLDER = '/usr/local/bin'

/** Undefined: no node asks for anything that is there. */
export function given(cache: string, topology: Topology): Given | undefined {
  const folder = componentsFolder(cache)
  if (!existsSync(folder)) return undefined
  const there = new Set(fetched(cache))
  const links = topology.nodes.flatMap(node => (node.components ?? []).filter(name => there.has(name)).flatMap(name =>
    components[name].programs.map(program =>
      [node.name, `${components[name].into ?? PATH_FOLDER}/${program}`, `${folderName(name)}/${program}`] as const)))
  return links.length === 0 ? undefined : { folder, links }
}
