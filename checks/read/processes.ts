// Reads what /usr/local/lib/hardway/processes prints.

export interface Process {
  readonly pid: number
  readonly parent: number
  /** Of the network namespace that it is in. */
  readonly inode: number
  /** What it hangs on: nothing, a terminal's background, what a terminal waits for, or whoever sent it into the node. */
  readonly held: 'init' | 'job' | 'terminal' | 'sender'
  /** `127.0.0.1:8080`, or `udp:0.0.0.0:53`. */
  readonly listens: readonly string[]
  readonly command: string
}

/** A network namespace that is mounted on a file, and so needs no process. */
export interface Mount {
  readonly inode: number
  readonly path: string
}

export interface Processes {
  readonly processes: readonly Process[]
  readonly mounts: readonly Mount[]
}

const HELD: Readonly<Record<string, Process['held']>> = { 'init': 'init', 'job': 'job', 'terminal': 'terminal', '-': 'sender' }

export function readProcesses(text: string): Processes {
  const processes: Process[] = []
  const mounts: Mount[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    const [kind, ...rest] = line.split(' ')
    const [pid = '', parent = '', inode = '', held = '', listens = '', ...command] = rest
    const how = HELD[held]
    if (kind === 'mount' && /^\d+$/.test(pid)) mounts.push({ inode: Number(pid), path: rest.slice(1).join(' ') })
    else if (kind === 'process' && [pid, parent, inode].every(number => /^\d+$/.test(number)) && how !== undefined && listens !== '') {
      processes.push({
        pid: Number(pid), parent: Number(parent), inode: Number(inode), held: how,
        listens: listens === '-' ? [] : listens.split(','), command: command.join(' '),
      })
    } else throw new Error(`expected a process or a mount, and got ${JSON.stringify(line.slice(0, 80))}`)
  }
  return { processes, mounts }
}
