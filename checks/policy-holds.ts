import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import type { Objects } from '../kubernetes/objects.ts'
import { nameOf } from '../kubernetes/policy.ts'
import { portOf, tableOf, type Port } from '../kubernetes/table.ts'
import { whyNot } from './explain.ts'
import { measurable, measure, OWN_NODE, sentence, type MeasuredCell, type Measuring } from './measured.ts'

export interface PolicyTable {
  /** `80`, `53/UDP`. Default: all that containers declare, policies name and Services lead to. */
  readonly ports?: readonly string[]
  /** Who asks and is asked, as `namespace/name`. Default: all. The others still count as what the policies make of them. */
  readonly pods?: readonly string[]
  /** Machines that are no pods: `{ ext: '192.168.1.200' }`. They ask the pods and are asked by them. */
  readonly outside?: Readonly<Record<string, string>>
}

/**
 * `the policy a/default-deny holds: each of 9 pods reaches whom it lets it reach on TCP 80 and UDP 53, and nobody else`. Every pod
 * asks every pod, by TCP and UDP, and every Service by its address. That a pod is kept away is worth something because its own node
 * reaches it on the very port in the same look. Whether silence or a word keeps it away is not said: nothing of it may arrive.
 */
export function policyHolds(objects: Objects, { ports, pods, outside }: PolicyTable = {}): Check {
  const asked = ports?.map(text => {
    const port = portOf(text)
    if (port === undefined) throw new Error(`expected a port, for example 80 or 53/UDP, and got ${text}`)
    return port
  })
  const missing = pods?.find(name => !objects.pods.some(pod => nameOf(pod) === name))
  if (missing !== undefined) throw new Error(`no object is the pod ${missing}`)
  const all = objects.pods.filter(pod => pods === undefined || pods.includes(nameOf(pod)))
  const without = all.find(pod => !pod.hostNetwork && pod.address === undefined)
  if (without !== undefined) throw new Error(`the pod ${nameOf(without)} has no status.podIP: nobody knows where to ask`)
  const who = measurable({ ...objects, pods: all }).length
  if (who < 2) throw new Error('expected two pods at least')
  return {
    claim: `${holding(objects)}: each of ${who} pods reaches whom it may on ${list(grouped(asked ?? tableOf(objects).pods))}, and nobody else`,
    look: bench => look(bench, objects, { ports: asked, pods, outside }),
  }
}

function holding({ policies }: Objects): string {
  const names = policies.map(({ namespace, name }) => `${namespace}/${name}`)
  if (names.length === 0) return 'no policy isolates anybody'
  if (names.length > 3) return `all ${names.length} policies hold`
  return `the ${names.length === 1 ? 'policy' : 'policies'} ${list(names)} ${names.length === 1 ? 'holds' : 'hold'}`
}

/** `TCP 80, 443` and `UDP 53`. */
function grouped(ports: readonly Port[]): readonly string[] {
  return (['TCP', 'UDP'] as const).flatMap(protocol => {
    const own = ports.filter(one => one.protocol === protocol).map(({ port }) => port)
    return own.length === 0 ? [] : [`${protocol} ${own.join(', ')}`]
  })
}

async function look(bench: Bench, objects: Objects, measuring: Measuring): Promise<Verdict> {
  const measured = await measure(bench, objects, measuring)
  if ('because' in measured) return fail(measured.because, ...measured.evidence)
  const { cells, grids, evidence } = measured
  const wrong = cells.filter(({ right }) => !right)
  const [first] = wrong.toSorted((one, other) => rank(one) - rank(other))
  if (first === undefined) return { status: 'pass', evidence, table: grids }
  const more = wrong.length > 1 ? ` (${wrong.length} of ${cells.length} answers are wrong)` : ''
  // What should get through and does not can be followed.
  const why = first.reply.kind === 'ok' ? undefined : await whyNot(bench, first.client, first.question.from, { name: first.to, address: first.question.to, named: true }, first.question.protocol, first.question.port)
  const because = `${sentence(first)}${why === undefined ? '' : `: ${why.sentence}`}${more}`
  return { status: 'fail', because, evidence: [...evidence, ...why?.evidence ?? []], table: grids }
}

/** What lies nearest first: who is not reached by their own node is reached by nobody, and who gets through where nobody may is worse than the reverse. */
function rank({ from, outcome }: MeasuredCell): number {
  return outcome === 'denied' ? 1 : from === OWN_NODE ? 0 : 2
}
