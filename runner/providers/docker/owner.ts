// Says which process made a container, so that nobody else takes it for something left behind.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** Host, process number, and what tells the process from a later one of the same number. */
export function ownerLabel(): string {
  return `${hostname()} ${process.pid} ${startOf(process.pid) ?? ''}`
}

/** False only where it can be known: a process of another host may be alive. */
export function isDead(owner: string): boolean {
  const [host, pid, ...start] = owner.split(' ')
  if (host !== hostname()) return false
  const now = startOf(Number(pid))
  return now === undefined || now !== start.join(' ')
}

/** Undefined if there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // The name, in parentheses, may hold anything; the start time, in ticks since boot, is field 22.
      const start = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? ''
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${start}`
    }
    if (process.platform === 'win32') return process.kill(pid, 0) ? '' : undefined
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
