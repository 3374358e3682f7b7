import { randomBytes } from 'node:crypto'
import type { Check, Namespace, Place } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { add, attachment, withNetwork } from './cni.ts'
import { ask, PROBE } from './exchange.ts'
import { say } from './explain.ts'
import { readReady } from './read/probe.ts'
import { start } from '../runner/core/running.ts'

/** `two pods that join the network of node1 reach each other, and each sees the other's own address`. */
export function cniNeighbours(node: string): Check {
  return {
    claim: `two pods that join the network of ${node} reach each other, and each sees the other's own address`,
    look: bench => withNetwork(bench, node, async (network, { place, pods }) => {
      const [one, other] = [attachment(), attachment()]
      await pods(one.name, other.name)
      const added = await add(place, network, one)
      if ('because' in added) return fail(added.because, ...added.evidence)
      const second = await add(place, network, other)
      if ('because' in second) return fail(`a second pod: ${second.because}`, ...second.evidence)
      const [own] = await bench.namespaces(node)
      if (own === undefined) throw new Error(`${node} has no namespace, not even its own`)
      const within = (name: string): Place => ({ name: `${place.name}, in ${name}`, exec: (argv, options) => place.exec(['ip', 'netns', 'exec', name, ...argv], options) })
      for (const [from, client, to, server] of [[added, one, second, other], [second, other, added, one]] as const) {
        const [mine, theirs] = [from.result.ips[0]?.address ?? '', to.result.ips[0]?.address ?? '']
        const serving = await start(within(server.name), [PROBE, 'serve'], output => readReady(output) !== undefined)
        try {
          const namespace: Namespace = { ...own, place: within(client.name) }
          const { asked, evidence } = await ask(namespace, [{ address: theirs, port: readReady(serving.output()) ?? 0, nonce: randomBytes(12).toString('hex') }], ANSWER_MS)
          for (const { protocol, answer } of asked) {
            if (answer.kind !== 'ok') return fail(`a pod with ${mine} does not reach one with ${theirs} by ${protocol.toUpperCase()} (${say(answer)})`, evidence, ...from.evidence)
            if (answer.peer !== mine) return fail(`a pod with ${mine} is seen as ${answer.peer} by one with ${theirs}`, evidence, ...from.evidence)
          }
        } finally {
          await serving.stop()
        }
      }
      return pass(...added.evidence, ...second.evidence)
    }),
  }
}

/** A bridge has to learn its new ports, and a machine may be busy: only what is lost is waited for that long. */
const ANSWER_MS = 1_500
