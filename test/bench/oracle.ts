// Whether the oracle of policies and the kernel agree: `npm run oracle`, or `npm run oracle -- --count 20 --seed 7`. Policies are made
// by chance; each number makes the same ones again: `--seed 7 --count 1` repeats number 7.
import { parseArgs } from 'node:util'
import { sentence } from '../../checks/measured.ts'
import { chosen } from '../helpers/chosen.ts'
import { agreementOn, byJq, smallest } from '../kubernetes/agreement.ts'
import { policiesOf } from '../kubernetes/generated.ts'

const { values } = parseArgs({ options: { count: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' }, program: { type: 'string' } } })
const [count, first] = [Number(values.count), Number(values.seed)]
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(first)) throw new Error('npm run oracle -- --count 200 --seed 1')
const provider = await chosen('embedded')
await provider.prepare({ say: text => process.stderr.write(`${text}\n`) })
const by = byJq(values.program === undefined ? undefined : new URL(values.program, `file://${process.cwd()}/`))

const since = performance.now()
let [agreed, answers, denied] = [0, 0, 0]
const disagreed: number[] = []
await using nodes = await agreementOn(provider, by)
for (let seed = first; seed < first + count; seed++) {
  if (seed > first && (seed - first) % 25 === 0) process.stderr.write(`${seed - first} of ${count}\n`)
  const policies = policiesOf(seed)
  try {
    const { cells, wrong } = await nodes.compare(policies)
    answers += cells.length
    denied += cells.filter(({ outcome }) => outcome === 'denied').length
    if (wrong.length === 0) {
      agreed++
      continue
    }
    disagreed.push(seed)
    const least = await smallest(policies, async less => (await nodes.compare(less).catch(() => ({ wrong: [] }))).wrong.length > 0)
    const { wrong: [one] } = await nodes.compare(least)
    say(`seed ${seed}: ${wrong.length} of ${cells.length} answers; the least that shows it:`)
    say(least.map(policy => `    ${JSON.stringify(policy)}`).join('\n'))
    say(one === undefined ? '    and then all was right' : `    ${sentence(one)}`)
  } catch (error) {
    disagreed.push(seed)
    say(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n${policies.map(policy => `    ${JSON.stringify(policy)}`).join('\n')}`)
  }
}
const seconds = (performance.now() - since) / 1000
say(`${agreed} of ${count} sets of policies: the oracle and ${by.name} agree; ${disagreed.length} disagree${disagreed.length === 0 ? '' : ` (seeds ${disagreed.join(', ')})`}`)
say(`${answers} answers were measured, of which ${denied} are to be denied; ${seconds.toFixed(0)} s`)
process.exitCode = disagreed.length === 0 ? 0 : 1

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
