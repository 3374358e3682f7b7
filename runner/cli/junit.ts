// A proof as JUnit XML, which CI systems show.
import type { LabProof } from '../engine/proof.ts'

export function junit(proofs: readonly LabProof[]): string {
  const suites = proofs.map(proof => {
    const cases = proof.status === 'skipped'
      ? [testcase(proof.id, 'requires', '', `<skipped message="${escape(proof.because ?? '')}"/>`)]
      : proof.steps.flatMap(step => [
          testcase(proof.id, `${step.id}: solution`, bad(!step.solution || !step.repeat || !step.unchanged || step.fresh === false, step.because.join('; '))),
          ...step.alternatives.map(one => testcase(proof.id, `${step.id}: accepts "${one.name}"`,
            bad(one.status === 'refused' || one.status === 'unknown', one.because ?? one.status),
            one.status === 'skipped' ? `<skipped message="${escape(one.because ?? '')}"/>` : '')),
          ...step.mutants.map(one => testcase(proof.id, `${step.id}: refuses "${one.name}"`, bad(one.status !== 'refused', one.because ?? one.status))),
          ...step.answers.map(one => testcase(proof.id, `${step.id}: answer "${one.name}"`, bad(!one.right || one.accepted.length > 0, one.because ?? one.accepted.join(', ')))),
        ])
    cases.push(testcase(proof.id, 'leaves nothing behind', bad(proof.leaks.length > 0, proof.leaks.join('; '))))
    const failures = cases.filter(text => text.includes('<failure')).length
    return `  <testsuite name="${escape(proof.id)}" tests="${cases.length}" failures="${failures}" time="${(proof.ms / 1000).toFixed(3)}">\n${cases.join('')}  </testsuite>\n`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="hardway">\n${suites.join('')}</testsuites>\n`
}

function testcase(lab: string, name: string, failure: string, other = ''): string {
  return `    <testcase classname="${escape(lab)}" name="${escape(name)}">${failure}${other}</testcase>\n`
}

function bad(is: boolean, message: string): string {
  return is ? `<failure message="${escape(message)}"/>` : ''
}

/** What a node printed may be in a message: XML has no way to write most control characters. */
function escape(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;').replaceAll('\n', '&#10;')
}
