import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { runningPod, runtimeOf } from './cri.ts'

/** `a container runs in web, in web's own network`: as the runtime has it, and the kernel of its first process. */
export function containerIn(name: string, node: string): Check {
  return {
    claim: `a container runs in ${name}, in ${name}'s own network`,
    look: async bench => {
      const [asked, found] = await Promise.all([runtimeOf(bench, node), runningPod(bench, name, node)])
      if ('because' in found) return fail(found.because, ...found.evidence)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const { containers, pods } = asked.runtime
      const [container] = containers.filter(({ pod, running }) => running && pod === found.pod.id)
      if (container === undefined) {
        const elsewhere = containers.filter(({ running }) => running).flatMap(({ pod }) => pods.find(({ id }) => id === pod)?.name ?? [])
        return fail(`containerd on ${node} runs no container in ${name}${elsewhere.length === 0 ? '' : `: those that run are in ${[...new Set(elsewhere)].join(', ')}`}`, ...found.evidence)
      }
      const network = await bench.place(node).exec(['readlink', `/proc/${container.pid}/ns/net`])
      const inode = Number(/^net:\[(\d+)\]$/m.exec(network.stdout)?.[1])
      if (inode === found.namespace.inode) return pass(...found.evidence, network)
      return fail(`${container.name} of ${name} is process ${container.pid} of ${node}, and ${Number.isNaN(inode) ? 'that has ended' : `is in net:[${inode}]; ${name} is net:[${found.namespace.inode}]`}`, ...found.evidence, network)
    },
  }
}
