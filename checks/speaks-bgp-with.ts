import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { bgpPeers } from './sessions.ts'

/** `node1 speaks BGP with 192.168.1.1, and with nobody else`; without peers, `node4 speaks BGP with nobody`. */
export function speaksBgpWith(node: string, peers: readonly string[]): Check {
  return {
    claim: peers.length === 0 ? `${node} speaks BGP with nobody` : `${node} speaks BGP with ${list(peers)}, and with nobody else`,
    look: async bench => {
      const found = await bgpPeers(bench, node)
      const missing = peers.filter(peer => !found.peers.includes(peer))
      const others = found.peers.filter(peer => !peers.includes(peer))
      if (missing.length > 0) {
        const instead = found.peers.length === 0 ? 'no connection from or to its port 179 is established' : `it does with ${list(found.peers)}`
        return fail(`${node} does not speak BGP with ${list(missing)}: ${instead}`, found.evidence)
      }
      return others.length === 0 ? pass(found.evidence) : fail(`${node} speaks BGP with ${list(others)}${peers.length === 0 ? '' : ' too'}`, found.evidence)
    },
  }
}
