import type { Check } from '../runner/core/bench.ts'
import { contains, formatAddress, formatCidr, networkOf, overlaps, parseCidr, sameSubnet, type Cidr } from '../runner/core/ipv4.ts'
import { CouldNotLook, fail, pass, type Evidence } from '../runner/core/verdict.ts'

export interface Ranges {
  readonly nodes: readonly string[]
  /** The range that all pods are to be in, `10.244.0.0/16`. */
  readonly pods?: string
  /** `10.96.0.0/12`. */
  readonly services?: string
}

export interface Range {
  /** For example `the pods of node1`. */
  readonly name: string
  readonly cidr: Cidr
}

/** `the ranges of nodes, pods and services do not overlap`: by the addresses that nodes and their bridges have. */
export function noOverlap({ nodes, pods, services }: Ranges): Check {
  const given = [services].flatMap(text => text === undefined ? [] : [{ name: 'services', cidr: rangeOf(text) }])
  const cluster = pods === undefined ? undefined : rangeOf(pods)
  return {
    claim: `the ranges of nodes${services === undefined ? ' and pods' : ', pods and services'} do not overlap`,
    look: async bench => {
      const ranges: Range[] = [...given]
      const evidence: Evidence[] = []
      for (const node of nodes) {
        const own = (await bench.namespaces(node)).find(one => one.own)
        if (own === undefined) throw new CouldNotLook(`${node} has no namespace of its own`)
        evidence.push(own.evidence)
        let has = false
        for (const link of own.links) {
          for (const text of link.name === 'lo' ? [] : link.addresses) {
            const cidr = parseCidr(text)
            if (cidr === undefined) continue
            if (link.kind === 'bridge') {
              has = true
              ranges.push({ name: `the pods of ${node} (${link.name})`, cidr })
              if (cluster !== undefined && !contains(cluster, cidr.address)) return fail(`the pods of ${node} have ${written(cidr)}, which is not in ${written(cluster)}`, own.evidence)
            // All nodes of a segment have the one range.
            } else if (!ranges.some(range => range.name.startsWith('the nodes') && sameSubnet(range.cidr, cidr))) {
              ranges.push({ name: `the nodes (${link.name} of ${node})`, cidr })
            }
          }
        }
        if (!has) return fail(`${node} has no range for pods: no bridge of it has an address`, own.evidence)
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('expected the name of a node')
      const both = overlapping(ranges)
      return both === undefined ? pass(first, ...rest) : fail(both, first, ...rest)
    },
  }
}

/** The first two that overlap, in words. */
export function overlapping(ranges: readonly Range[]): string | undefined {
  for (const [index, one] of ranges.entries()) {
    const other = ranges.slice(0, index).find(range => overlaps(range.cidr, one.cidr))
    if (other !== undefined) return `${written(one.cidr)}, ${one.name}, overlaps ${written(other.cidr)}, ${other.name}`
  }
  return undefined
}

function written(cidr: Cidr): string {
  return `${formatAddress(networkOf(cidr))}/${cidr.prefix}`
}

function rangeOf(text: string): Cidr {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw new Error(`expected a range, for example 10.96.0.0/12, and got ${text}`)
  if (networkOf(cidr) !== cidr.address) throw new Error(`expected ${formatCidr({ ...cidr, address: networkOf(cidr) })}, and got ${text}`)
  return cidr
}
