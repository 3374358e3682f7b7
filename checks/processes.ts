// Who runs in which network namespace of a node, and who listens there.
import type { Bench, Namespace } from '../runner/core/bench.ts'
import { onceALook } from './once.ts'
import { readProcesses, type Process, type Processes } from './read/processes.ts'
import { tool, type Told } from './tool.ts'

const TOOL = '/usr/local/lib/hardway/processes'
const once = onceALook<Told<Processes>>()

export function processesOf(bench: Bench, node: string): Promise<Told<Processes>> {
  return once(bench, node, () => tool(bench.place(node), [TOOL], readProcesses))
}

/** All of the namespace but what a check runs there. */
export function inside({ processes }: Processes, namespace: Namespace): readonly Process[] {
  return processes.filter(one => one.inode === namespace.inode && one.held !== 'sender')
}

/** `serve app (PID 41)` */
export function called({ command, pid }: Process): string {
  return `${command.length > 60 ? `${command.slice(0, 59)}…` : command} (PID ${pid})`
}

/** Those that listen with a TCP socket on the port. */
export function listeners(processes: readonly Process[], port: number): readonly Process[] {
  return processes.filter(({ listens }) => listens.some(one => !one.startsWith('udp:') && one.endsWith(`:${port}`)))
}
