// What may be written of a proof, from a report of `lab verify 01 09 --jobs 2 --json` that was recorded.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { listed, says, seenIn, stillSo, type Listed, type Proven } from '../../docs/proven.ts'
import { proven } from '../../docs/readme.ts'
import type { Report } from '../../runner/cli/commands/verify.ts'
import { featureNames } from '../../runner/cli/features.ts'
import type { LabProof, StepProof } from '../../runner/engine/proof.ts'
import { listLabs, loadLab, projectRoot } from '../../runner/engine/course.ts'

const report = JSON.parse(readFileSync(fileURLToPath(new URL('report.json', import.meta.url)), 'utf8')) as Report
/** What these two labs had when it was recorded. */
const then: ReadonlyMap<string, Listed> = new Map([
  ['01-first-netns', { rightWays: 12, wrongWays: 28, questions: 3 }],
  ['09-encrypted-overlay', { rightWays: 15, wrongWays: 39, questions: 4 }],
])

const at = { date: '2026-01-02', machine: '2 processors, 24 GiB of memory, Linux 6.18' }
const seenOf = (from: Report): Proven => Object.fromEntries([...then].map(([slug, now]) => [slug, seenIn(from, slug, now, at)]))

test('a report of labs that are proven in every part is written', () => {
  const seen = seenOf(report)
  expect(seen['01-first-netns']).toMatchObject({ rightWays: 12, wrongWays: 28, questions: 3, provider: 'embedded', ...at })
  expect(seen['09-encrypted-overlay']?.skipped).toEqual(['"in the kernel" of 09: nodes here lack wireguard'])
  const minutes = Math.round(Object.values(seen).reduce((sum, { seconds }) => sum + seconds, 0) / 60)
  expect(says(seen, then).replaceAll('\n', ' ')).toBe(`On 2026-01-02 \`npm run proof\`, which runs \`npx lab verify --all --jobs 2\`, proved the whole course, ${minutes} minutes for 2 labs: `
    + '67 of 67 wrong ways were refused by the claim that names the mistake, 26 of 27 other right ways were accepted, and 7 questions took the right answer and no wrong one. '
    + 'Provider embedded; 2 processors, 24 GiB of memory, Linux 6.18. The last column has the seconds of each lab. `npm run proof 05` proves one again. '
    + 'Not tried there: "in the kernel" of 09: nodes here lack wireguard.')
})

describe('nothing is written of', () => {
  const first = (change: (lab: LabProof) => LabProof): Report => ({ ...report, labs: report.labs.map((lab, index) => index === 0 ? change(lab) : lab) })
  const firstStep = (change: (step: StepProof) => StepProof): Report => first(lab => ({ ...lab, steps: lab.steps.map((step, index) => index === 0 ? change(step) : step) }))
  const cases: readonly (readonly [what: string, report: Report, because: string])[] = [
    ['a lab that failed', first(lab => ({ ...lab, status: 'failed', steps: lab.steps.map((step, index) => index === 0 ? { ...step, because: ['the wrong way "m" passes'] } : step) })), '01-first-netns is not proven: the wrong way "m" passes'],
    ['a lab that left something', first(lab => ({ ...lab, status: 'failed', leaks: ['a process'] })), '01-first-netns is not proven: a process'],
    ['a lab that was skipped', first(lab => ({ ...lab, status: 'skipped', because: 'nodes here lack bpf', steps: [] })), '01-first-netns was skipped: nodes here lack bpf'],
    ['fewer labs than the course has', { ...report, labs: report.labs.slice(1) }, '01-first-netns is not in the report'],
    ['a part of the ways', { ...report, part: '1/3' }, 'only part 1/3 of the ways was tried'],
    ['fewer wrong ways than the lab lists', firstStep(step => ({ ...step, mutants: step.mutants.slice(1) })), '01-first-netns has 28 wrong ways, and 27 were tried'],
    ['fewer questions', first(lab => ({ ...lab, steps: lab.steps.map(step => ({ ...step, answers: [] })) })), '01-first-netns has 3 questions, and 0 were tried'],
    ['a wrong way that survived, though it says that all is proven', firstStep(step => ({ ...step, mutants: step.mutants.map((one, index) => index === 0 ? { ...one, name: 'm', status: 'survived' } : one) })), '01-first-netns is said to be proven, and is not: m'],
  ]
  for (const [what, wrong, because] of cases) test(what, () => expect(() => seenOf(wrong)).toThrow(because))
})

test('a lab that has got one more wrong way since, or that no proof proved, is not called proven', () => {
  const seen = seenOf(report)
  const now = new Map([...then, ['01-first-netns', { rightWays: 12, wrongWays: 29, questions: 3 }]])
  expect(stillSo(seen['01-first-netns'], { rightWays: 12, wrongWays: 28, questions: 3 })).toBe(true)
  expect(stillSo(seen['01-first-netns'], { rightWays: 12, wrongWays: 29, questions: 3 })).toBe(false)
  expect(says(seen, now)).toMatch(/proved 1 of 2 labs as they are now, .*\n39 of 39 wrong ways .*(.*\n)*Not proven by it as they are now: 01\. `npm run proof 01` does that\.$/)
  expect(says(seen, then)).not.toMatch('Not proven')
  expect(says({}, then)).toMatch(/nobody has run it\.$/)
})

test('what is kept names labs that are there', async () => {
  const slugs = listLabs(projectRoot).map(({ slug }) => slug)
  expect(Object.keys(proven()).filter(slug => !slugs.includes(slug))).toEqual([])
  expect(listed(await loadLab(projectRoot, '01-first-netns', { features: featureNames })).wrongWays).toBeGreaterThan(20)
})
