import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { add, attachment, callAll, withNetwork } from './cni.ts'

/** `CHECK is content with a pod of node1 as ADD left it, and not once its default route, its address or its interface is gone`. */
export function cniNotices(node: string): Check {
  return {
    claim: `CHECK is content with a pod of ${node} as ADD left it, and not once its default route, its address or its interface is gone`,
    look: bench => withNetwork(bench, node, async (network, { place, pods }) => {
      const evidence: Evidence[] = []
      for (const [what, breaking] of [
        ['its default route is gone', 'route del default'],
        // With another in its place, or the default route would be gone with it.
        ['its address is gone', 'addr add 192.0.2.1/32 dev IFNAME\naddr del ADDRESS dev IFNAME'],
        ['its interface is gone', 'link del IFNAME'],
      ] as const) {
        const of = attachment()
        await pods(of.name)
        const added = await add(place, network, of)
        if ('because' in added) return fail(added.because, ...added.evidence)
        const whole = await callAll(place, network, 'CHECK', of, added.result.json)
        if (whole !== undefined) return fail(`the pod is as ADD left it: ${whole.because}`, ...whole.evidence, ...added.evidence)
        const [own] = added.result.ips
        const commands = breaking.replaceAll('IFNAME', of.ifname).replace('ADDRESS', own === undefined ? '' : `${own.address}/${own.prefix}`)
        const broken = await place.exec(['ip', '-n', of.name, '-batch', '-'], { stdin: `${commands}\n` })
        if (broken.exitCode !== 0) {
          if (what === 'its default route is gone') return fail('ADD left the pod without a default route', broken, ...added.evidence)
          throw new CouldNotLook('the pod could not be broken', broken)
        }
        const found = await callAll(place, network, 'CHECK', of, added.result.json)
        if (found === undefined) return fail(`${what}, and CHECK ends with 0`, broken, ...added.evidence)
        if (!found.proper) return fail(`${what}: ${found.because}`, ...found.evidence)
        evidence.push(...found.evidence)
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('nothing was broken')
      return pass(first, ...rest)
    }),
  }
}
