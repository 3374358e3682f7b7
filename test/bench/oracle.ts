// Whether the oracle of policies and the kernel agree: `npm run oracle`, or `npm run oracle -- --count 20 --seed 7`. Policies are made
// by chance; each number makes the same ones again: `--seed 7 --count 1` repeats number 7.
import { parseArgs } from 'node:util'
import { sentence } from '../../checks/measured.ts'
import { chosen } from '../helpers/chosen.ts'
import { agreementOn, byJq, smallest, type Agreement } from '../kubernetes/agreement.ts'
import { policiesOf, type ApiObject } from '../kubernetes/generated.ts'

/** Most of the time it is waited for what does not come. */
const AT_ONCE = 3
const { values } = parseArgs({ options: { count: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' }, program: { type: 'string' } } })
const [count, first] = [Number(values.count), Number(values.seed)]
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(first)) throw new Error('npm run oracle -- --count 200 --seed 1')
const provider = await chosen('embedded')
await provider.prepare({ say: text => process.stderr.write(`${text}\n`) })
const by = byJq(values.program === undefined ? undefined : new URL(values.program, `file://${process.cwd()}/`))

const since = performance.now()
const seeds = Array.from({ length: count }, (_, index) => first + index)
const queue = [...seeds]
const disagreed: number[] = []
let [answers, denied] = [0, 0]
await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, async () => {
  await using nodes = await agreementOn(provider, by)
  for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
    if (queue.length > 0 && queue.length % 25 === 0) process.stderr.write(`${queue.length} to go\n`)
    const policies = policiesOf(seed)
    const said = await disagreement(nodes, policies).catch((error: unknown) => [error instanceof Error ? error.message : String(error), ...shown(policies)])
    if (said.length === 0) continue
    disagreed.push(seed)
    say([`seed ${seed}: ${said[0] ?? ''}`, ...said.slice(1)].join('\n    '))
  }
}))
say(`${count - disagreed.length} of ${count} sets of policies: the oracle and ${by.name} agree; ${disagreed.length} disagree${disagreed.length === 0 ? '' : ` (seeds ${disagreed.toSorted((a, b) => a - b).join(', ')})`}`)
say(`${answers} answers were measured, of which ${denied} are to be denied; ${((performance.now() - since) / 1000).toFixed(0)} s`)
process.exitCode = disagreed.length === 0 ? 0 : 1

/** What is wrong, and the least of the policies that shows it; nothing if they agree. */
async function disagreement(nodes: Agreement, policies: readonly ApiObject[]): Promise<readonly string[]> {
  const { cells, wrong } = await nodes.compare(policies)
  answers += cells.length
  denied += cells.filter(({ outcome }) => outcome === 'denied').length
  if (wrong.length === 0) return []
  const [one] = wrong
  const least = await smallest(policies, async less => (await nodes.compare(less).catch(() => ({ wrong: [] }))).wrong.length > 0)
  const { wrong: [again] } = await nodes.compare(least)
  return [
    `${wrong.length} of ${cells.length} answers: ${one === undefined ? '' : sentence(one)}`,
    again === undefined ? 'asked again, all was right:' : `the least that shows it, by which ${sentence(again)}:`, ...shown(least),
  ]
}

function shown(policies: readonly ApiObject[]): readonly string[] {
  return policies.map(policy => JSON.stringify(policy))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
