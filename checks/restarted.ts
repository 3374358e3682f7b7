// A node as it would be after a restart: what a program does there is seen, and done to nobody.
import type { Bench, Place } from '../runner/core/bench.ts'
import { start } from './running.ts'

const TOOL = '/usr/local/lib/hardway/restarted'

export interface Restarted {
  /** The node's files, and a network of its own in which there is nothing but eth0. */
  readonly place: Place
  /** The address of eth0. */
  readonly address: string
}

/** It is gone when the work is done. */
export async function restarted<T>(bench: Bench, node: string, work: (node: Restarted) => Promise<T>): Promise<T> {
  const own = bench.place(node)
  const held = bench.topology.nodes.find(({ name }) => name === node)?.interfaces.find(({ address }) => address !== undefined)?.address
  if (held === undefined) throw new Error(`the topology gives ${node} no address`)
  const running = await start(own, [TOOL, held], output => pidOf(output) !== undefined)
  try {
    const entering = ['nsenter', '-t', pidOf(running.output()) ?? '', '--net', '--mount', '--pid', '--']
    const place: Place = { name: `${node}, restarted`, exec: (argv, options) => own.exec([...entering, ...argv], options) }
    return await work({ place, address: held.split('/')[0] ?? '' })
  } finally {
    await running.stop()
  }
}

function pidOf(output: string): string | undefined {
  return /^ready (\d+)$/m.exec(output)?.[1]
}
