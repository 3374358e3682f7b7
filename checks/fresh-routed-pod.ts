import { randomBytes } from 'node:crypto'
import type { Bench, Check } from '../runner/core/bench.ts'
import { OF_A_LOOK } from '../runner/core/observed.ts'
import type { Cidr } from '../runner/core/ipv4.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, endsOf, holders, ownerOf, type NamedEnd, type Owner } from './ends.ts'
import { ask } from './exchange.ts'
import { say } from './explain.ts'
import { readReady } from './read/probe.ts'
import { start } from '../runner/core/running.ts'
import { rangeOf, someOf } from './some-of.ts'

const TOOL = '/usr/local/lib/hardway/fresh-routed-pod'
/** The first packet to a new pod waits for three neighbours to be found. */
const ANSWER_MS = 1_000
/** Whom such a pod asks for everything. Nobody has it: the node answers in its place. */
const GATEWAY = '169.254.1.1'

/**
 * `a new pod on node3, with an address of 10.244.3.0/26, is reached by red and green at once`: the check does what a
 * plugin does on the pod's own node, without a bridge, and nothing anywhere else.
 */
export function freshRoutedPod(node: string, range: string, from: readonly string[] | Readonly<Record<string, string>>): Check {
  const ends = endsOf(from)
  const cidr = rangeOf(range)
  return {
    claim: `a new pod on ${node}, with an address of ${range}, is reached by ${list(ends.map(end => end.name))} at once`,
    look: bench => look(bench, node, cidr, ends),
  }
}

async function look(bench: Bench, node: string, range: Cidr, ends: readonly NamedEnd[]): Promise<Verdict> {
  const own = (await bench.namespaces(node)).find(one => one.own)
  if (own === undefined) throw new CouldNotLook(`${node} has no namespace of its own`)
  const clients: { readonly end: NamedEnd; readonly owner: Owner }[] = []
  for (const end of ends) {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return fail(owner.because, ...owner.evidence)
    clients.push({ end, owner })
  }
  const namespaces = await allNamespaces(bench)
  const address = someOf(range, one => holders(namespaces, one).length > 0).at(-1)
  if (address === undefined) return fail(`the range leaves no address for another pod on ${node}`, own.evidence)
  const link = OF_A_LOOK + randomBytes(3).toString('hex')
  const pod = await start(own.place, [TOOL, link, address, GATEWAY], output => readReady(output) !== undefined)
  try {
    const port = readReady(pod.output()) ?? 0
    const asked = await Promise.all(clients.map(async ({ end, owner: { namespace } }) =>
      ({ end, ...await ask(namespace, [{ address, port, nonce: randomBytes(12).toString('hex') }], ANSWER_MS) })))
    const evidence = asked.map(one => one.evidence)
    for (const { end, asked: answers, evidence: seen } of asked) {
      const lost = answers.find(({ answer }) => answer.kind !== 'ok')?.answer
      if (lost !== undefined) return fail(`${end.name} does not reach a new pod on ${node} with the address ${address} (${say(lost)})`, seen, own.evidence)
    }
    return pass(own.evidence, ...evidence)
  } finally {
    await pod.stop()
    // Killed, it could not tidy up; the kernel does in a moment, this does now.
    await own.place.exec(['ip', 'link', 'del', link])
  }
}
