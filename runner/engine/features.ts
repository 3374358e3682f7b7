// Tries kernel features in a throwaway node: whatever a probe does, it goes with the node.
import { FEATURES, statusOf, type Feature, type FeatureStatus } from '../core/features.ts'
import { Unable, Usage } from '../core/mistake.ts'
import type { Node, Provider } from '../core/provider.ts'
import { nearest, quoted } from '../core/quoted.ts'
import type { Role, Topology } from '../core/topology.ts'
import type { Evidence } from '../core/verdict.ts'

export interface FeatureResult {
  readonly name: string
  readonly what: string
  readonly status: FeatureStatus
  /** The words that decided it, unless it is `ok`. */
  readonly because: string | undefined
  readonly evidence: Evidence
}

const AT_ONCE = 4
/** Late: without a feature a lab is skipped, and a busy machine lacks none. */
const DEADLINE_MS = 30_000
const NODE = 'node1'
const topologyOf = (role: Role | undefined): Topology => ({
  segments: [{ name: 'fab', mtu: 1500 }],
  nodes: [{ name: NODE, diskMiB: 16, bpf: true, ...(role === undefined ? {} : { role }), interfaces: [{ name: 'eth0', segment: 'fab', address: undefined }] }],
})

/** Those that are named, or all. The provider has to work and to be prepared. */
export async function probeFeatures(provider: Provider, names: readonly string[] | undefined, signal: AbortSignal): Promise<readonly FeatureResult[]> {
  const asked = (names ?? Object.keys(FEATURES)).map(name => [name, featureCalled(name)] as const)
  const results = await Promise.all([undefined, 'kubelet' as const].map(role => probeOn(provider, role, asked.filter(([, feature]) => feature.role === role), signal)))
  return asked.flatMap(([name]) => results.flat().filter(result => result.name === name))
}

/** On a node of that role, made for it. */
async function probeOn(provider: Provider, role: Role | undefined, asked: readonly (readonly [string, Feature])[], signal: AbortSignal): Promise<readonly FeatureResult[]> {
  if (asked.length === 0) return []
  // A name of its own: two may ask at the same time.
  const lab = `features-${process.pid}-${++count}`
  try {
    await provider.up(lab, topologyOf(role), { signal, keep: false })
  } catch (error) {
    // Where even a plain node does not start, nothing is learned; where only this one does not, that is the answer.
    if (role === undefined || !(error instanceof Unable)) throw error
    const evidence = { place: NODE, argv: [], exitCode: 1, stdout: '', stderr: error.message, ms: 0 }
    return asked.map(([name, { what }]) => ({ name, what, status: 'refused', because: error.message, evidence }))
  }
  try {
    const node = (await provider.nodes(lab)).find(({ name }) => name === NODE)
    if (node === undefined) throw new Error(`the node of ${lab} is gone`)
    const results: FeatureResult[] = []
    const waiting = asked.entries()
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (const [index, [name, feature]] of waiting) results[index] = await probe(node, name, feature, signal)
    }))
    return results
  } finally {
    await provider.down(lab)
  }
}

let count = 0

export async function probe(node: Node, name: string, feature: Feature, signal: AbortSignal): Promise<FeatureResult> {
  // `unshare` itself may be refused, and that is the probe's answer too.
  const evidence = await node.exec(['unshare', '-n', '-m', 'sh', '-ec', feature.probe], { timeoutMs: DEADLINE_MS, signal })
  const output = `${evidence.stdout}\n${evidence.stderr}`
  const status = statusOf(evidence.exitCode, output)
  return { name, what: feature.what, status, because: status === 'ok' ? undefined : because(evidence), evidence }
}

function because({ stdout, stderr, exitCode }: Evidence): string {
  if (exitCode === undefined) return `no answer: ${stderr.trim()}`
  const lines = `${stdout}\n${stderr}`.split('\n').map(line => line.trim()).filter(Boolean)
  return lines.find(line => /^(missing|refused|unknown): /.test(line))?.replace(/^\w+: /, '')
    ?? lines.find(line => /error|not |no |fail|denied|unknown|can't/i.test(line)) ?? lines[0]
    ?? (exitCode === 127 ? 'the node has no tool for it' : `exit ${exitCode}, and nothing was said`)
}

function featureCalled(name: string): Feature {
  const feature = FEATURES[name]
  if (feature !== undefined) return feature
  const best = nearest(name, Object.keys(FEATURES))
  throw new Usage(`no kernel feature is called ${quoted(name)}${best === undefined ? '' : `; the nearest is ${quoted(best)}`}`)
}
