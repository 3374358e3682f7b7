import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { endOf, endsOf, ownerOf, type End } from './ends.ts'
import type { Ends } from './node-port.ts'
import { readHttpCodes } from './read/http-codes.ts'
import { readFrom } from './tool.ts'

const ANSWER_S = 3

/** `ext hears 200 on port 32080 of node2 and node3, and 503 of node1`: by HTTP, as a load balancer asks. */
export function healthPort(from: End, port: number, serving: Ends, others: Ends): Check {
  const [client, up, down] = [endOf(from), endsOf(serving), endsOf(others)]
  return {
    claim: `${client.name} hears 200 on port ${port} of ${list(up.map(end => end.name))}, and 503 on that of ${list(down.map(end => end.name))}`,
    look: async bench => {
      const owner = await ownerOf(bench, client)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const urls = [...up, ...down].map(({ address }) => `http://${address}:${port}/healthz`)
      const evidence = await owner.namespace.place.exec(['curl', '-s', '--parallel', '--max-time', String(ANSWER_S), '--write-out', '%{url} %{http_code} %{errormsg}\\n', ...urls.flatMap(url => ['--output', '/dev/null', url])])
      const heard = readFrom(evidence, readHttpCodes)
      for (const [ends, code] of [[up, 200], [down, 503]] as const) {
        for (const { name, address } of ends) {
          const one = heard.find(({ url }) => url === `http://${address}:${port}/healthz`)
          if (one === undefined) throw new CouldNotLook(`curl says nothing of ${name}`, evidence)
          if (one.code === code) continue
          return fail(one.code === undefined ? `${name} does not answer on port ${port}${one.error === '' ? '' : `: ${one.error}`}` : `${name} says ${one.code}, and not ${code}`, evidence)
        }
      }
      return pass(evidence)
    },
  }
}
