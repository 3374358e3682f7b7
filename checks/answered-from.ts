import { randomBytes } from 'node:crypto'
import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, ownerOf, type End } from './ends.ts'
import { ask } from './exchange.ts'
import { called, inside, listeners, processesOf } from './processes.ts'

export interface AnsweredFrom {
  /** `127.0.0.1:8080`, as the one who asks has it. */
  readonly at: string
  /** How its answer begins; somewhere in it must be the number of its network namespace, `net:[4026532324]`. */
  readonly program: string
  /** Who has that namespace. */
  readonly in: End
}

/**
 * `node1 is answered by app at 10.244.1.2:8080, and app runs in web's own network`: what answers says itself where it
 * runs, so that somebody who only passes on what another says is not taken for it.
 */
export function answeredFrom(from: End, { at, program, in: home }: AnsweredFrom): Check {
  const [one, other] = [endOf(from), endOf(home)]
  const [address = '', port = ''] = at.split(':')
  const itself = one.name === other.name
  return {
    claim: itself ? `${program} answers at ${at} in ${one.name}, and runs there` : `${program} answers ${one.name} at ${at}, and runs in ${other.name}`,
    look: async bench => {
      const [asker, owner] = await Promise.all([ownerOf(bench, one), ownerOf(bench, other)])
      if ('because' in asker) return fail(asker.because, ...asker.evidence)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const { asked, evidence } = await ask(asker.namespace, [{ address, port: Number(port), nonce: randomBytes(12).toString('hex') }])
      const answer = asked.find(({ protocol }) => protocol === 'tcp')?.answer
      if (answer === undefined) throw new CouldNotLook(`${one.name}: the probe says nothing of ${at}`, evidence)
      const { namespace } = owner
      const who = `what answers ${one.name} at ${at}`
      switch (answer.kind) {
        case 'refused': return fail(await refused(bench, namespace, at), evidence)
        case 'unreachable': return fail(`${one.name} finds no way to ${at}: ${answer.reason.toLowerCase()}`, evidence)
        case 'timeout': return fail(`${one.name} hears nothing from ${at}`, evidence)
        case 'ok': return fail(`${who} only repeats what it is asked: expected ${program}`, evidence)
        case 'wrong': return judged(answer.text, who, program, other.name, namespace, evidence)
      }
    },
  }
}

/** The probe shows the end of the line as `?`. */
function judged(whole: string, who: string, program: string, home: string, namespace: Namespace, evidence: Evidence): Verdict {
  const text = whole.replace(/\?+$/, '')
  if (text === '') return fail(`${who} says nothing: expected ${program}`, evidence)
  const inode = /\bnet:\[(\d+)\]/.exec(text)?.[1]
  if (text !== program && !text.startsWith(`${program} `)) return fail(`${who} says ${JSON.stringify(text)}: that is not ${program}`, evidence)
  if (inode === undefined) return fail(`${who} says ${JSON.stringify(text)}, and not in which network namespace it runs`, evidence)
  if (Number(inode) !== namespace.inode) return fail(`${who} is ${program}, but in net:[${inode}]; ${home} is net:[${namespace.inode}]`, evidence, namespace.evidence)
  return pass(evidence, namespace.evidence)
}

/** Nobody was there, or somebody who listens elsewhere. */
async function refused(bench: Bench, namespace: Namespace, at: string): Promise<string> {
  const [, port = ''] = at.split(':')
  const { value } = await processesOf(bench, namespace.node)
  const [listener] = listeners(inside(value, namespace), Number(port))
  if (listener !== undefined) return `${at} refuses: ${called(listener)} listens on ${list(listener.listens)} only`
  return `${at} refuses: nobody listens on port ${port} in net:[${namespace.inode}]`
}
