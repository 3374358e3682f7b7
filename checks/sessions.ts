// With whom a node speaks BGP: its established connections from or to port 179.
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'
import { onceALook } from './once.ts'
import { readSessions } from './read/sessions.ts'
import { tool } from './tool.ts'

export interface Peers {
  readonly peers: readonly string[]
  readonly evidence: Evidence
}

const once = onceALook<Peers>()

export function bgpPeers(bench: Bench, node: string): Promise<Peers> {
  return once(bench, node, () => ask(bench, node))
}

async function ask(bench: Bench, node: string): Promise<Peers> {
  // A daemon of another make has another name, and no tool of its own that could be asked: the connection it needs.
  const { value, evidence } = await tool(bench.place(node), ['ss', '-Htn4', 'state', 'established', '( sport = :179 or dport = :179 )'], readSessions)
  return { peers: [...new Set(value.map(({ peer }) => peer))], evidence }
}
