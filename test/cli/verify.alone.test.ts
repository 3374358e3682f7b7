import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DoctorReport } from '../../runner/cli/commands/doctor.ts'
import type { LabProof } from '../../runner/engine/proof.ts'
import { listLabs } from '../../runner/engine/course.ts'
import { course } from '../helpers/course.ts'
import { hostState } from '../helpers/host.ts'
import { labIn, root } from '../helpers/lab.ts'
import { providersHere } from '../helpers/providers.ts'

interface Report {
  readonly labs: readonly LabProof[]
  readonly mutants: number
  readonly killed: number
}

/**
 * Nodes are the same programs on both providers, so a mistake that only one of them shows is rare. All ways are tried on the first;
 * on the other the printed commands, and every third of the rest. Which of them changes with the day, so that three days have seen all.
 */
const OF = 3
const today = 1 + Math.floor(Date.now() / 86_400_000) % OF

for (const [index, { name: provider, because }] of (await providersHere()).entries()) {
  const part = index === 0 ? undefined : `${today}/${OF}`
  const wrong = part === undefined ? 'every wrong way' : `each wrong way of part ${part}`
  test(`${provider}: every lab of the course is proven, and ${wrong} is refused by the claim that names its mistake`, { timeout: 2_400_000 }, async ({ skip }) => {
    if (because !== undefined) skip(because)
    const lab = labIn()
    const before = await hostState(lab.home)
    const ran = await lab.run('verify', '--all', '--provider', provider, ...(part === undefined ? [] : ['--ways', part]), '--json', '--junit', join(lab.home, 'junit.xml'))
    const report = JSON.parse(ran.stdout) as Report
    expect(report.labs.map(({ id, status, steps, leaks }) => ({ id, status, because: steps.flatMap(step => step.because), leaks })))
      .toEqual(listLabs(root).map(({ slug }) => ({ id: slug, status: 'proven', because: [], leaks: [] })))
    expect(report.mutants).toBeGreaterThan(part === undefined ? 1000 : 1000 / OF)
    expect(report.killed).toBe(report.mutants)
    expect(ran.code).toBe(0)
    expect(readFileSync(join(lab.home, 'junit.xml'), 'utf8')).toMatch(/<testsuite name="05-static-routes" tests="\d+" failures="0"/)
    expect(await hostState(lab.home)).toEqual(before)
  })
}

const LESSON = `---
title: A room
minutes: 10
topology: one-node
---
Why.

## Make it {#make}

\`\`\`sh node1
ip netns add red
\`\`\`

## Leave it {#leave}
`

/** A lab whose proof must fail, for each promise that a proof makes. */
function unproven(step: string): string {
  return `import { defineLab, pass, fail } from 'hardway/lab'
let looks = 0
const named = name => ({ claim: name + ' is there', look: async bench => {
  const all = await bench.namespaces('node1')
  const found = all.find(one => one.named === name)
  return found ? pass(found.evidence) : fail('no ' + name, all[0].evidence)
} })
const always = { claim: 'always', look: async bench => pass((await bench.namespaces('node1'))[0].evidence) }
const touches = { claim: 'touches', look: async bench => {
  const seen = await bench.place('node1').exec(['ip', 'link', 'add', 'made' + looks++, 'type', 'bridge'])
  return named('red').look(bench)
} }
const never = { claim: 'never', look: async () => { throw new Error('no tool') } }
export default defineLab({ steps: {
  make: ${step},
  leave: { checks: [named('red')], hints: ['?'], alreadyTrue: 'it stays' },
} })
`
}

const CASES: readonly (readonly [string, string, RegExp])[] = [
  ['a check that cannot fail', '{ checks: [always] }', /fresh nodes pass/],
  ['a check that no solution passes', "{ checks: [named('blue')] }", /the solution does not pass: blue is there/],
  ['a check that changes what it looks at', '{ checks: [touches] }', /looking changed the nodes: node1 has got "\d+: made/],
  ['a check that could not look', '{ checks: [never] }', /fresh nodes could not be judged: never \(no tool\)/],
  ['a wrong way that passes', "{ checks: [named('red')], mutants: { m: { refusedBy: 'red is there', instead: ({ node1 }) => node1`ip netns add red` } } }", /the wrong way "m" passes/],
  ['a wrong way that another claim refuses', "{ checks: [named('red'), always], mutants: { m: { refusedBy: 'always', instead: ({ node1 }) => node1`true` } } }", /"m" is refused, but not by the claim that names its mistake/],
  ['a wrong way that dies of a typo', "{ checks: [named('red')], mutants: { m: { refusedBy: 'red is there', instead: ({ node1 }) => node1`ip nets add red` } } }", /"m" could not be judged: .*nets/],
  ['a right way that is refused', "{ checks: [named('red')], alternatives: { a: ({ node1 }) => node1`ip netns add blue` } }", /the right way "a" is refused: red is there/],
]

test('a proof fails for a step that undoes an earlier one, and says so', async ({ skip }) => {
  const [embedded] = await providersHere()
  if (embedded?.because !== undefined) skip(embedded.because)
  const lesson = LESSON.replace('## Leave it', '## Move it {#move}\n\n```sh node1\nip netns del red\nip netns add blue\n```\n\n## Leave it')
  const steps = unproven("{ checks: [named('red')] }").replace('leave: {', "move: { checks: [named('blue')] },\n  leave: {").replace("checks: [named('red')], hints", "checks: [named('blue')], hints")
  const lab = labIn({ LAB_COURSE: course({ 'labs/01-room/lesson.md': lesson, 'labs/01-room/lab.ts': steps }) })
  const ran = await lab.run('verify', '--all', '--json')
  const report = JSON.parse(ran.stdout) as Report
  expect(report.labs[0]?.steps.flatMap(step => step.because), ran.stderr).toEqual(['at the end of the lab, step make does not hold any more: red is there (no red)'])
  expect(ran.code).toBe(1)
})

for (const [title, step, says] of CASES) {
  test(`a proof fails for ${title}, and says so`, async ({ skip }) => {
    const [embedded] = await providersHere()
    if (embedded?.because !== undefined) skip(embedded.because)
    const lab = labIn({ LAB_COURSE: course({ 'labs/01-room/lesson.md': LESSON, 'labs/01-room/lab.ts': unproven(step) }) })
    const ran = await lab.run('verify', '--all', '--json')
    const report = JSON.parse(ran.stdout) as Report
    expect(report.labs[0]?.status, ran.stderr).toBe('failed')
    expect(report.labs[0]?.steps[0]?.because.join('\n')).toMatch(says)
    expect(ran.code).toBe(1)
    expect((await lab.run('verify', '--all')).stdout).toMatch(says)
  })
}

test('what changed once, while it was looked at, was not changed by looking', async ({ skip }) => {
  const [embedded] = await providersHere()
  if (embedded?.because !== undefined) skip(embedded.because)
  // On fresh nodes, by the solution, and then while the nodes are compared.
  const steps = unproven('{ checks: [touches] }').replace("const seen = await", "if (looks++ === 2) await").replace("'made' + looks++", "'made'")
  expect(steps).toContain("if (looks++ === 2) await bench.place('node1').exec(['ip', 'link', 'add', 'made',")
  const lab = labIn({ LAB_COURSE: course({ 'labs/01-room/lesson.md': LESSON, 'labs/01-room/lab.ts': steps }) })
  const ran = await lab.run('verify', '--all', '--json')
  const report = JSON.parse(ran.stdout) as Report
  expect(report.labs[0]?.steps[0]?.because, ran.stderr).toEqual([])
  expect(ran.code).toBe(0)
})

test('a solution that could not be looked at is tried on fresh nodes once more, as every other way is; what was refused is not', async ({ skip }) => {
  const [embedded] = await providersHere()
  if (embedded?.because !== undefined) skip(embedded.because)
  for (const [first, proven] of [["throw new Error('a busy machine')", true], ["return fail('it is not', (await bench.namespaces('node1'))[0].evidence)", false]] as const) {
    // A trial begins on fresh nodes, where nobody is. The last step, which is tried beside this one, does not ask at its end whether this one still
    // holds: while this one waits for its second trial it would hear that it does not.
    const steps = unproven("{ checks: [named('red'), once] }").replace("alreadyTrue: 'it stays'", "alreadyTrue: 'it stays', replaces: ['make']").replace('const always', `let trials = 0
const once = { claim: 'once', look: async bench => {
  if ((await named('red').look(bench)).status === 'fail') trials++
  else if (trials === 1) ${first}
  return pass((await bench.namespaces('node1'))[0].evidence)
} }
const always`)
    const lab = labIn({ LAB_COURSE: course({ 'labs/01-room/lesson.md': LESSON, 'labs/01-room/lab.ts': steps }) })
    const ran = await lab.run('verify', '--all', '--json')
    const report = JSON.parse(ran.stdout) as Report
    expect(report.labs[0]?.steps[0]?.because, ran.stderr).toEqual(proven ? [] : ['the solution does not pass: once (it is not)'])
    expect(report.labs[0]?.status).toBe(proven ? 'proven' : 'failed')
  }
})

test('a wrong way whose own claim could not look is tried on fresh nodes once more, though others refuse it', async ({ skip }) => {
  const [embedded] = await providersHere()
  if (embedded?.because !== undefined) skip(embedded.because)
  const steps = unproven("{ checks: [named('red'), late], mutants: { m: { refusedBy: 'late', instead: ({ node1 }) => node1`ip netns add blue` } } }").replace('const always', `let busy = true
const late = { claim: 'late', look: async bench => {
  if (busy && (await named('blue').look(bench)).status === 'pass') {
    busy = false
    throw new Error('a busy machine')
  }
  return named('red').look(bench)
} }
const always`)
  const lab = labIn({ LAB_COURSE: course({ 'labs/01-room/lesson.md': LESSON, 'labs/01-room/lab.ts': steps }) })
  const ran = await lab.run('verify', '--all', '--json')
  const report = JSON.parse(ran.stdout) as Report
  expect(report.labs[0]?.steps[0], ran.stderr).toMatchObject({ because: [], mutants: [{ name: 'm', status: 'refused', by: ['late'] }] })
  expect(ran.code).toBe(0)
})

test('an answer that could not be graded is asked for on fresh nodes once more', async ({ skip }) => {
  const [embedded] = await providersHere()
  if (embedded?.because !== undefined) skip(embedded.because)
  const lesson = LESSON.replace('## Leave it', '```answer name\nWhat is it called?\n```\n\n## Leave it')
  const steps = unproven(`{ checks: [named('red')], answers: { name: { wrong: ['blue'], right: async () => {
    if (looks++ === 0) throw new Error('a busy machine')
    return 'red'
  }, grade: async (bench, value) => named(value).look(bench) } } }`)
  const lab = labIn({ LAB_COURSE: course({ 'labs/01-room/lesson.md': lesson, 'labs/01-room/lab.ts': steps }) })
  const ran = await lab.run('verify', '--all', '--json')
  const report = JSON.parse(ran.stdout) as Report
  expect(report.labs[0]?.steps[0], ran.stderr).toMatchObject({ because: [], answers: [{ name: 'name', right: true, accepted: [] }] })
  expect(ran.code).toBe(0)
})

test('a lab that needs what the kernel lacks is skipped with the reason, which is neither proven nor failed', async ({ skip }) => {
  const [embedded] = await providersHere()
  if (embedded?.because !== undefined) skip(embedded.because)
  const { features } = JSON.parse((await labIn().run('doctor', '--json')).stdout) as DoctorReport
  // Which one that is differs from machine to machine; few kernels have all.
  const lacking = features.find(({ status }) => status === 'missing')?.name
  if (lacking === undefined) skip('this kernel lacks nothing that the course knows of')
  const lab = labIn({ LAB_COURSE: course({
    'labs/01-room/lesson.md': LESSON.replace('topology: one-node', `topology: one-node\nrequires: [${lacking}]`), 'labs/01-room/lab.ts': unproven("{ checks: [named('red')] }"),
  }) })
  const ran = await lab.run('verify', '--all', '--provider', 'embedded', '--json')
  expect(ran.code, ran.stderr).toBe(3)
  expect(JSON.parse(ran.stdout)).toMatchObject({ labs: [{ id: '01-room', status: 'skipped', because: `nodes here lack ${lacking}`, steps: [] }], mutants: 0, killed: 0 })
})
