import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { objectAt, SERVER } from './api.ts'
import { flagOf, runningAs } from './command-lines.ts'
import { record, texts } from './read/json.ts'

/** `the API server and the controller manager say the same of Services' addresses`: nobody else compares the two. */
export function sameRanges(): Check {
  return {
    claim: 'the API server and the controller manager have been told the same range for Services',
    look: async bench => {
      const [object, manager] = await Promise.all([objectAt(bench, '/apis/networking.k8s.io/v1/servicecidrs/kubernetes', 'range for Services'), runningAs(bench, SERVER, 'kube-controller-manager')])
      if ('because' in object) return fail(object.because, ...object.evidence)
      if (manager.argv === undefined) return fail(`no kube-controller-manager runs on ${SERVER}`, manager.evidence)
      const [here, there] = [texts(record(object.object.spec).cidrs).join(), flagOf(manager.argv, 'service-cluster-ip-range')]
      if (there === undefined) return fail(`the controller manager has not been told any: it gives nodes addresses of ${here} as well (\`--service-cluster-ip-range\`)`, manager.evidence)
      return here === there ? pass(object.evidence, manager.evidence) : fail(`the API server gives Services addresses of ${here}, and the controller manager leaves ${there} to them`, object.evidence, manager.evidence)
    },
  }
}
