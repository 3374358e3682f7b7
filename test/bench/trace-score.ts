// How many faults `lab trace` names right: `npm run trace-score`, or with a word for those whose name has it.
import { chosen } from '../helpers/chosen.ts'
import { broken } from '../engine/trace/broken.ts'
import { faults, type Fault } from '../engine/trace/faults.ts'
import { grade, type Grade } from '../engine/trace/grade.ts'

const AT_ONCE = 2
const [word = ''] = process.argv.slice(2)
const provider = await chosen('embedded')
await provider.prepare({ say: text => process.stderr.write(`${text}\n`) })

const asked = faults.filter(({ name }) => name.includes(word))
const grades = new Map<Fault, Grade>()
const queue = [...asked]
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
  for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) grades.set(fault, await graded(fault))
}))

const of = (kind: Grade['grade'], fault: Fault): boolean => grades.get(fault)?.grade === kind
for (const fault of asked) {
  const found = grades.get(fault)
  if (found?.grade === 'wrong') say(`named wrong: ${fault.name}\n    ${found.because}`)
  if (found?.grade === 'unknown') say(`"I do not know": ${fault.name}`)
}
const whole = asked.filter(({ truth }) => 'arrives' in truth)
const count = (kind: Grade['grade']): number => asked.filter(fault => of(kind, fault)).length
say(`${count('right')} of ${asked.length} named right, ${count('wrong')} wrong, ${count('unknown')} unknown; ${whole.filter(fault => of('right', fault)).length} of ${whole.length} where nothing is wrong`)
process.exitCode = count('wrong') === 0 ? 0 : 1

async function graded(fault: Fault): Promise<Grade> {
  try {
    await using network = await broken(provider, fault)
    return grade(fault, await network.trace())
  } catch (error) {
    return { grade: 'wrong', because: `it ended with: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
