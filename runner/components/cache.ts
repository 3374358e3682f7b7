// The components that have been fetched: a folder for each version, which is there when it is whole. What is half done has
// another name, and a file of another size than the one that was fetched is none.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { archOf, components } from '../../fixtures/kubernetes/components.ts'
import { COMPONENTS, type ComponentName } from '../core/components.ts'

/** What a component's folder holds besides its programs. */
export const CONTENTS = 'contents.json'

export interface Contents {
  readonly from: 'release' | 'source'
  readonly programs: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>
}

/** Where the folders of all components are. */
export function componentsFolder(cache: string): string {
  return join(cache, 'components')
}

/** The name of a component's folder. Another version has another: nothing that a running node uses is ever changed. */
export function folderName(name: ComponentName, arch = archOf(process.arch)): string {
  return `${name}-${components[name].version}-${arch}`
}

/** Names of those that can be used. */
export function fetched(cache: string): readonly ComponentName[] {
  return COMPONENTS.filter(name => contentsOf(join(componentsFolder(cache), folderName(name)), name) !== undefined)
}

/** What was fetched, if all of it is there with its sizes. */
export function contentsOf(folder: string, name: ComponentName): Contents | undefined {
  try {
    const contents = JSON.parse(readFileSync(join(folder, CONTENTS), 'utf8')) as Contents
    const whole = components[name].programs.every(program => statSync(join(folder, program)).size === contents.programs[program]?.bytes)
    return whole ? contents : undefined
  } catch {
    return undefined
  }
}
