// What a container runtime has made, asked of the runtime itself once a look.
import type { Bench, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { onceALook } from './once.ts'
import { readRuntime, RUNTIME, type Runtime, type RuntimePod } from './read/cri.ts'
import { readFrom, unable } from './tool.ts'

export interface Asked {
  readonly runtime: Runtime
  readonly evidence: Evidence
}

export interface Because {
  readonly because: string
  readonly evidence: NonEmpty<Evidence>
}

const once = onceALook<Asked | Because>()

export async function runtimeOf(bench: Bench, node: string): Promise<Asked | Because> {
  return once(bench, node, async () => {
    const evidence = await bench.place(node).exec(['bash', '-c', RUNTIME], { timeoutMs: 20_000, maxBytes: 16 << 20 })
    if (evidence.exitCode === 0) return { runtime: readFrom(evidence, readRuntime), evidence }
    const why = /connect: (no such file or directory|connection refused)/.exec(evidence.stderr)?.[1]
    if (why === undefined) throw unable(evidence)
    return { because: `containerd on ${node} does not answer: there is ${why === 'connection refused' ? 'nobody at its socket' : 'no socket'}`, evidence: [evidence] }
  })
}

/** A pod that runs, by its name, with its network namespace as the kernel has it. */
export interface RunningPod {
  readonly pod: RuntimePod
  readonly namespace: Namespace
  readonly evidence: NonEmpty<Evidence>
}

export async function runningPod(bench: Bench, name: string, node: string): Promise<RunningPod | Because> {
  const asked = await runtimeOf(bench, node)
  if ('because' in asked) return asked
  const { runtime: { pods }, evidence } = asked
  const named = pods.filter(pod => pod.name === name)
  const pod = named.find(({ ready }) => ready)
  if (pod === undefined) {
    const others = pods.filter(({ ready }) => ready).map(one => one.name)
    const because = named.length > 0 ? `the pod ${name} of ${node} is NotReady: its sandbox has ended`
      : `${node} has no pod called ${name}: ${others.length === 0 ? 'none is ready' : `ready are ${others.join(', ')}`}`
    return { because, evidence: [evidence] }
  }
  const namespaces = await bench.namespaces(node)
  const [own] = namespaces
  if (own === undefined) throw new CouldNotLook(`${node} has no namespace of its own`, evidence)
  if (pod.namespace === undefined) return { because: `${name} is in ${node}'s own network`, evidence: [evidence] }
  const namespace = namespaces.find(({ named: at }) => at === pod.namespace)
  if (namespace === undefined) return { because: `the network namespace of ${name}, ${pod.namespace}, is gone from ${node}`, evidence: [evidence, own.evidence] }
  return { pod, namespace, evidence: [evidence, namespace.evidence] }
}

/** Where pods run, `{ web: 'node1/cni-…' }`, given the node of each. */
export async function placesOf(bench: Bench, pods: Readonly<Record<string, string>>): Promise<{ readonly places: Readonly<Record<string, string>> } | Because> {
  const places: Record<string, string> = {}
  for (const [name, node] of Object.entries(pods)) {
    const found = await runningPod(bench, name, node)
    if ('because' in found) return found
    places[name] = `${node}/${found.namespace.named ?? ''}`
  }
  return { places }
}
