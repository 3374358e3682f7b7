import type { Bench, Check } from '../runner/core/bench.ts'
import { contains, parseCidr, type Cidr } from '../runner/core/ipv4.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { lastWords, ofNodes, SERVER } from './api.ts'
import type { Missing } from './ends.ts'
import { overlapping } from './no-overlap.ts'
import { record, text } from './read/json.ts'

export interface NodeRange {
  readonly name: string
  readonly cidr: Cidr
  readonly written: string
}

export interface ClusterRanges {
  /** Of all pods. */
  readonly pods: string
  readonly services: string
  /** The wire between nodes. */
  readonly wire: string
}

/** `node-0 and node-1 have a range for pods each, in 10.244.0.0/16: no address of it is another node's, a Service's or on the wire`. */
export function nodesHaveRanges(nodes: NonEmpty<string>, { pods, services, wire }: ClusterRanges): Check {
  const [whole, ...others] = [pods, services, wire].map(written => ({ written, cidr: parsed(written) }))
  if (whole === undefined) throw new Error('expected a range')
  return {
    claim: `${list(nodes)} have a range for pods each, of ${pods}, apart from each other, from Services and from the wire`,
    look: async bench => {
      const found = await rangesOf(bench, nodes)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const { all: ranges, evidence } = found
      const both = overlapping([
        ...others.map(({ cidr, written }) => ({ cidr, name: written === services ? "the Services'" : "the wire's" })), ...ranges.map(({ cidr, name }) => ({ cidr, name: `that of ${name}` })),
      ])
      if (both !== undefined) return fail(both, evidence)
      const outside = ranges.find(({ cidr }) => !contains(whole.cidr, cidr.address) || cidr.prefix < whole.cidr.prefix)
      return outside === undefined ? pass(evidence) : fail(`the range of ${outside.name}, ${outside.written}, is not in ${pods}`, evidence)
    },
  }
}

/** What the API has as each node's podCIDR. */
export function rangesOf(bench: Bench, nodes: readonly string[]): Promise<{ readonly all: readonly NodeRange[]; readonly evidence: Evidence } | Missing> {
  return ofNodes<NodeRange>(bench, nodes, async (node, name, evidence) => {
    const written = text(record(node.spec).podCIDR)
    if (written !== undefined) return { name, written, cidr: parsed(written) }
    const log = await lastWords(bench, SERVER, 'kube-controller-manager', 'CIDR|cidr')
    return { because: `nobody has given ${name} a range: its Node has no \`spec.podCIDR\`${log.words === '' ? '' : `; the controller manager's log: ${log.words}`}`, evidence: [evidence, log.evidence] }
  })
}

function parsed(written: string): Cidr {
  const cidr = parseCidr(written)
  if (cidr === undefined) throw new Error(`expected a range, for example 10.244.0.0/16, and got ${written}`)
  return cidr
}
