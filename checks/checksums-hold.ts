import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { asking } from './asking.ts'
import { allNamespaces, endsOf } from './ends.ts'
import { nameOf } from './explain.ts'
import { readErrors } from './read/checksum-errors.ts'
import { askedAt, listenersOf, once, questionAt, type Ends, type Service } from './service.ts'
import { readFrom, unable } from './tool.ts'

const TIMES = 12

/**
 * `no packet of what red and blue ask at 10.96.0.42:80 is thrown away for its checksum`: the kernel counts those, of IP where a packet
 * is forwarded, of TCP where it arrives. It looks at the sums of TCP only where the sender had to compute them: interfaces of pods must not leave that to others.
 */
export function checksumsHold(from: Ends, service: Service): Check {
  const [clients, asked] = [endsOf(from), askedAt(service)]
  return {
    claim: `no packet of what ${clients.map(end => end.name).join(' and ')} ask${clients.length === 1 ? 's' : ''} at ${asked.says} is thrown away for its checksum`,
    look: async bench => {
      const before = await errors(bench)
      const answers = await asking(bench, listenersOf(asked), clients.map(client => questionAt(client, asked, TIMES)))
      if ('because' in answers) return fail(answers.because, ...answers.evidence)
      const after = await errors(bench)
      const evidence = once([...answers.flatMap(one => one.evidence), ...before.map(one => one.evidence), ...after.map(one => one.evidence)])
      return worse(before, after, evidence) ?? (answers.some(({ replies }) => replies.some(({ kind }) => kind === 'ok' || kind === 'lost'))
        ? pass(...evidence)
        : fail(`no packet to ${asked.says} comes to a backend, so no checksum was looked at`, ...evidence))
    },
  }
}

interface Counted {
  readonly namespace: Namespace
  readonly ip: number
  readonly tcp: number
  readonly evidence: Evidence
}

async function errors(bench: Bench): Promise<readonly Counted[]> {
  return Promise.all((await allNamespaces(bench)).map(async namespace => {
    const evidence = await namespace.place.exec(['nstat', '-asz', 'IpExtInCsumErrors', 'TcpInCsumErrors'])
    if (evidence.exitCode !== 0) throw unable(evidence)
    return { namespace, ...readFrom(evidence, readErrors), evidence }
  }))
}

function worse(before: readonly Counted[], after: readonly Counted[], evidence: ReturnType<typeof once>): Verdict | undefined {
  for (const now of after) {
    const then = before.find(({ namespace }) => namespace.inode === now.namespace.inode)
    if (then === undefined) continue
    for (const layer of ['ip', 'tcp'] as const) {
      const more = now[layer] - then[layer]
      if (more > 0) return fail(`${nameOf(now.namespace)} throws ${more} ${more === 1 ? 'packet' : 'packets'} away for a wrong checksum of ${layer.toUpperCase()}`, ...evidence)
    }
  }
  return undefined
}
