// Only one command at a time starts or stops a lab.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Unable } from '../core/mistake.ts'
import { labFolder } from './state.ts'

const WAIT_MS = 60_000

/** Runs the work alone. A lock whose owner has died is nobody's. */
export async function alone<T>(home: string, lab: string, work: () => Promise<T>): Promise<T> {
  const folder = labFolder(home, lab)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'lock')
  const deadline = performance.now() + WAIT_MS
  while (!taken(path)) {
    if (performance.now() > deadline) throw new Unable(`another command is busy with ${lab} (process ${owner(path)})`)
    await pause(20)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function taken(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch {
    const pid = owner(path)
    if (pid !== undefined && !alive(pid)) rmSync(path, { force: true })
    return false
  }
}

function owner(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    return pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
