import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type NonEmpty } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { curlSays, PKI } from './api.ts'
import { inTime } from './in-time.ts'
import { podsOf } from './pods-of.ts'

/** `pods of web reach the API server at 10.96.0.1, and its certificate is for that address`: what every controller in a pod does first. */
export function apiFromPods(app: string, nodes: NonEmpty<string>, address: string): Check {
  return {
    claim: `pods of ${app} on ${list(nodes)} reach the API server at ${address}, whose certificate is for that`,
    look: async bench => {
      const found = await podsOf(bench, app, nodes)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const asked = await Promise.all(found.pods.map(async ({ name, node, namespace }) => ({
        // Who brings no certificate is told so, and by the API server itself: nobody else has a certificate for this address.
        name, node, place: namespace.place, evidence: await namespace.place.exec(['curl', '-sS', '--max-time', '4', '--output', '/dev/null', '--write-out', '%{http_code}', '--cacert', `${PKI}/ca.crt`, `https://${address}/readyz`]),
      })))
      const wrong = asked.find(({ evidence }) => evidence.exitCode !== 0 || evidence.stdout !== '401')
      if (wrong === undefined) return pass(found.evidence, ...asked.map(({ evidence }) => evidence))
      await inTime(wrong.place, wrong.evidence, [address, 443])
      return fail(`${wrong.name} on ${wrong.node} does not reach it: ${wrong.evidence.exitCode === 0 ? `it is told ${wrong.evidence.stdout}` : curlSays(wrong.evidence)}`, wrong.evidence)
    },
  }
}
