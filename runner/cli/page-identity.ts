// The link of a lab's page outlives its server, in a file that nobody else may read: `{"port", "token", "cookie"}`.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Identity } from '../../site/live/server.ts'
import { labFolder } from '../engine/state.ts'

const FILE = 'page.json'

/** Undefined where there is none, or none that can be believed. */
export function readIdentity(home: string, lab: string): Identity | undefined {
  try {
    const { port, token, cookie } = JSON.parse(readFileSync(join(labFolder(home, lab), FILE), 'utf8')) as Record<string, unknown>
    if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535 || !isSecret(token) || !isSecret(cookie)) return undefined
    return { port, token, cookie }
  } catch {
    return undefined
  }
}

export function writeIdentity(home: string, lab: string, identity: Identity): void {
  const folder = labFolder(home, lab)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${FILE}.${process.pid}`)
  // Whole or not at all, and never readable by others, not even for a moment.
  writeFileSync(path, `${JSON.stringify(identity)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(path, join(folder, FILE))
}

/** Not a shorter one that somebody has written there. */
function isSecret(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{32}$/.test(value)
}
