import type { Check } from '../runner/core/bench.ts'
import { formatAddress, networkOf, parseCidr } from '../runner/core/ipv4.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { askApi, messageOf } from './api.ts'
import { certificateOf } from './certificates.ts'
import { SERVER } from './api.ts'
import { record, text, texts } from './read/json.ts'

/** `Services have addresses of 10.96.0.0/12, and the first, 10.96.0.1, is the API server's, whose certificate says so`. */
export function apiReady(services: string): Check {
  const cidr = parseCidr(services)
  if (cidr === undefined) throw new Error(`expected a range, for example 10.96.0.0/12, and got ${services}`)
  const first = formatAddress(networkOf(cidr) + 1)
  return {
    claim: `Services have addresses of ${services}, and the first, ${first}, is the API server's own, and in its certificate`,
    look: async bench => {
      const asked = await askApi(bench, '/readyz', '/apis/networking.k8s.io/v1/servicecidrs/kubernetes', '/api/v1/namespaces/default/services/kubernetes')
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const { got: [ready, range, service], evidence } = asked
      if (ready?.code !== 200) return fail(`the API server is not ready: ${typeof ready?.body === 'string' ? ready.body.slice(0, 200) : messageOf(ready?.body)}`, evidence)
      const ranges = texts(record(record(range?.body).spec).cidrs)
      const address = text(record(record(service?.body).spec).clusterIP)
      // It makes both itself, a moment after it is ready.
      if (ranges.length === 0 || address === undefined) return fail('the API server has not made its own Service yet', evidence)
      if (ranges.join() !== services) return fail(`Services have addresses of ${ranges.join(', ')}`, evidence)
      if (address !== first) return fail(`the Service kubernetes has ${address}`, evidence)
      const found = await certificateOf(bench, SERVER, 'kube-apiserver')
      if ('because' in found) throw new CouldNotLook(found.because, ...found.evidence)
      return found.certificate.checkIP(first) === undefined ? fail(`the API server's certificate does not name ${first}: it has ${found.certificate.subjectAltName ?? 'no names'}`, evidence, found.evidence) : pass(evidence, found.evidence)
    },
  }
}
