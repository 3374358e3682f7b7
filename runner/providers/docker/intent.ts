// What a start is about to ask the engine for. A request outlives the process that made it: a start that is killed
// just then would leave a container that appears after somebody has looked for what is left.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isDead, ownerLabel } from './owner.ts'

/** Longer than an engine takes to make a container. */
const APPEARS_MS = 3_000
const FOLDER = 'creating'

/** Notes the container's name for as long as the request is under way. */
export async function noted<T>(home: string, name: string, request: () => Promise<T>): Promise<T> {
  const path = join(home, FOLDER, name)
  mkdirSync(join(home, FOLDER), { recursive: true })
  writeFileSync(path, ownerLabel())
  try {
    return await request()
  } finally {
    rmSync(path, { force: true })
  }
}

/** Waits until each container that a dead process asked for is there, or will not be any more. */
export async function settled(home: string, isThere: (name: string) => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + APPEARS_MS
  for (const name of names(home)) {
    const path = join(home, FOLDER, name)
    if (!isDead(ownerOf(path))) continue
    while (!await isThere(name) && performance.now() < deadline) await pause(50)
    rmSync(path, { force: true })
  }
}

function names(home: string): readonly string[] {
  try {
    return readdirSync(join(home, FOLDER))
  } catch {
    return []
  }
}

function ownerOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
