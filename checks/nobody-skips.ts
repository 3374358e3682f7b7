import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { PKI, SERVER } from './api.ts'
import { flagOf, runningAs } from './command-lines.ts'

/**
 * `nobody skips verification`: whoever does is not refused by anybody, so nothing fails. What there is to see is what programs were
 * told: the API server of kubelets, everybody else of the API server.
 */
export function nobodySkips(): Check {
  return { claim: 'no component skips verification: each has been told by whose signature it knows whom it calls', look }
}

// A kubeconfig may hold keys: of it only these words are looked at.
const WORDS = `insecure-skip-tls-verify['"]?: *['"]?true|certificate-authority(-data)?['"]?: *[^ ,}]+|server['"]?: *['"]?https?:`
const SCRIPT = 'for each in /etc/kubernetes/*.conf /root/.kube/config; do [ -f "$each" ] && { echo "== $each"; grep -oE -- "$1" "$each"; }; done; true'

async function look(bench: Bench): Promise<Verdict> {
  const api = await runningAs(bench, SERVER, 'kube-apiserver')
  if (api.argv === undefined) return fail(`no kube-apiserver runs on ${SERVER}`, api.evidence)
  if (!flagOf(api.argv, 'kubelet-certificate-authority')) {
    return fail('the API server has not been told who signs for kubelets, and believes whoever answers on their port: `--kubelet-certificate-authority`', api.evidence)
  }
  const evidence: Evidence[] = []
  for (const { name } of bench.topology.nodes) {
    const found = await bench.place(name).exec(['sh', '-c', SCRIPT, 'sh', WORDS])
    evidence.push(found)
    for (const part of found.stdout.split(/^== /m).slice(1)) {
      const [path = '', ...words] = part.trim().split('\n')
      const wrong = words.some(word => word.startsWith('insecure')) ? 'says `insecure-skip-tls-verify`'
        : words.some(word => word.endsWith('http:')) ? 'goes to the API without TLS'
          : words.some(word => word.startsWith('certificate-authority')) ? undefined : 'names no `certificate-authority`'
      if (wrong !== undefined) return fail(`${path} on ${name} ${wrong}: whoever answers there is believed to be the API server (${PKI}/ca.crt is what it is for)`, found)
    }
  }
  return pass(api.evidence, ...evidence)
}
