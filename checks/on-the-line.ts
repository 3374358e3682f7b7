// Connections that were open before the learner began, held by `call` in a node: who is at their other end now.
import type { Bench, Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { allNamespaces, endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { nameOf } from './explain.ts'
import { readOnTheLine } from './read/on-the-line.ts'
import { tool } from './tool.ts'

export interface Call {
  readonly from: End
  /** As the caller was given it: `call NAME …`. */
  readonly name: string
  readonly with: End
}

/** `cart is still on the line with logs-1, and rank-1 with pay`: whoever flushes, recreates or restarts cuts it, and nothing brings it back. */
export function stillOnTheLine(...calls: readonly [Call, ...Call[]]): Check {
  const [first, ...rest] = calls.map(callOf)
  if (first === undefined) throw new Error('expected a call')
  const said = [`${first.from.name} is still on the line with ${first.with.name}`, ...rest.map(({ from, with: other }) => `${from.name} with ${other.name}`)]
  return { claim: list(said), look: bench => look(bench, [first, ...rest]) }
}

/** `what cart says to 10.96.0.30:5140/udp, always from one port, is answered by logs-2`. */
export function answersTheLine(call: Call, at: string): Check {
  const one = callOf(call)
  return { claim: `what ${one.from.name} says to ${at}, always from one port, is answered by ${one.with.name}`, look: bench => look(bench, [one]) }
}

interface Meant {
  readonly from: NamedEnd
  readonly name: string
  readonly with: NamedEnd
}

function callOf({ from, name, with: other }: Call): Meant {
  return { from: endOf(from), name, with: endOf(other) }
}

async function look(bench: Bench, calls: readonly Meant[]): Promise<Verdict> {
  const looked = await Promise.all(calls.map(async call => lookAt(bench, call)))
  const evidence: Evidence[] = []
  for (const one of looked) {
    if (one.because !== undefined) return fail(one.because, ...one.evidence)
    evidence.push(...one.evidence)
  }
  const [first, ...rest] = evidence
  if (first === undefined) throw new CouldNotLook('nobody was asked')
  return pass(first, ...rest)
}

async function lookAt(bench: Bench, { from, name, with: other }: Meant): Promise<{ readonly because?: string; readonly evidence: readonly [Evidence, ...Evidence[]] }> {
  const owner = await ownerOf(bench, from)
  if ('because' in owner) return owner
  const { value, evidence } = await tool(owner.namespace.place, ['call', '--ask', name], readOnTheLine)
  switch (value.kind) {
    case 'nobody': return { because: `nobody in ${from.name} is on a line called ${name}: who was has ended, or another namespace has taken the place of ${from.name}`, evidence: [evidence] }
    case 'cut': return { because: `the connection of ${from.name} with ${other.name} has been cut: ${value.why}`, evidence: [evidence] }
    case 'silent': return { because: `${from.name} says something on its line, and for half a second nobody answers`, evidence: [evidence] }
    case 'answered': {
      const at = (await allNamespaces(bench)).find(({ inode }) => inode === value.inode)
      const meant = await ownerOf(bench, other)
      if ('because' in meant) return meant
      if (at?.inode === meant.namespace.inode) return { evidence: [evidence] }
      return { because: `what ${from.name} says on its line is answered by ${at === undefined ? `a namespace that is not there any more, net:[${value.inode}]` : nameOf(at)}, not by ${other.name}`, evidence: [evidence] }
    }
  }
}
