import type { Bench, Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { SERVER } from './api.ts'
import { certificateOf } from './certificates.ts'

/** `every certificate of server and node-0 is signed by the authority on server, and is valid now`: by node, the names of its files. */
export function signedCertificates(certificates: Readonly<Record<string, readonly string[]>>): Check {
  return {
    claim: `every certificate of ${list(Object.keys(certificates))} is signed by the authority on ${SERVER}, and is valid now`,
    look: bench => look(bench, Object.entries(certificates)),
  }
}

async function look(bench: Bench, nodes: readonly (readonly [string, readonly string[]])[]): Promise<Verdict> {
  const authority = await certificateOf(bench, SERVER, 'ca')
  if ('because' in authority) return fail(authority.because, ...authority.evidence)
  const evidence = new Set<Evidence>()
  const now = Date.now()
  for (const [node, names] of nodes) {
    for (const name of ['ca', ...names]) {
      const found = await certificateOf(bench, node, name)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const { certificate } = found
      const wrong = name === 'ca' && certificate.fingerprint256 !== authority.certificate.fingerprint256 ? `is another authority than that of ${SERVER}`
        : !certificate.checkIssued(authority.certificate) || !certificate.verify(authority.certificate.publicKey) ? `is not signed by the authority on ${SERVER}, but by ${certificate.issuer.replaceAll('\n', ', ')}`
          : certificate.validToDate.getTime() < now ? `has expired: it was valid until ${certificate.validTo}`
            : certificate.validFromDate.getTime() > now ? `is not valid before ${certificate.validFrom}`
              : name !== 'ca' && certificate.ca ? 'is an authority itself: who has its key can sign others' : undefined
      if (wrong !== undefined) return fail(`${name}.crt of ${node} ${wrong}`, found.evidence)
      evidence.add(found.evidence)
    }
  }
  return pass(authority.evidence, ...evidence)
}
