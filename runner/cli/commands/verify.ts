import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Usage } from '../../core/mistake.ts'
import { listLabs, resolveLab } from '../../engine/course.ts'
import { instancesOf, limiter } from '../../engine/limit.ts'
import { prove, type LabProof } from '../../engine/proof.ts'
import { works } from '../../engine/session.ts'
import { cache, chosenProvider, load, root } from '../context.ts'
import { nodesHave } from '../features.ts'
import { interruptible } from '../interrupt.ts'
import { junit } from '../junit.ts'
import { coloured, json, paint, plain, remark } from '../print.ts'
import { progressOn } from '../progress.ts'

/** A bench mostly waits: for the kernel to take links and namespaces apart, and for answers that do not come. */
export const BENCHES_PER_PROCESSOR = 4

/** After an interrupt all benches are taken away, and have long been by then. */
const ALL_DOWN_MS = 20_000

export interface VerifyOptions {
  readonly all?: true
  readonly provider?: string
  readonly jobs?: string
  readonly shard?: string
  readonly ways?: string
  readonly junit?: string
  readonly json?: true
}

export async function verify(names: readonly string[], options: VerifyOptions): Promise<number> {
  if (names.length > 0 && options.all) throw new Usage('either labs or --all')
  if (names.length === 0 && !options.all) throw new Usage('name the labs to prove, or --all')
  const jobs = numberOf(options.jobs ?? String(BENCHES_PER_PROCESSOR * availableParallelism()), '--jobs', 'a number of 1 or more')
  const named = options.all ? listLabs(root) : await Promise.all(names.map(name => resolveLab(root, name)))
  const labs = await Promise.all(partOf(named, options.shard, '--shard').map(({ slug }) => load(slug)))
  // Before anything is started: a mistake in it is the caller's.
  partOf([], options.ways, '--ways')
  const provider = await chosenProvider(options.provider)
  if (provider.name === 'kind') throw new Usage('no lab is proved on kind: a proof compares nodes before and after each look, and a cluster never stands still')
  await works(provider)
  const progress = progressOn(process.stderr)
  const started = performance.now()
  const proofs = await interruptible(() => provider.prepare(progress)).then(() => interruptible(async signal => {
    await provider.leftovers({ remove: true })
    // All that any of them may need, of nodes that are started once for it.
    const asked = labs.flatMap(({ lesson, lab }) => [...lesson.requires, ...Object.values(lab.steps).flatMap(step =>
      Object.values(step.alternatives ?? {}).flatMap(way => typeof way === 'function' ? [] : way.requires ?? []))])
    const have = asked.length === 0 ? new Set<string>() : await nodesHave(provider, [...new Set(asked)], cache, signal)
    // One limit for all labs: a bench that waits in one lab lets another's run.
    const limit = limiter(jobs)
    const parts = new Set<string>()
    const all = labs.flatMap(({ lab }) => Object.values(lab.steps)).reduce((sum, step) =>
      sum + 1 + [step.alternatives, step.mutants].reduce((some, ways) => some + partOf(Object.keys(ways ?? {}), options.ways, '--ways').length, 0), 0)
    return Promise.all(labs.map(async (loaded, turn) => {
      const proof = await prove(loaded, {
        provider, signal, features: names => names.filter(name => have.has(name)), tried: ways => partOf(ways, options.ways, '--ways'),
        // Lab after lab, so that each is told of as soon as it can be; the next begins while the last benches of one are waited for.
        limit: work => limit(work, { turn, instances: instancesOf(loaded.topology) }),
        onPart: what => {
          const again = parts.has(what)
          parts.add(what)
          progress.say(`${parts.size} of ${all}: ${what}${again ? ', once more' : ''}`)
        },
      })
      // What had no nodes any more has proven nothing.
      signal.throwIfAborted()
      progress.above(() => print(proof, options.json ? process.stderr : process.stdout))
      return proof
    }))
  }, ALL_DOWN_MS)).finally(() => progress.end(''))
  const report = reportOf(proofs, performance.now() - started, options.ways)
  if (options.junit !== undefined) writeFileSync(options.junit, junit(proofs))
  if (options.json) json(report)
  remark(summary(report))
  if (proofs.some(({ status }) => status === 'failed')) return 1
  return proofs.every(({ status }) => status === 'proven') ? 0 : 3
}

export interface Report {
  readonly labs: readonly LabProof[]
  /** Wrong ways that were tried, and those of them that were refused as they must be. */
  readonly mutants: number
  readonly killed: number
  readonly ms: number
  /** `2/3`: beside the printed commands, only that part of each step's ways, right and wrong, was tried. */
  readonly part?: string
}

/** What `lab verify --json` promises. A skipped lab is not proven: it makes the exit status 3. */
export function reportOf(proofs: readonly LabProof[], ms: number, part?: string): Report {
  const mutants = proofs.flatMap(({ steps }) => steps.flatMap(step => step.mutants))
  return { labs: proofs, mutants: mutants.length, killed: mutants.filter(({ status }) => status === 'refused').length, ms: Math.round(ms), ...(part === undefined ? {} : { part }) }
}

/** Dealt out in turn: so each part has early, small labs and late, large ones, and wrong ways of each kind. */
export function partOf<T>(all: readonly T[], part: string | undefined, option: string): readonly T[] {
  if (part === undefined) return all
  const [, which = '', of = ''] = /^(\d+)\/(\d+)$/.exec(part) ?? []
  const [index, count] = [Number(which), Number(of)]
  if (!(index >= 1 && index <= count)) throw new Usage(`${option} takes I/N with I from 1 to N, for example 2/4, not ${JSON.stringify(part)}`)
  return all.filter((_, position) => position % count === index - 1)
}

function numberOf(text: string, option: string, expected: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Usage(`${option} takes ${expected}, not ${JSON.stringify(text)}`)
  return value
}

function print(proof: LabProof, stream: NodeJS.WriteStream): void {
  const style = paint(coloured(stream))
  const say = (line: string): boolean => stream.write(`${line}\n`)
  const colour = proof.status === 'proven' ? 'green' : proof.status === 'failed' ? 'red' : 'yellow'
  const mutants = proof.steps.flatMap(step => step.mutants)
  const tried = proof.status === 'skipped' ? '' : `, ${mutants.filter(({ status }) => status === 'refused').length} of ${mutants.length} wrong ways refused`
  say(`${style(colour, proof.status.padEnd(7))} ${proof.id}  ${style('dim', `${proof.provider}, ${took(proof.ms)}${tried}`)}${proof.because === undefined ? '' : `  ${plain(proof.because)}`}`)
  for (const step of proof.steps) for (const because of step.because) say(`        ${step.id}: ${plain(because)}`)
  for (const step of proof.steps) {
    for (const { name, because } of step.alternatives.filter(({ status }) => status === 'skipped')) {
      say(style('yellow', `        ${step.id}: "${name}" is skipped: ${because ?? ''}`))
    }
  }
  for (const leak of proof.leaks) say(`        left behind: ${plain(leak)}`)
}

function summary({ labs, mutants, killed, ms, part }: Report): string {
  const count = (status: LabProof['status']): number => labs.filter(proof => proof.status === status).length
  return `${count('proven')} proven, ${count('failed')} failed, ${count('skipped')} skipped in ${took(ms)}; ${killed} of ${mutants} wrong ways refused by the claim that names the mistake${part === undefined ? '' : `; of all there are, part ${part} was tried`}`
}

/** `41.3 s`, `24 min 21 s`. */
function took(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 100 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
