// Labs of a test's own, and commands in them and on this host.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { ExecOptions } from '../../runner/core/bench.ts'
import type { Node, Provider } from '../../runner/core/provider.ts'
import type { Topology } from '../../runner/core/topology.ts'
import type { Evidence } from '../../runner/core/verdict.ts'

export function nodesOn(count: number, { diskMiB = 64, mtu = 1500 }: { readonly diskMiB?: number; readonly mtu?: number } = {}): Topology {
  return {
    segments: [{ name: 'fab', mtu }],
    nodes: Array.from({ length: count }, (_, index) => ({
      name: `node${index + 1}`, diskMiB, interfaces: [{ name: 'eth0', segment: 'fab', address: `192.168.1.${index + 11}/24` }],
    })),
  }
}

export interface StartedLab extends AsyncDisposable {
  readonly lab: string
  node(name: string): Node
  /** By bash, as root, in node1 or in the node that is named. */
  sh(script: string, options?: ExecOptions & { readonly on?: string }): Promise<Evidence>
}

/** As long as anybody here waits for anything: of two busy processors a command may get ten seconds' work done in a minute. */
export const PATIENCE_MS = 60_000

let count = 0

/** Ends with this process, and at the end of the block that `await using` is in. */
export async function startLab(provider: Provider, topology: Topology = nodesOn(2), lab = `test-${process.pid}-${++count}`): Promise<StartedLab> {
  await provider.up(lab, topology, { keep: false, signal: new AbortController().signal })
  const nodes = await provider.nodes(lab)
  const node = (name: string): Node => {
    const found = nodes.find(one => one.name === name)
    if (found === undefined) throw new Error(`${lab} has no ${name}`)
    return found
  }
  return {
    lab, node,
    sh: (script, { on = 'node1', ...options } = {}) => node(on).exec(['bash', '-c', script], { timeoutMs: PATIENCE_MS, ...options }),
    [Symbol.asyncDispose]: () => provider.down(lab),
  }
}

export interface Here {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** On this host, as whoever runs the tests. */
export function here(script: string, ...args: readonly string[]): Here {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', ...args], { encoding: 'utf8', timeout: 30_000 })
  return { exitCode: status, stdout, stderr }
}

/** Asks until it is so. */
export async function eventually<T>(ask: () => T | Promise<T>, holds: (answer: T) => boolean, withinMs = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (holds(answer)) return answer
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after ${withinMs} ms`)
    await pause(5)
  }
}

/** All that descend from a process, by number. */
export function descendants(pid: number): readonly number[] {
  const children = readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return children.flatMap(child => [child, ...descendants(child)])
}

export function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** Runs, and is no zombie. */
export function runs(pid: number): boolean {
  return /^State:\s+[^ZX]/m.test(readProc(pid, 'status'))
}
