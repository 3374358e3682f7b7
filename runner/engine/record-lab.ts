// Does a lab on nodes of its own and keeps what was seen. Nothing is kept of what does not hold as the proof says that it does.
import type { Bench, Namespace } from '../core/bench.ts'
import type { Node } from '../core/provider.ts'
import type { FaultRecord, LabRecord } from '../core/record.ts'
import type { Trace } from '../core/trace.ts'
import { CouldNotLook } from '../core/verdict.ts'
import { makeBench } from './bench.ts'
import type { LoadedLab } from './course.ts'
import { bringToEnd } from './diff/index.ts'
import { judgeAll, LOOK_MS, RIGHT, status } from './judge.ts'
import { observe } from './observe/index.ts'
import { bringTo, solve, stepsOf, type Session } from './session.ts'
import { shells } from './shell.ts'
import { onSpareNodes } from './spare.ts'
import { stock, type Fault } from './stock.ts'

export interface Recording {
  readonly signal: AbortSignal
  /** Lets no more nodes be up at once than it was made for. */
  readonly limit: <T>(work: () => Promise<T>) => Promise<T>
  onPart(text: string): void
}

/** A fault takes a moment to show, as anything does. */
const FAULT_MS = 1_500

export async function recordLab(session: Session, recording: Recording): Promise<LabRecord> {
  const { loaded } = session
  const on = <T>(what: string, work: (nodes: readonly Node[]) => Promise<T>): Promise<T> => recording.limit(async () => {
    recording.signal.throwIfAborted()
    const done = await onSpareNodes(session, recording.signal, work)
    recording.onPart(`${loaded.slug}: ${what}`)
    return done
  })
  const [whole, ...broken] = await Promise.all([
    on('steps', nodes => recordSteps(loaded, nodes)),
    ...stock(loaded).map(fault => on(fault.name, nodes => recordFault(loaded, fault, nodes))),
  ])
  return { ...whole, faults: broken }
}

async function recordSteps(loaded: LoadedLab, nodes: readonly Node[]): Promise<Omit<LabRecord, 'faults'>> {
  const bench = (): Promise<Bench> => Promise.resolve(makeBench(nodes, loaded.topology))
  const steps: LabRecord['steps'][number][] = []
  await bringTo(loaded, nodes, loaded.lesson.steps[0]?.id)
  for (const { text, step } of stepsOf(loaded)) {
    await solve(text, step, nodes)
    const judged = await judgeAll(step.checks, bench, { ...RIGHT, explains: false })
    if (status(judged) !== 'pass') throw new CouldNotLook(`the solution of ${text.id} in ${loaded.slug} does not hold here: \`npx lab verify ${loaded.slug.slice(0, 2)}\` says more`)
    steps.push({
      step: text.id, observed: await observe(nodes, loaded.topology),
      tables: judged.flatMap(({ claim, verdict }) => verdict.status === 'pass' && verdict.table !== undefined ? [{ claim, grids: verdict.table }] : []),
    })
  }
  return { steps, trace: await traceOf(await bench()) }
}

/** From a pod to one of another node, or of the same where there is no other. */
async function traceOf(bench: Bench): Promise<Trace | undefined> {
  const namespaces = (await Promise.all(bench.topology.nodes.map(({ name }) => bench.namespaces(name)))).flat()
  const pods = namespaces.filter(namespace => !namespace.own && namespace.named !== undefined && addressOf(namespace) !== undefined)
  const [from] = pods
  const to = pods.find(pod => pod.node !== from?.node) ?? pods.find(pod => pod !== from)
  const address = to === undefined ? undefined : addressOf(to)
  if (from === undefined || address === undefined) return undefined
  const trace = await bench.trace?.({ from: from.place.name, to: address, protocol: 'icmp' })
  return trace?.outcome === 'answered' ? trace : undefined
}

function addressOf(namespace: Namespace): string | undefined {
  return namespace.links.filter(link => link.name !== 'lo').flatMap(link => link.addresses).map(held => held.split('/')[0]).find(held => held?.includes('.'))
}

async function recordFault(loaded: LoadedLab, { step, name, deed }: Fault, nodes: readonly Node[]): Promise<FaultRecord> {
  await bringToEnd(loaded, step, nodes)
  await deed(shells(nodes))
  const traces: Trace[] = []
  // What the checks themselves ask for, to explain what they found.
  const bench = (): Promise<Bench> => {
    const own = makeBench(nodes, loaded.topology)
    return Promise.resolve({
      ...own,
      trace: async probe => {
        if (own.trace === undefined) throw new CouldNotLook('this bench follows no packets')
        const trace = await own.trace(probe)
        traces.push(trace)
        return trace
      },
    })
  }
  const checks = stepsOf(loaded).find(({ text }) => text.id === step)?.step.checks ?? []
  // That all holds still is no reason to look no more.
  const judged = await judgeAll(checks, bench, { patienceMs: FAULT_MS, leastMs: LOOK_MS, enough: () => false })
  return {
    step, name, observed: await observe(nodes, loaded.topology), trace: traces.findLast(({ cause }) => cause !== undefined),
    failing: judged.flatMap(({ claim, verdict }) => verdict.status === 'fail' ? [{ claim, because: verdict.because, grids: verdict.table ?? [] }] : []),
  }
}
