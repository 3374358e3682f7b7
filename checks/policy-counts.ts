import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { firstPackets, pinnedMap } from './bpf-map.ts'
import { endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { numberOf, type MapEntry } from './read/bpf-map.ts'
import { once } from './service.ts'

export interface Probed {
  readonly from: End
  /** What the maps call whom the client is. */
  readonly identity: number
  readonly to: End
  readonly toIdentity: number
  readonly port: number
  readonly passes: boolean
}

const TIMES = 5
/** Another look may send the same at the same time. */
const TRIES = 4

/**
 * `node1 counts each connection that it lets through in the map allowed, and each that it does not in the map dropped`: so many first packets are sent, and so
 * much more is in the one map and not in the other. Their keys are two identities and a port, as the wire has it.
 */
export function policyCounts(node: string, probes: readonly Probed[]): Check {
  return {
    claim: `${node} counts each connection that it lets through in the map allowed, and each that it turns away in the map dropped`,
    look: async bench => {
      const owned: Owned[] = []
      for (const probe of probes) {
        const [from, to] = [endOf(probe.from), endOf(probe.to)]
        const owner = await ownerOf(bench, from)
        if ('because' in owner) return fail(owner.because, ...owner.evidence)
        owned.push({ ...probe, from, to, namespace: owner.namespace })
      }
      for (let tries = 1; ; tries++) {
        const verdict = await look(bench, node, owned)
        if (verdict.status === 'pass' || tries === TRIES) return verdict
      }
    },
  }
}

type Owned = Omit<Probed, 'from' | 'to'> & { readonly from: NamedEnd; readonly to: NamedEnd; readonly namespace: Namespace }

async function look(bench: Bench, node: string, probes: readonly Owned[]): Promise<Verdict> {
  const before = await maps(bench, node)
  if ('status' in before) return before
  const sent = await Promise.all(probes.map(({ namespace, to, port }) => firstPackets(namespace, to.address, port, TIMES)))
  const after = await maps(bench, node)
  if ('status' in after) return after
  const evidence = once([...before.evidence, ...sent.map(one => one.evidence), ...after.evidence])
  for (const probe of probes) {
    for (const map of ['allowed', 'dropped'] as const) {
      const more = counted(after[map], probe) - counted(before[map], probe)
      const right = (map === 'allowed') === probe.passes ? TIMES : 0
      if (more !== right) return fail(`${probe.from.name} begins ${TIMES} connections to ${probe.to.name} on port ${probe.port}, which ${probe.passes ? 'may be' : 'may not be'}, and the map ${map} counts ${more}`, ...evidence)
    }
  }
  return pass(...evidence)
}

async function maps(bench: Bench, node: string): Promise<Verdict | { readonly allowed: readonly MapEntry[]; readonly dropped: readonly MapEntry[]; readonly evidence: readonly Evidence[] }> {
  const [allowed, dropped] = await Promise.all([pinnedMap(bench, node, 'allowed'), pinnedMap(bench, node, 'dropped')])
  if (allowed.entries === undefined) return fail(`${node} has no map pinned as /sys/fs/bpf/allowed`, allowed.evidence)
  if (dropped.entries === undefined) return fail(`${node} has no map pinned as /sys/fs/bpf/dropped`, dropped.evidence)
  return { allowed: allowed.entries, dropped: dropped.entries, evidence: [allowed.evidence, dropped.evidence] }
}

function counted(entries: readonly MapEntry[], { identity, toIdentity, port }: Owned): number {
  const found = entries.find(({ key }) => numberOf(key.slice(0, 4)) === identity && numberOf(key.slice(4, 8)) === toIdentity && (key[8] ?? 0) * 256 + (key[9] ?? 0) === port)
  return found === undefined ? 0 : numberOf(found.value)
}
