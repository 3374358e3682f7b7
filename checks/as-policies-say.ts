import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, type Verdict } from '../runner/core/verdict.ts'
import type { Objects } from '../kubernetes/objects.ts'
import { portOf } from '../kubernetes/table.ts'
import { measure, OWN_NODE, sentence, type MeasuredCell } from './measured.ts'

export interface Part {
  /** `80`, `53/UDP`: of the pods. */
  readonly ports: readonly string[]
  /** Who asks and is asked, as `namespace/name`. Default: all. */
  readonly pods?: readonly string[]
  /** Machines that are no pods, by their addresses. */
  readonly outside?: Readonly<Record<string, string>>
  /** Which cells of that table are meant. Default: all. The rows of pods' own nodes always are. */
  readonly about?: (from: string, to: string) => boolean
}

/**
 * Part of the table that objects make, where the claim is a sentence of the lab's: what is asked may be other objects each time.
 * A pod and itself are left out, also where it calls itself by a Service: no policy is about that.
 */
export function asPoliciesSay(claim: string, objects: (bench: Bench) => Promise<Objects>, part: Part): Check {
  return { claim, look: async bench => partHolds(bench, await objects(bench), part) }
}

export async function partHolds(bench: Bench, objects: Objects, { ports, pods, outside, about = () => true }: Part): Promise<Verdict> {
  const asked = ports.map(text => {
    const port = portOf(text)
    if (port === undefined) throw new Error(`expected a port, for example 80 or 53/UDP, and got ${text}`)
    return port
  })
  const behind = (service: string): readonly string[] => objects.services.filter(one => service.startsWith(`${one.namespace}/${one.name}:`))
    .flatMap(({ namespace, selector }) => objects.pods.filter(pod => pod.namespace === namespace && Object.entries(selector ?? {}).every(([key, value]) => pod.labels[key] === value)))
    .map(pod => `${pod.namespace}/${pod.name}`)
  const measured = await measure(bench, objects, {
    ports: asked, pods, outside,
    about: (from, to) => {
      const [end = to, ...more] = to.includes(':') ? behind(to) : [to]
      return more.length === 0 && from !== end && about(from, end)
    },
  })
  if ('because' in measured) return fail(measured.because, ...measured.evidence)
  const { cells, grids, evidence } = measured
  const wrong = cells.filter(({ right }) => !right)
  const [first] = wrong.toSorted((one, other) => rank(one) - rank(other))
  if (first === undefined) return { status: 'pass', evidence, table: grids }
  return { status: 'fail', because: `${sentence(first)}${wrong.length > 1 ? ` (${wrong.length} of ${cells.length} answers are wrong)` : ''}`, evidence, table: grids }
}

/** Whoever is not reached by their own node is reached by nobody; and a door that is open says more than one that is shut. */
function rank({ from, outcome }: MeasuredCell): number {
  return from === OWN_NODE ? 0 : outcome === 'denied' ? 1 : 2
}
