// The components that have been fetched: a folder for each version, which is there when it is whole. What is half done has
// another name, and a file of another size than the one that was fetched is none.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { components, thisArch } from '../../fixtures/kubernetes/components.ts'
import { COMPONENTS, type Component, type ComponentName } from '../core/components.ts'

/** What a component's folder holds besides its programs. */
export const CONTENTS = 'contents.json'

export interface Contents {
  readonly from: 'release' | 'source'
  readonly programs: Readonly<Record<string, Sized>>
}

export interface Sized {
  readonly bytes: number
  readonly sha256: string
}

/** Where the folders of all components are. */
export function componentsFolder(cache: string): string {
  return join(cache, 'components')
}

/** The name of a component's folder. Another version has another: nothing that a running node uses is ever changed. */
export function folderName(name: ComponentName, { version }: Pick<Component, 'version'> = components[name]): string {
  return `${name}-${version}-${thisArch}`
}

/** Names of those that can be used. */
export function fetched(cache: string): readonly ComponentName[] {
  return COMPONENTS.filter(name => contentsOf(join(componentsFolder(cache), folderName(name)), components[name]) !== undefined)
}

/** What was fetched, if all of it is there with its sizes: quick enough for every start. */
export function contentsOf(folder: string, { programs }: Component): Contents | undefined {
  try {
    const contents = JSON.parse(readFileSync(join(folder, CONTENTS), 'utf8')) as Contents
    const whole = programs.every(program => statSync(join(folder, program)).size === contents.programs[program]?.bytes)
    return whole ? contents : undefined
  } catch {
    return undefined
  }
}

/** The same, by every byte. */
export async function isWhole(folder: string, component: Component): Promise<boolean> {
  const contents = contentsOf(folder, component)
  if (contents === undefined) return false
  const sums = await Promise.all(component.programs.map(program => sha256(join(folder, program))))
  return component.programs.every((program, index) => contents.programs[program]?.sha256 === sums[index])
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}
