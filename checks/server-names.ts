import type { Check } from '../runner/core/bench.ts'
import { parseAddress } from '../runner/core/ipv4.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { certificateOf } from './certificates.ts'

/** `kube-apiserver of server can be called 192.168.1.10 and kubernetes.default.svc`: its certificate has those names, and is a server's. */
export function serverNames(node: string, name: string, names: readonly string[]): Check {
  return {
    claim: `the certificate ${name} of ${node} is that of a server at ${list(names)}`,
    look: async bench => {
      const found = await certificateOf(bench, node, name)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const { certificate, evidence } = found
      const missing = names.filter(one => (parseAddress(one) === undefined ? certificate.checkHost(one, { subject: 'never' }) : certificate.checkIP(one)) === undefined)
      if (missing.length > 0) return fail(`it does not name ${list(missing)}: it has ${certificate.subjectAltName ?? 'no names'}`, evidence)
      return certificate.keyUsage !== undefined && !certificate.keyUsage.includes(SERVER_AUTH) ? fail('it is not for a server: its extended key usage says so', evidence) : pass(evidence)
    },
  }
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
