import type { Check } from '../runner/core/bench.ts'
import { parseCidr } from '../runner/core/ipv4.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { runtimeOf } from './cri.ts'

/** `node1 has leased the addresses of its pods, and no other`: a lease without a pod is lost, an address without a lease is given twice. */
export function leasesArePods(node: string): Check {
  return {
    claim: `${node} has leased the addresses of its pods, and no other`,
    look: async bench => {
      const asked = await runtimeOf(bench, node)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const { runtime: { networks, pods, leases }, evidence } = asked
      const ipam = networks.flatMap(({ plugins }) => plugins).find(plugin => plugin.ipam !== undefined)?.ipam
      if (ipam !== undefined && (ipam.type !== 'host-local' || ipam.dataDir !== undefined)) throw new CouldNotLook(`${node}: the leases of ${ipam.type} are not where this check can read them`, evidence)
      const all = await bench.namespaces(node)
      for (const lease of leases) {
        const pod = pods.find(({ id }) => id === lease.id)
        if (pod === undefined || !pod.ready) return fail(`${lease.address} is still leased, to ${pod === undefined ? `${lease.id.slice(0, 13)}, which containerd on ${node} does not have` : `${pod.name}, which has stopped`}`, evidence)
      }
      for (const pod of pods.filter(({ ready, namespace }) => ready && namespace !== undefined)) {
        const namespace = all.find(({ named }) => named === pod.namespace)
        const addresses = (namespace?.links ?? []).filter(({ name }) => name !== 'lo').flatMap(link => link.addresses).filter(address => parseCidr(address) !== undefined).map(address => address.split('/')[0])
        const without = addresses.find(address => !leases.some(lease => lease.address === address && lease.id === pod.id))
        if (without !== undefined) return fail(`${pod.name} has ${without}, and no lease for it: another pod may get the same`, evidence)
      }
      return pass(evidence)
    },
  }
}
