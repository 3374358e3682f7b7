import { setTimeout as pause } from 'node:timers/promises'
import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { firstPackets } from './bpf-map.ts'
import { endOf, ownerOf } from './ends.ts'
import type { Probed } from './policy-counts.ts'
import { readFlowLog, type Flow } from './read/flow-log.ts'
import { once } from './service.ts'

const TIMES = 3
/** A record is there before the packet is; whoever writes it into the file may be a moment behind. */
const WRITTEN_MS = 1_500

/**
 * `/var/log/flows on node1 has each connection once, with who it was and what became of it`: connections are begun, each from a port of its own, and looked for.
 */
export function flowsRecorded(node: string, path: string, probes: readonly Probed[]): Check {
  return {
    claim: `${path} on ${node} has each connection that is begun to a pod with a policy, once, with who it was and what became of it`,
    look: async bench => {
      const sent = await Promise.all(probes.map(async probe => {
        const [from, to] = [endOf(probe.from), endOf(probe.to)]
        const owner = await ownerOf(bench, from)
        if ('because' in owner) return owner
        return { ...probe, from, to, ...await firstPackets(owner.namespace, to.address, probe.port, TIMES) }
      }))
      const until = performance.now() + WRITTEN_MS
      for (;;) {
        const log = await bench.place(node).exec(['tail', '-n', '5000', path])
        if (log.exitCode !== 0 && !log.stderr.includes('No such file')) throw new CouldNotLook(`${node}: could not read ${path}`, log)
        const flows = readFlowLog(log.stdout)
        const all: Evidence[] = []
        let missing: string | undefined
        for (const probe of sent) {
          if ('because' in probe) return fail(probe.because, ...probe.evidence)
          all.push(probe.evidence)
          for (const fromPort of probe.ports) missing ??= wrong(flows.filter(flow => flow.from === probe.from.address && flow.fromPort === fromPort && flow.to === probe.to.address && flow.toPort === probe.port), probe, fromPort)
        }
        const evidence = once([...all, { ...log, stdout: log.stdout.slice(-4096) }])
        if (missing === undefined) return pass(...evidence)
        if (performance.now() > until) return fail(log.exitCode === 0 ? missing : `${node} has no file ${path}`, ...evidence)
        await pause(20)
      }
    },
  }
}

interface Sent extends Omit<Probed, 'from' | 'to'> {
  readonly from: { readonly name: string }
  readonly to: { readonly name: string }
}

function wrong(found: readonly Flow[], { from, to, port, passes, identity, toIdentity }: Sent, fromPort: number): string | undefined {
  const what = `the connection of ${from.name}, from port ${fromPort}, to ${to.name} on port ${port}`
  const [flow] = found
  if (flow === undefined) return `${what} is not there`
  if (found.length > 1) return `${what} is there ${found.length} times`
  const verdict = passes ? 'FORWARDED' : 'DROPPED'
  if (flow.verdict !== verdict) return `${what} is ${flow.verdict} there, and it was ${verdict}`
  if (flow.fromIdentity !== identity) return `${what} is of identity ${flow.fromIdentity} there, and ${from.name} is ${identity}`
  return flow.toIdentity === toIdentity ? undefined : `${what} is to identity ${flow.toIdentity} there, and ${to.name} is ${toIdentity}`
}
