// With whom a node speaks BGP: its established connections from or to port 179.
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'
import { readSessions } from './read/sessions.ts'
import { tool } from './tool.ts'

export interface Peers {
  readonly peers: readonly string[]
  readonly evidence: Evidence
}

const known = new WeakMap<Bench, Map<string, Promise<Peers>>>()

/** Asked once a look, whoever wants it. */
export function bgpPeers(bench: Bench, node: string): Promise<Peers> {
  const all = known.get(bench) ?? new Map<string, Promise<Peers>>()
  known.set(bench, all)
  const found = all.get(node) ?? ask(bench, node)
  all.set(node, found)
  return found
}

async function ask(bench: Bench, node: string): Promise<Peers> {
  // A daemon of another make has another name, and no tool of its own that could be asked: the connection it needs.
  const { value, evidence } = await tool(bench.place(node), ['ss', '-Htn4', 'state', 'established', '( sport = :179 or dport = :179 )'], readSessions)
  return { peers: [...new Set(value.map(({ peer }) => peer))], evidence }
}
