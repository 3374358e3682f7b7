// Whether lesson.md and lab.ts say the same. A lab.ts comes from JavaScript, so that its shape is
// looked at too: types were perhaps never checked.
import type { Block, Lesson, LessonStep } from './lesson.ts'
import { locate } from './locate.ts'
import { Mistake, type MistakeText, type Position } from './mistake.ts'
import { nearestOf, oneOf, quoted } from './quoted.ts'
import type { Topology } from './topology.ts'

export interface LabSource {
  readonly file: string
  readonly text: string
}

type Fields = Readonly<Record<string, unknown>>

/** What each part of a lab.ts may have; CONTRIBUTING.md says what it is. */
const labKeys = ['setup', 'steps']
const stepKeys = ['checks', 'hints', 'solution', 'alternatives', 'mutants', 'answers', 'replaces', 'alreadyTrue']
const alternativeKeys = ['requires', 'instead']
const mutantKeys = ['refusedBy', 'instead', 'after']
const answerKeys = ['grade', 'right', 'wrong']
export const LAB_KEYS: readonly string[] = [...labKeys, ...stepKeys, ...alternativeKeys, ...mutantKeys, ...answerKeys]
const deed = '({ node1 }) => node1`ip route add 10.244.2.0/24 via 192.168.1.13`'

/** Everything in which they differ. `lab` is what lab.ts exports by default; `features` are the names that a `requires` may have. */
export function disagreements(lesson: Lesson, lab: unknown, topology: Topology, labSource: LabSource, features?: readonly string[]): Mistake[] {
  const report = new Report(labSource)
  placesExist(report, lesson, topology)
  answersAreUnique(report, lesson)
  featuresExist(report, lesson.requiresAt, lesson.requires, features)
  nodesAreRequired(report, lesson, topology)
  if (!isObject(lab)) {
    report.lab([], { what: 'there is no default export', expected: 'a lab', example: 'export default defineLab({ steps: {} })' })
    return report.mistakes
  }
  onlyKnownKeys(report, lab, [], labKeys)
  optionalFunction(report, lab, ['setup'])
  if (!isObject(lab.steps)) {
    report.lab(['steps'], { what: 'the lab has no `steps`', expected: 'an entry for each step of the lesson', example: "steps: { 'route-out': { checks: [] } }" })
    return report.mistakes
  }
  const ids = lesson.steps.map(step => step.id)
  for (const step of lesson.steps) {
    const entry = lab.steps[step.id]
    if (isObject(entry)) stepAgrees(report, step, entry, features, ids.slice(0, ids.indexOf(step.id)))
    else if (Object.hasOwn(lab.steps, step.id)) report.lab(['steps', step.id], { what: `step ${quoted(step.id)} is no object`, expected: 'its checks', example: `'${step.id}': { checks: [] }` })
    else report.at(step.at, { what: `step ${quoted(step.id)} has no entry in ${labSource.file}`, expected: 'one under `steps`', example: `'${step.id}': { checks: [] }` })
  }
  for (const id of Object.keys(lab.steps)) {
    if (!ids.includes(id)) report.lab(['steps', id], { what: `no step of the lesson has the id ${quoted(id)}`, expected: nearestOf(id, ids) })
  }
  return report.mistakes
}

class Report {
  readonly mistakes: Mistake[] = []
  readonly #source: LabSource
  constructor(source: LabSource) {
    this.#source = source
  }

  at(at: Position, text: MistakeText): void {
    this.mistakes.push(new Mistake(at, text))
  }

  /** At a key of lab.ts, given with the keys around it. */
  lab(path: readonly string[], text: MistakeText): void {
    this.at({ file: this.#source.file, ...locate(this.#source.text, path) }, text)
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

/** The commands and files that a step prints as its solution. */
export function printedSolution(step: LessonStep): readonly Block[] {
  return step.blocks.filter(block => block.kind === 'file' || (block.kind === 'command' && !block.look))
}

function placesExist(report: Report, lesson: Lesson, topology: Topology): void {
  const names = topology.nodes.map(node => node.name)
  for (const block of lesson.steps.flatMap(step => step.blocks)) {
    if (block.kind === 'answer') continue
    const node = block.kind === 'file' ? block.node : (block.place.split('/')[0] ?? '')
    if (!names.includes(node)) report.at(block.at, { what: `the topology has no node ${quoted(node)}`, expected: nearestOf(node, names) })
  }
}

function answersAreUnique(report: Report, lesson: Lesson): void {
  const first = new Map<string, Position>()
  for (const block of lesson.steps.flatMap(step => step.blocks)) {
    if (block.kind !== 'answer') continue
    const before = first.get(block.name)
    if (before) report.at(block.at, { what: `answer ${quoted(block.name)} is asked for already, on line ${before.line}`, expected: 'another name' })
    else first.set(block.name, block.at)
  }
}

/** Where a machine cannot give a node what it asks for, the lab is to be skipped with that as the reason, and not to fail. Components are given where they are there. */
function nodesAreRequired(report: Report, { requires, requiresAt }: Lesson, { nodes }: Topology): void {
  const needs = (feature: string, key: string, name: string | undefined): void => {
    if (name === undefined || requires.includes(feature)) return
    report.at(requiresAt, { what: `${quoted(name)} has ${quoted(key)}, and the lesson does not require ${quoted(feature)}`, expected: 'it among the features', example: `requires: [${[...requires, feature].join(', ')}]` })
  }
  needs('bpf', 'bpf: true', nodes.find(({ bpf }) => bpf === true)?.name)
  needs('containers', 'role: kubelet', nodes.find(({ role }) => role === 'kubelet')?.name)
}

function featuresExist(report: Report, at: Position | readonly string[], names: readonly string[], features: readonly string[] | undefined): void {
  for (const name of names) {
    if (features === undefined || features.includes(name)) continue
    const text = { what: `no kernel feature or component is called ${quoted(name)}`, expected: nearestOf(name, features) }
    if ('line' in at) report.at(at, text)
    else report.lab(at, text)
  }
}

function onlyKnownKeys(report: Report, fields: Fields, path: readonly string[], known: readonly string[]): void {
  for (const key of Object.keys(fields)) {
    if (!known.includes(key)) report.lab([...path, key], { what: `unknown key ${quoted(key)}`, expected: nearestOf(key, known) })
  }
}

/** Whether the function is there; anything else in its place is a mistake. */
function optionalFunction(report: Report, fields: Fields, path: readonly string[]): boolean {
  const key = path.at(-1) ?? ''
  const value = fields[key]
  if (value !== undefined && typeof value !== 'function') report.lab(path, { what: `${quoted(key)} is no function`, expected: 'one that gets the nodes', example: deed })
  return value !== undefined
}

function stepAgrees(report: Report, step: LessonStep, entry: Fields, features: readonly string[] | undefined, earlier: readonly string[]): void {
  const path = ['steps', step.id]
  onlyKnownKeys(report, entry, path, stepKeys)
  const claims = checksOf(report, entry, path)
  hintsSaySomething(report, entry, path)
  oneSolution(report, step, entry, path)
  alternativesDo(report, entry, path, features)
  mutantsAreRefused(report, entry, path, claims)
  answersAreGraded(report, step, entry, path)
  replacesEarlier(report, entry, path, earlier)
}

function replacesEarlier(report: Report, entry: Fields, path: readonly string[], earlier: readonly string[]): void {
  const { replaces } = entry
  if (replaces === undefined) return
  const at = [...path, 'replaces']
  if (!Array.isArray(replaces)) return report.lab(at, { what: '`replaces` is no list', expected: 'ids of earlier steps', example: "replaces: ['route-out']" })
  for (const id of replaces) {
    if (!earlier.includes(id)) report.lab(at, { what: `no earlier step has the id ${quoted(String(id))}`, expected: earlier.length === 0 ? 'none: the first step has no earlier ones' : nearestOf(String(id), earlier) })
  }
}

/** The claims of the step's checks. */
function checksOf(report: Report, entry: Fields, step: readonly string[]): readonly string[] {
  const path = [...step, 'checks']
  const { checks } = entry
  if (!Array.isArray(checks) || checks.length === 0) {
    report.lab(path, { what: `step ${quoted(step[1] ?? '')} has no check`, expected: 'one at least', example: "checks: [routeVia('node1', '10.244.2.2', '192.168.1.12')]" })
    return []
  }
  const claims: string[] = []
  for (const check of checks as readonly unknown[]) {
    if (!isObject(check) || !isText(check.claim) || typeof check.look !== 'function') {
      report.lab(path, { what: `check ${claims.length + 1} of step ${quoted(step[1] ?? '')} is none`, expected: 'a claim and a look', example: "{ claim: 'node1 has a route', look: async bench => … }" })
    } else if (check.deadlineMs !== undefined && !(Number.isSafeInteger(check.deadlineMs) && Number(check.deadlineMs) > 0)) {
      report.lab(path, { what: `\`deadlineMs\` of the check ${quoted(check.claim)} is ${JSON.stringify(check.deadlineMs) }`, expected: 'milliseconds', example: 'deadlineMs: 60_000' })
    } else if (claims.includes(check.claim)) {
      report.lab(path, { what: `two checks claim ${quoted(check.claim)}`, expected: 'claims that differ' })
    } else claims.push(check.claim)
  }
  return claims
}

function hintsSaySomething(report: Report, entry: Fields, step: readonly string[]): void {
  const { hints = [] } = entry
  const path = [...step, 'hints']
  const good = (hint: unknown) => isText(hint) || typeof hint === 'function'
  if (!Array.isArray(hints)) report.lab(path, { what: '`hints` is no list', expected: 'a list of texts', example: "hints: ['Ask node1 itself: `ip route get 10.244.2.2`.']" })
  else for (const [index, hint] of hints.entries()) {
    if (!good(hint)) report.lab(path, { what: `hint ${index + 1} is empty`, expected: 'a text', example: 'Ask node1 itself: `ip route get 10.244.2.2`.' })
  }
}

function oneSolution(report: Report, step: LessonStep, entry: Fields, path: readonly string[]): void {
  const printed = printedSolution(step)[0]
  const solved = optionalFunction(report, entry, [...path, 'solution'])
  const { alreadyTrue } = entry
  if (alreadyTrue !== undefined && !isText(alreadyTrue)) {
    report.lab([...path, 'alreadyTrue'], { what: '`alreadyTrue` gives no reason', expected: 'why the step is true from the start', example: "alreadyTrue: 'the kernel makes this route with the address'" })
  }
  if (printed && solved) {
    report.lab([...path, 'solution'], { what: `step ${quoted(step.id)} has two solutions: this one, and the commands that the lesson prints (line ${printed.at.line})`, expected: 'one of them' })
  } else if (!printed && !solved && alreadyTrue === undefined) {
    report.lab(path, { what: `step ${quoted(step.id)} has no solution, and the lesson prints no commands (line ${step.at.line})`, expected: 'either of them, or `alreadyTrue`', example: `solution: ${deed}` })
  }
}

/** The named entries of a part of a step. */
function entriesOf(report: Report, entry: Fields, path: readonly string[], example: string): readonly [string, unknown][] {
  const key = path.at(-1) ?? ''
  const value = entry[key] ?? {}
  if (isObject(value)) return Object.entries(value)
  report.lab(path, { what: `${quoted(key)} is no object`, expected: 'an entry for each', example })
  return []
}

function alternativesDo(report: Report, entry: Fields, step: readonly string[], features: readonly string[] | undefined): void {
  const path = [...step, 'alternatives']
  const example = `'one wider route': ${deed}`
  for (const [name, alternative] of entriesOf(report, entry, path, example)) {
    const here = [...path, name]
    if (typeof alternative === 'function') continue
    if (!isObject(alternative) || typeof alternative.instead !== 'function') {
      report.lab(here, { what: `alternative ${quoted(name)} does nothing`, expected: 'a function, or one as `instead`', example })
      continue
    }
    onlyKnownKeys(report, alternative, here, alternativeKeys)
    const { requires = [] } = alternative
    if (Array.isArray(requires) && requires.every(isText)) featuresExist(report, [...here, 'requires'], requires, features)
    else report.lab([...here, 'requires'], { what: '`requires` is no list of names', expected: 'kernel features or components', example: "requires: ['vxlan']" })
  }
}

function mutantsAreRefused(report: Report, entry: Fields, step: readonly string[], claims: readonly string[]): void {
  const path = [...step, 'mutants']
  const example = `'wrong neighbour': { refusedBy: '…', instead: ${deed} }`
  for (const [name, mutant] of entriesOf(report, entry, path, example)) {
    const here = [...path, name]
    if (!isObject(mutant)) {
      report.lab(here, { what: `mutant ${quoted(name)} is no object`, expected: 'what it does, and the claim that refuses it', example })
      continue
    }
    onlyKnownKeys(report, mutant, here, mutantKeys)
    if (!isText(mutant.refusedBy)) {
      report.lab(here, { what: `mutant ${quoted(name)} has no \`refusedBy\``, expected: claims.length > 0 ? oneOf(claims) : 'a claim of the step' })
    } else if (claims.length > 0 && !claims.includes(mutant.refusedBy)) {
      report.lab([...here, 'refusedBy'], { what: `no check of step ${quoted(step[1] ?? '')} claims ${quoted(mutant.refusedBy)}`, expected: nearestOf(mutant.refusedBy, claims) })
    }
    const deeds = ['instead', 'after'].filter(key => optionalFunction(report, mutant, [...here, key]))
    if (deeds.length !== 1) {
      const what = deeds.length === 0 ? 'does nothing' : 'has both `instead` and `after`'
      report.lab(here, { what: `mutant ${quoted(name)} ${what}`, expected: '`instead` of the solution, or `after` it', example: `instead: ${deed}` })
    }
  }
}

function answersAreGraded(report: Report, step: LessonStep, entry: Fields, stepPath: readonly string[]): void {
  const path = [...stepPath, 'answers']
  const example = "pid: { grade: async (bench, value) => …, right: async bench => …, wrong: ['1'] }"
  const graders = entriesOf(report, entry, path, example)
  const asked = step.blocks.filter(block => block.kind === 'answer')
  for (const block of asked) {
    if (!graders.some(([name]) => name === block.name)) {
      report.at(block.at, { what: `answer ${quoted(block.name)} has no grader`, expected: `one under \`answers\` of step ${quoted(step.id)}`, example })
    }
  }
  for (const [name, answer] of graders) {
    const here = [...path, name]
    if (!asked.some(block => block.name === name)) {
      report.lab(here, { what: `step ${quoted(step.id)} of the lesson does not ask for ${quoted(name)}`, expected: `a fence for it (\`\`\`answer ${name})` })
    }
    if (!isObject(answer) || typeof answer.grade !== 'function' || typeof answer.right !== 'function' || !Array.isArray(answer.wrong) || answer.wrong.length === 0 || !answer.wrong.every(isText)) {
      report.lab(here, { what: `the grader of ${quoted(name)} is not complete`, expected: '`grade`, `right` and at least one `wrong`', example })
    } else onlyKnownKeys(report, answer, here, answerKeys)
  }
}
