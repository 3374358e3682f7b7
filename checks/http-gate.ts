import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { endsOf, ownerOf } from './ends.ts'
import { once, type Ends } from './service.ts'

export interface HttpRequest {
  readonly method: string
  readonly path: string
}

const ANSWER_S = 3

/**
 * `red and blue get GET /ok at 10.96.0.43:80, and nothing else`: each request that is allowed is answered 200 and with what `says` finds, each other one 403, and without
 * it. What is asked behind an allowed request on the same connection is a request as well.
 */
export function httpGate(from: Ends, at: string, { allowed, refused, says }: { readonly allowed: HttpRequest; readonly refused: readonly HttpRequest[]; readonly says: RegExp }): Check {
  const clients = endsOf(from)
  const shown = ({ method, path }: HttpRequest): string => `${method} ${path}`
  return {
    claim: `${list(clients.map(end => end.name))} get${clients.length === 1 ? 's' : ''} ${shown(allowed)} at ${at}, and nothing else`,
    look: async bench => {
      const done = await Promise.all(clients.map(async client => {
        const owner = await ownerOf(bench, client)
        if ('because' in owner) return owner
        const all = [allowed, ...refused]
        const [single, behind] = await Promise.all([
          // After one that nobody answers no other is tried: each would take as long.
          owner.namespace.place.exec(['sh', '-c', all.map(() => `curl -s -X "$1" --path-as-is --max-time ${ANSWER_S} -w '\\n%{http_code}\\n--\\n' "http://${at}$2" || exit 0; shift 2`).join('\n'), 'sh', ...all.flatMap(({ method, path }) => [method, path])]),
          owner.namespace.place.exec(['curl', '-s', '--max-time', String(ANSWER_S), `telnet://${at}`], { stdin: [allowed, ...refused].slice(0, 2).map(request => `${shown(request)} HTTP/1.1\r\nHost: store\r\n\r\n`).join('') }),
        ])
        return { client, single, behind, answers: single.stdout.split('\n--\n').slice(0, -1), all }
      }))
      const evidence = once(done.flatMap(one => 'because' in one ? one.evidence : [one.single, one.behind]))
      for (const one of done) {
        if ('because' in one) return fail(one.because, ...one.evidence)
        const { client, single, behind, answers, all } = one
        for (const [index, request] of all.entries()) {
          const answer = answers[index]
          if (answer === undefined) throw new CouldNotLook(`${client.name}: curl does not say what came of each request`, single)
          const lines = answer.split('\n')
          const [code, text] = [lines.at(-1), lines.slice(0, -1).join('\n')]
          const what = `${client.name} asks ${shown(request)} at ${at}`
          if (code === '000') return fail(`${what} and hears nothing`, ...evidence)
          if (index === 0 && (code !== '200' || !says.test(text))) return fail(`${what} and hears ${code}${code === '200' ? `, ${JSON.stringify(text.slice(0, 60))}` : ''}`, ...evidence)
          if (index > 0 && code !== '403') return fail(`${what} and hears ${code}, and not 403`, ...evidence)
        }
        const count = behind.stdout.split(says).length - 1
        if (count > 1) return fail(`${client.name} asks ${shown(allowed)} at ${at} and, behind it on the same connection, ${shown(all[1] ?? allowed)}, and the second is answered, too`, ...evidence)
      }
      return pass(...evidence)
    },
  }
}
