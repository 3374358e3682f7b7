// With whom a node speaks BGP: its established connections from or to port 179.
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'
import { readSessions } from './read/sessions.ts'
import { tool } from './tool.ts'

export async function bgpPeers(bench: Bench, node: string): Promise<{ readonly peers: readonly string[]; readonly evidence: Evidence }> {
  // A daemon of another make has another name, and no tool of its own that could be asked: the connection it needs.
  const { value, evidence } = await tool(bench.place(node), ['ss', '-Htn4', 'state', 'established', '( sport = :179 or dport = :179 )'], readSessions)
  return { peers: [...new Set(value.map(({ peer }) => peer))], evidence }
}
