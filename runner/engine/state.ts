// Where this program keeps what must outlive it: the folder of a user's labs, and the folder of what can be
// made again.
import { homedir } from 'node:os'
import { join } from 'node:path'

export interface Folders {
  /** Progress, journals, locks. LAB_HOME, or the XDG state folder. */
  readonly home: string
  /** The prepared root filesystem. LAB_CACHE, or the XDG cache folder. */
  readonly cache: string
}

export function folders(env: Readonly<Record<string, string | undefined>> = process.env): Folders {
  const state = env['XDG_STATE_HOME'] || join(homedir(), '.local/state')
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return { home: env['LAB_HOME'] || join(state, 'hardway'), cache: env['LAB_CACHE'] || join(cache, 'hardway') }
}

export function labFolder(home: string, lab: string): string {
  return join(home, 'labs', lab)
}
