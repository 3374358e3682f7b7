import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type NonEmpty } from '../runner/core/verdict.ts'
import { askKubelets, messageOf } from './api.ts'
import { record, text, texts } from './read/json.ts'

/** `the kubelets of node-0 and node-1 tell pods to ask 10.96.0.10 for names, in cluster.local`: by what they say of their own configuration. */
export function kubeletsTell(nodes: NonEmpty<string>, server: string, domain = 'cluster.local'): Check {
  return {
    claim: `the kubelets of ${list(nodes)} tell pods to ask ${server} for names, and that the cluster's end in ${domain}`,
    look: async bench => {
      const asked = await askKubelets(bench, nodes, '/configz')
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      for (const { node, code, body } of asked.said) {
        if (code !== 200) return fail(`the kubelet of ${node} does not say how it is configured: ${messageOf(body)}`, asked.evidence)
        const told = record(record(body).kubeletconfig)
        const servers = texts(told.clusterDNS)
        if (servers.length === 0) return fail(`the kubelet of ${node} has been told no server for names: its pods ask whom the node asks (\`clusterDNS\`)`, asked.evidence)
        if (servers.join() !== server) return fail(`the kubelet of ${node} tells pods to ask ${servers.join(', ')}`, asked.evidence)
        if (text(told.clusterDomain) !== domain) return fail(`the kubelet of ${node} tells pods that names of the cluster end in ${text(told.clusterDomain) ?? 'nothing'} (\`clusterDomain\`)`, asked.evidence)
      }
      return pass(asked.evidence)
    },
  }
}
