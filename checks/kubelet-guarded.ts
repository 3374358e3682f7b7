import type { Bench, Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { as, curlSays, kubeletOf, PKI, SERVER } from './api.ts'
import { inTime, type SocketAddress } from './in-time.ts'
import { readHttpCodes } from './read/http-codes.ts'
import { readFrom } from './tool.ts'

/** `the kubelets of node-0 and node-1 answer nobody without a certificate, and let nobody in whom the API's rules do not`. */
export function kubeletGuarded(nodes: NonEmpty<string>): Check {
  return {
    claim: `the kubelets of ${list(nodes)} answer nobody without a certificate, and ask the API who may come in`,
    look: bench => look(bench, nodes),
  }
}

async function look(bench: Bench, nodes: readonly string[]): Promise<Verdict> {
  const ask = (kubelet: SocketAddress, ...more: readonly string[]): Promise<Evidence> => bench.place(SERVER).exec([
    'curl', '-s', '--max-time', '5', '--output', '/dev/null', '--write-out', '%{url} %{http_code} %{errormsg}\\n', ...more, `https://${kubelet.join(':')}/pods`,
  ])
  const asked = await Promise.all(nodes.map(async node => {
    const kubelet = kubeletOf(bench, node)
    // Whoever has a certificate of the authority is known; the scheduler has no business with a kubelet.
    return { node, kubelet, stranger: await ask(kubelet, '--cacert', `${PKI}/ca.crt`), scheduler: await ask(kubelet, ...as('kube-scheduler')) }
  }))
  const evidence = asked.flatMap(({ stranger, scheduler }) => [stranger, scheduler])
  for (const { node, kubelet, stranger, scheduler } of asked) {
    for (const one of [stranger, scheduler]) await inTime(bench.place(SERVER), one, kubelet)
    const [nobody, known] = [stranger, scheduler].map(one => readFrom(one, readHttpCodes)[0])
    if (stranger.exitCode === 60) return fail(`the kubelet of ${node} answers with a certificate that the authority has not signed: ${nobody?.error ?? curlSays(stranger)}`, stranger)
    if (nobody?.code === undefined) return fail(`the kubelet of ${node} does not answer: ${nobody?.error ?? curlSays(stranger)}`, stranger)
    if (nobody.code !== 401) return fail(`without a certificate the kubelet of ${node} answers ${nobody.code}, and not 401`, stranger)
    if (known?.code === 200) return fail(`the kubelet of ${node} shows its pods to the scheduler, whom no rule lets in: whoever is known may do all (\`authorization.mode\`)`, scheduler)
    if (known?.code !== 403) return fail(`to the scheduler the kubelet of ${node} says ${known?.code ?? 'nothing'}, and not 403`, scheduler)
  }
  const [first, ...rest] = evidence
  if (first === undefined) throw new Error('expected a node')
  return pass(first, ...rest)
}
