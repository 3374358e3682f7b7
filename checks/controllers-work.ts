import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { askApi, curlSays, lastWords, PKI, SERVER } from './api.ts'
import { inTime } from './in-time.ts'

/** `the controllers and the scheduler work on server`: each says that it is well, and the namespace default has an account, which a controller makes. */
export function controllersWork(): Check {
  return {
    claim: `the controllers and the scheduler on ${SERVER} are well, and the API lets them work`,
    look: async bench => {
      const parts = [['kube-controller-manager', 10257, 'healthz'], ['kube-scheduler', 10259, 'readyz']] as const
      const [account, ...health] = await Promise.all([
        askApi(bench, '/api/v1/namespaces/default/serviceaccounts/default'),
        ...parts.map(([, port, path]) => bench.place(SERVER).exec(['curl', '-sSf', '--max-time', '5', '--cacert', `${PKI}/ca.crt`, `https://localhost:${port}/${path}`])),
      ])
      for (const [index, [name, port]] of parts.entries()) {
        const evidence = health[index]
        if (evidence === undefined || evidence.exitCode === 0) continue
        await inTime(bench.place(SERVER), evidence, ['localhost', port])
        const log = await lastWords(bench, SERVER, name, '^[EF]|rror')
        return fail(`${name} is not well: ${curlSays(evidence)}${log.words === '' ? '' : `; its log: ${log.words}`}`, evidence, log.evidence)
      }
      if ('because' in account) return fail(account.because, ...account.evidence)
      if (account.got[0]?.code === 200) return pass(account.evidence, ...health)
      const log = await lastWords(bench, SERVER, 'kube-controller-manager', 'forbidden|Unauthorized|^E')
      return fail(`no controller has made the account of the namespace default${log.words === '' ? '' : `: ${log.words}`}`, account.evidence, log.evidence)
    },
  }
}
