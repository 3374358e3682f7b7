import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { asking } from './asking.ts'
import { allNamespaces, endsOf } from './ends.ts'
import { nameOf } from './explain.ts'
import { askedAt, listenersOf, once, questionAt, type Ends, type Service } from './service.ts'
import { unable } from './tool.ts'

const TIMES = 6

/**
 * `netfilter translates nothing of what red and blue ask at 10.96.0.42:80`. No translation is made without an entry among the tracked
 * connections, whichever tool made the rule and whichever tables it is in: of the connections that are made for the look none may have one whose
 * answer is expected from somebody else than was asked. Rules of nftables that write addresses without tracking are looked for by name.
 */
export function notByNetfilter(from: Ends, service: Service): Check {
  const [clients, asked] = [endsOf(from), askedAt(service)]
  return {
    claim: `netfilter translates nothing of what ${list(clients.map(end => end.name))} ask${clients.length === 1 ? 's' : ''} at ${asked.says}`,
    look: async bench => {
      const answers = await asking(bench, listenersOf(asked), clients.map(client => questionAt(client, asked, TIMES)))
      if ('because' in answers) return fail(answers.because, ...answers.evidence)
      const looked = await Promise.all((await allNamespaces(bench)).map(async namespace => {
        const [tracked, rules] = await Promise.all([namespace.place.exec(['conntrack', '-L', '-d', asked.address]), namespace.place.exec(['nft', '-s', 'list', 'ruleset'])])
        // It says how many there are, also if there are none.
        if (tracked.exitCode !== 0 || !tracked.stderr.includes('flow entries have been shown')) throw unable(tracked)
        if (rules.exitCode !== 0) throw unable(rules)
        return { namespace, tracked, rules }
      }))
      const evidence = once([...answers.flatMap(one => one.evidence), ...looked.flatMap(({ tracked, rules }) => [tracked, rules])])
      for (const { namespace, tracked, rules } of looked) {
        const entry = tracked.stdout.split('\n').find(line => line.lastIndexOf('src=') > 0 && !line.slice(line.lastIndexOf('src=')).startsWith(`src=${asked.address} `))
        if (entry !== undefined) return fail(`${nameOf(namespace)} translates it: \`${entry.replaceAll(/\s+/g, ' ').trim()}\``, ...evidence)
        const writes = rules.stdout.split('\n').find(line => / ip (?:daddr|saddr) set /.test(line))
        if (writes !== undefined) return fail(`${nameOf(namespace)} has the rule \`${writes.trim().slice(0, 160)}\``, ...evidence)
      }
      if (answers.every(({ replies }) => replies.every(({ kind }) => kind === 'timeout'))) return fail(`nobody is answered at ${asked.says}: there is nothing that could be translated`, ...evidence)
      return pass(...evidence)
    },
  }
}
