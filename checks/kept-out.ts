import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { asking, type Question, type Reply } from './asking.ts'
import { endsOf, type NamedEnd } from './ends.ts'
import { whyNot } from './explain.ts'
import { holds, type Ends } from './node-port.ts'
import type { Port } from './own-port.ts'

/**
 * `red and blue reach neither b1 nor store by UDP port 8080, and do reach gate`: the same clients, in the same look. That the others listen
 * is seen by what each answers itself, without a wire.
 */
export function keptOut(from: Ends, to: Ends, ports: readonly Port[], { still }: { readonly still: Ends }): Check {
  const [clients, shut, open] = [endsOf(from), endsOf(to), endsOf(still)]
  const [first, ...more] = shut.map(({ name }) => name)
  const nobody = more.length === 0 ? `do not reach ${first ?? ''}` : `reach neither ${first ?? ''} nor ${more.join(' nor ')}`
  const named = ports.map(({ port, protocol = 'tcp' }) => `${protocol.toUpperCase()} port ${port}`)
  return {
    claim: `${list(clients.map(({ name }) => name))} ${nobody} by ${list(named)}, and do reach ${list(open.map(({ name }) => name))}`,
    look: async bench => {
      const questions = ports.flatMap(({ port, protocol = 'tcp' }): readonly Tried[] => {
        const ask = (client: NamedEnd, end: NamedEnd, reaches: boolean): Tried => ({ end, reaches, question: { from: client, to: end.address, port, protocol } })
        return [
          ...clients.flatMap(client => shut.map(end => ask(client, end, false))), ...shut.map(end => ask(end, end, true)),
          ...clients.flatMap(client => open.filter(({ address }) => address !== client.address).map(end => ask(client, end, true))),
        ]
      })
      const listeners = ports.flatMap(({ port, protocol = 'tcp' }) => [...shut, ...open].map(end => ({ end, port, protocol })))
      const answers = await asking(bench, listeners, questions.map(({ question }) => question))
      if ('because' in answers) return fail(answers.because, ...answers.evidence)
      const [evidence, ...rest] = new Set(answers.flatMap(answered => answered.evidence))
      if (evidence === undefined) throw new Error('nothing was asked')
      const wrong = answers.flatMap(({ replies: [reply], client }, index) => {
        const tried = questions[index]
        return tried === undefined || isRight(tried, reply) ? [] : [{ ...tried, client, reply }]
      })
      const [one] = wrong.toSorted((a, b) => Number(a.reaches) - Number(b.reaches))
      if (one === undefined) return pass(evidence, ...rest)
      const { end, client, reply, question: { from, protocol, port } } = one
      const where = `${end.name} by ${protocol.toUpperCase()} port ${port}`
      if (!one.reaches) return fail(`${from.name} reaches ${where}${reply.kind === 'lost' ? `, seen there as ${reply.peer}, and only the answer is lost` : ''}`, evidence, ...rest)
      const why = await whyNot(bench, client, from, end, protocol, port)
      return fail(`nothing shows that anybody is kept out: ${from.name} does not reach ${where}${why === undefined ? '' : `: ${why.sentence}`}`, evidence, ...rest, ...why?.evidence ?? [])
    },
  }
}

interface Tried {
  readonly end: NamedEnd
  readonly reaches: boolean
  readonly question: Question
}

/** What comes to whoever listens was not kept out, whether or not an answer found its way back. */
function isRight({ end, reaches }: Tried, reply: Reply): boolean {
  return reaches ? reply.kind === 'ok' && holds(reply.by, end.address) : reply.kind === 'timeout' || reply.kind === 'refused' || reply.kind === 'unreachable'
}
