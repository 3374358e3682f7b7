import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endsOf, ownerOf, type NamedEnd, type Owner } from './ends.ts'
import { withFreshPod } from './fresh-pod.ts'
import { overhear } from './overhear.ts'
import { told } from './secret-on-the-wire.ts'

/**
 * `what red says to a new pod on node3, and what it answers, cannot be read on the wire`: a pod that the check makes, on
 * the bridge that has the gateway's address, and that is gone again when it has looked.
 */
export function freshPodSecret(node: string, gateway: string, from: readonly string[] | Readonly<Record<string, string>>): Check {
  const ends = endsOf(from)
  return {
    claim: `what ${list(ends.map(end => end.name))} and a new pod on ${node} say to each other cannot be read on the wire`,
    look: bench => look(bench, node, gateway, ends),
  }
}

async function look(bench: Bench, node: string, gateway: string, ends: readonly NamedEnd[]): Promise<Verdict> {
  const clients: { readonly from: NamedEnd; readonly client: Owner }[] = []
  for (const from of ends) {
    const client = await ownerOf(bench, from)
    if ('because' in client) return fail(client.because, ...client.evidence)
    if (client.namespace.node === node) return fail(`${from.name} is on ${node} too: what it says to a pod there crosses no wire`, client.namespace.evidence)
    clients.push({ from, client })
  }
  return withFreshPod(bench, node, gateway, async ({ own, bridge, address, port }) => {
    const to = { name: `a new pod (${address})`, address, named: true }
    const heard = await overhear(bench, () => Promise.resolve(clients.map(one => ({ ...one, to, node, port }))))
    const evidence = heard.flatMap(one => one.evidence)
    const readable = heard.find(({ leak }) => leak !== undefined)
    if (readable !== undefined) return fail(told(readable), ...readable.evidence)
    const mute = heard.find(({ answers }) => answers.length !== 2 || answers.some(({ kind }) => kind !== 'ok'))
    if (mute !== undefined) return fail(`${mute.from.name} does not reach a new pod with the address ${address} on ${bridge} of ${node}`, ...mute.evidence)
    const unseen = heard.find(({ sent }) => sent.client === 0 || sent.server === 0)
    if (unseen !== undefined) throw new CouldNotLook(`${unseen.from.name} reaches a new pod on ${node}, and the capture has none of its packets`, ...evidence)
    return pass(own.evidence, ...evidence)
  })
}
