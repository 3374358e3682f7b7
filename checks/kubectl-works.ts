import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type NonEmpty } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { API, kubeletOf, SERVER } from './api.ts'
import { inTime } from './in-time.ts'
import { podsOf } from './pods-of.ts'

/** `kubectl exec, logs and port-forward reach pods of web`: each is another way from the API server through the kubelet to the runtime. */
export function kubectlWorks(app: string, port: number, nodes: NonEmpty<string>): Check {
  return {
    claim: `kubectl exec, logs and port-forward reach the pods of ${app} on ${list(nodes)}`,
    look: async bench => {
      const found = await podsOf(bench, app, nodes)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const place = bench.place(SERVER)
      const done = await Promise.all(found.pods.map(async ({ name, node }) => {
        const [exec, logs, forward] = await Promise.all([
          place.exec(['kubectl', 'exec', name, '--', 'hostname'], { timeoutMs: 15_000 }),
          place.exec(['kubectl', 'logs', '--tail=3', name], { timeoutMs: 15_000 }),
          place.exec(['bash', '-c', FORWARD, 'bash', name, String(port)], { timeoutMs: 15_000 }),
        ])
        return { name, node, tried: [['exec', exec], ['logs', logs], ['port-forward', forward]] as const }
      }))
      for (const { name, node, tried } of done) {
        for (const [what, evidence] of tried) {
          // Each says the pod's name: its host's, its greeting, its answer.
          if (evidence.exitCode === 0 && evidence.stdout.includes(name)) continue
          await inTime(place, evidence, API, kubeletOf(bench, node))
          return fail(`kubectl ${what} of ${name}: ${evidence.stderr.trim().split('\n').at(-1) || evidence.stdout.trim().slice(0, 200) || 'nothing comes back'}`, evidence)
        }
      }
      return pass(found.evidence, ...done.flatMap(({ tried }) => tried.map(([, evidence]) => evidence)))
    },
  }
}

// It says which port it has taken; what it says else is the reason if it does not. 28, as of curl: it was not in time.
const FORWARD = `exec 3< <(exec kubectl port-forward "pod/$1" ":$2" 2>&1)
forward=$!
trap 'kill $forward 2>/dev/null' EXIT
read -r -t 10 line <&3 || [ $? -le 128 ] || exit 28
local=\${line#Forwarding from 127.0.0.1:}
[ "$local" != "$line" ] || { echo "$line" >&2; exit 1; }
curl -sS --max-time 5 "http://127.0.0.1:\${local%% *}/cgi-bin/who"`
