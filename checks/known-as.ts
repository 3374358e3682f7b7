import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { certificateOf, subjectOf } from './certificates.ts'

export interface Identity {
  readonly node: string
  readonly user: string
  readonly group?: string
}

/** `by their certificates node-0 is the user system:node:node-0 of the group system:nodes, and admin …`: by the names of the files. */
export function knownAs(identities: Readonly<Record<string, Identity>>): Check {
  const all = Object.entries(identities)
  return {
    claim: `by its certificate ${list(all.map(([name, { user, group }]) => `${name} is ${user}${group === undefined ? '' : ` of ${group}`}`))}`,
    look: async bench => {
      const evidence = new Set<Evidence>()
      for (const [name, { node, user, group }] of all) {
        const found = await certificateOf(bench, node, name)
        if ('because' in found) return fail(found.because, ...found.evidence)
        const parts = found.certificate.subject.split('\n')
        if (!parts.includes(`CN=${user}`)) return fail(`${name}.crt of ${node} is for ${subjectOf(found.certificate)}: to the API server its bearer is not ${user}`, found.evidence)
        if (group !== undefined && !parts.includes(`O=${group}`)) return fail(`${name}.crt of ${node} is for ${subjectOf(found.certificate)}: its bearer is not in the group ${group}`, found.evidence)
        evidence.add(found.evidence)
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('expected a certificate at least')
      return pass(first, ...rest)
    },
  }
}
