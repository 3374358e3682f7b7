import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { API_URL, as, askApi, PKI, SERVER } from './api.ts'
import { readHttpCodes } from './read/http-codes.ts'
import { readFrom } from './tool.ts'

/** `the API server knows nobody without a certificate, and lets kube-proxy read Services and no Secrets`: who is known may not yet do all. */
export function apiGuarded(): Check {
  return {
    claim: 'the API server answers nobody without a certificate, and lets system:kube-proxy read Services and no Secrets',
    look: async bench => {
      // If it does not answer at all, its own words are the reason.
      const there = await askApi(bench, '/readyz')
      if ('because' in there) return fail(there.because, ...there.evidence)
      const ask = (path: string, ...more: readonly string[]) => bench.place(SERVER).exec([
        'curl', '-s', '--max-time', '5', '--output', '/dev/null', '--write-out', '%{url} %{http_code} %{errormsg}\\n', '--cacert', `${PKI}/ca.crt`, ...more, `${API_URL}${path}`,
      ])
      const impersonating = [...as('admin'), '--header', 'Impersonate-User: system:kube-proxy']
      const asked = await Promise.all([ask('/api/v1/nodes'), ask('/api/v1/services', ...impersonating), ask('/api/v1/secrets', ...impersonating)])
      const [nobody, services, secrets] = asked.map(evidence => readFrom(evidence, readHttpCodes)[0]?.code)
      if (nobody === undefined || services === undefined || secrets === undefined) throw new CouldNotLook('the API server did not answer each time', ...asked)
      if (nobody !== 401) return fail(`without a certificate it answers ${nobody}, and not 401`, asked[0])
      if (secrets === 200) return fail('kube-proxy may read every Secret of the cluster: whoever is known may do all (`--authorization-mode`)', asked[2])
      if (services !== 200) return fail(`kube-proxy may not read Services: ${services}`, asked[1])
      return secrets === 403 ? pass(...asked) : fail(`to system:kube-proxy it says ${secrets} of Secrets, and not 403`, asked[2])
    },
  }
}
