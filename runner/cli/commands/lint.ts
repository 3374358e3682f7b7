// Mistakes in lessons and labs that need no nodes to be found.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { printedSolution } from '../../core/agree.ts'
import type { Step } from '../../core/lab.ts'
import type { LessonStep } from '../../core/lesson.ts'
import { locate } from '../../core/locate.ts'
import { Mistake, Mistakes, type MistakeText } from '../../core/mistake.ts'
import { quoted } from '../../core/quoted.ts'
import { json, plain, remark, result } from '../print.ts'
import { courseRoot, listLabs, loadLab, resolveLab, type LoadedLab } from '../../engine/course.ts'

export interface Linted {
  readonly mistakes: readonly Mistake[]
  readonly labs: number
}

export async function lintCommand(names: readonly string[], options: { readonly json?: true }): Promise<number> {
  const { featureNames } = await import('../features.ts')
  const { mistakes, labs } = await lint(courseRoot(), names, { features: featureNames })
  if (options.json) json({ labs, mistakes: mistakes.map(({ at, text }) => ({ ...at, ...text })) })
  else for (const mistake of mistakes) result(plain(mistake.message))
  remark(`${labs} ${labs === 1 ? 'lab' : 'labs'}, ${mistakes.length === 0 ? 'no mistakes' : `${mistakes.length} ${mistakes.length === 1 ? 'mistake' : 'mistakes'}`}`)
  return mistakes.length === 0 ? 0 : 2
}

/** The labs that are named, or all. */
export async function lint(root: string = courseRoot(), names: readonly string[] = [], options: { readonly features?: readonly string[] } = {}): Promise<Linted> {
  const labs = names.length === 0 ? listLabs(root) : await Promise.all(names.map(name => resolveLab(root, name)))
  const mistakes: Mistake[] = []
  for (const { slug } of labs) {
    try {
      mistakes.push(...manners(await loadLab(root, slug, options), root))
    } catch (error) {
      if (!(error instanceof Mistakes)) throw error
      mistakes.push(...error.all)
    }
  }
  return { mistakes, labs: labs.length }
}

/** What every lab of the course keeps to, beyond its files agreeing. */
function manners({ dir, lesson, lab }: LoadedLab, root: string): Mistake[] {
  const mistakes: Mistake[] = []
  const path = join(dir, 'lab.ts')
  const source = readFileSync(path, 'utf8')
  const report = (keys: readonly string[], text: MistakeText) => {
    mistakes.push(new Mistake({ file: relative(root, path), ...locate(source, keys) }, text))
  }
  const last = lesson.steps.at(-1)
  const printed = last && printedSolution(last)[0]
  if (printed) mistakes.push(new Mistake(printed.at, { what: 'the last step prints commands', expected: 'a last step that leaves them to the learner, with its solution in lab.ts' }))
  const names = new Map<string, string>()
  for (const lessonStep of lesson.steps) {
    const step = lab.steps[lessonStep.id]
    if (step === undefined) continue
    hintsClimb(lessonStep, step, report)
    for (const part of ['alternatives', 'mutants'] as const) {
      for (const name of Object.keys(step[part] ?? {})) {
        const first = names.get(name)
        if (first !== undefined) report(['steps', lessonStep.id, part, name], { what: `${quoted(name)} is there already, in step ${quoted(first)}`, expected: 'a name that the lab has once' })
        else names.set(name, lessonStep.id)
      }
    }
  }
  return mistakes
}

/** From a question to the command: only the last hint may give one away. */
function hintsClimb(lessonStep: LessonStep, step: Step<string>, report: (keys: readonly string[], text: MistakeText) => void): void {
  const keys = ['steps', lessonStep.id, 'hints']
  const hints = step.hints ?? []
  if (hints.length === 0) report(keys, { what: `step ${quoted(lessonStep.id)} has no hint`, expected: 'one at least', example: "hints: ['Ask node1 itself: `ip route get 10.244.2.2`.']" })
  const commands = commandsOf(lessonStep, step)
  const claims = step.checks.map(check => check.claim)
  for (const [index, hint] of hints.slice(0, -1).entries()) {
    const texts = typeof hint === 'string' ? [hint] : [hint([]), hint(claims)]
    const given = commands.find(command => texts.some(text => squeezed(text).includes(command)))
    if (given !== undefined) report(keys, { what: `hint ${index + 1} of ${hints.length} gives ${quoted(given)} away`, expected: 'that in the last hint at the earliest' })
  }
}

/** The solution's command lines: what the lesson prints, or what the solution's source has in templates. */
function commandsOf(lessonStep: LessonStep, step: Step<string>): readonly string[] {
  const printed = lessonStep.blocks.flatMap(block => (block.kind === 'command' && !block.look ? [block.script] : []))
  const templates = [...(step.solution?.toString() ?? '').matchAll(/`([^`]*)`/g)].map(match => match[1] ?? '')
  return [...printed, ...templates]
    .flatMap(text => text.replaceAll('\\\n', ' ').split('\n'))
    .map(squeezed)
    // A single word, `done`, is no secret.
    .filter(line => line.includes(' ') && !line.startsWith('#'))
}

function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
