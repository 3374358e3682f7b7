import type { Check, Namespace } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, endOf, holders, type End } from './ends.ts'
import { askedAt, FLOWS, whyNotServed } from './served-at.ts'

/**
 * `what ext asks at 203.0.113.240:80 comes in by node2 and by node3`: of 64 connections some by each of them. A node that takes
 * a third of all, chosen anew for each, gets none of them once in 10^11 times.
 *
 * By which node one came in is seen at its end: a node that translates the client's address is the peer that the server sees, and one that
 * leaves it as it is can only hand to a server of its own.
 */
export function entersBy(from: End, at: string, nodes: readonly string[]): Check {
  const client = endOf(from)
  return {
    claim: `what ${client.name} asks at ${at} comes in by ${nodes.join(' and by ')}`,
    look: async bench => {
      const asked = await askedAt(bench, client, at)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const unserved = await whyNotServed(bench, client, at, asked)
      if (unserved !== undefined) return unserved
      const namespaces = await allNamespaces(bench)
      const by = asked.replies.flatMap(reply => reply.kind === 'ok' ? [enteredBy(reply.peer, reply.by, namespaces.filter(({ node }) => node !== asked.client.node))] : [])
      const counted = [...new Set(by)].toSorted().map(node => `${by.filter(one => one === node).length} by ${node}`)
      const missing = nodes.filter(node => !by.includes(node))
      return missing.length === 0 ? pass(...asked.evidence) : fail(`of ${FLOWS} connections none comes in by ${list(missing)}: ${list(counted)}`, ...asked.evidence)
    },
  }
}

function enteredBy(peer: string, server: Namespace, others: readonly Namespace[]): string {
  const [holder] = holders(others, peer).filter(({ namespace }) => namespace.own)
  return holder?.namespace.node ?? server.node
}
