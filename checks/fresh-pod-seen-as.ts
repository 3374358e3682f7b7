import { randomBytes } from 'node:crypto'
import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { ask, PROBE } from './exchange.ts'
import { say } from './explain.ts'
import { withFreshPod } from './fresh-pod.ts'
import { readHeard, readReady } from './read/probe.ts'
import { start } from '../runner/core/running.ts'

/**
 * `ext sees node2's address, 192.168.1.12, when a new pod on node2 asks, without another command`: one that the check
 * makes, on the bridge that has the gateway's address, and that is gone again when it has looked.
 */
export function freshPodSeenAs(node: string, gateway: string, to: End, as: End): Check {
  const [server, seen] = [endOf(to), endOf(as)]
  const who = seen.named ? `${seen.name}'s address, ${seen.address},` : seen.address
  return {
    claim: `${server.name} sees ${who} when a new pod on ${node} asks, without another command`,
    look: bench => look(bench, node, gateway, server, seen.address),
  }
}

async function look(bench: Bench, node: string, gateway: string, to: NamedEnd, as: string): Promise<Verdict> {
  const server = await ownerOf(bench, to)
  if ('because' in server) return fail(server.because, ...server.evidence)
  return withFreshPod(bench, node, gateway, async ({ own, address, place }) => {
    const serving = await start(server.namespace.place, [PROBE, 'serve'], output => readReady(output) !== undefined)
    try {
      const nonce = randomBytes(12).toString('hex')
      const { asked, evidence } = await ask({ ...own, place }, [{ address: to.address, port: readReady(serving.output()) ?? 0, nonce }])
      const lost = asked.find(({ answer }) => answer.kind !== 'ok')
      if (lost !== undefined) {
        const heard = readHeard(serving.output()).find(one => one.nonce === nonce)
        const arrives = heard === undefined ? '' : `: what it sends arrives, from ${heard.from}, and the answer does not`
        return fail(`a new pod on ${node} with the address ${address} does not reach ${to.name} (${say(lost.answer)})${arrives}`, evidence, own.evidence)
      }
      const other = asked.flatMap(({ answer }) => answer.kind === 'ok' && answer.peer !== as ? [answer.peer] : [])[0]
      if (other !== undefined) return fail(`${to.name} sees ${other}${other === address ? ', the new pod\'s own address' : ''}`, evidence, own.evidence)
      return pass(evidence, own.evidence)
    } finally {
      await serving.stop()
    }
  })
}
