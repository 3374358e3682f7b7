// What the API of a lab's cluster holds now. Addresses and ranges are drawn when the lab starts, so claims say who is meant, and a
// look reads where that is.
import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, type Evidence } from '../runner/core/verdict.ts'
import { objectsOf, type Objects } from '../kubernetes/index.ts'
import { onceALook } from './once.ts'
import { unable } from './tool.ts'

/** Where a stand-in for the API listens on its own machine: `api-server` of the nodes. */
export interface Api {
  readonly on: string
  readonly port: number
}

export interface ClusterNow {
  readonly objects: Objects
  /** The range of each node's pods, and the node's own address, by its name. */
  readonly nodes: ReadonlyMap<string, { readonly range: string; readonly address: string }>
  readonly evidence: Evidence
  /** `shop/web-1` → its address. Throws NotYet where it has none. */
  podAt(name: string): string
}

/** Something that a claim is about is not there: the learner's, and not a broken look. */
export class NotYet extends Error {}

const KINDS = ['v1/namespaces', 'v1/nodes', 'v1/pods', 'v1/services', 'discovery.k8s.io/v1/endpointslices', 'networking.k8s.io/v1/networkpolicies'] as const

const once = onceALook<ClusterNow>()

/** No check: what the API holds now, for checks and answers that need it. It is asked once a look. Throws CouldNotLook. */
export function clusterNow(bench: Bench, api: Api): Promise<ClusterNow> {
  return once(bench, `${api.on}:${api.port}`, () => read(bench, api))
}

/** A claim, and the checks that it comes to with the objects of now. */
export function asObjectsSay(api: Api, claim: string, checks: (now: ClusterNow) => readonly Check[]): Check {
  return {
    claim,
    look: async bench => {
      const now = await clusterNow(bench, api)
      try {
        const verdicts = await Promise.all(checks(now).map(check => check.look(bench)))
        return verdicts.find(({ status }) => status !== 'pass') ?? verdicts[0] ?? fail('the objects say nothing of it', now.evidence)
      } catch (error) {
        if (error instanceof NotYet) return fail(error.message, now.evidence)
        throw error
      }
    },
  }
}

async function read(bench: Bench, { on, port }: Api): Promise<ClusterNow> {
  const urls = KINDS.map(path => `http://127.0.0.1:${port}/api${path.startsWith('v1/') ? '' : 's'}/${path}`)
  // To what calls itself curl a real API server answers in many lines.
  const evidence = await bench.place(on).exec(['curl', '-sSf', '-A', 'hardway', '--fail-early', '-m', '5', ...urls])
  if (evidence.exitCode !== 0) throw unable(evidence)
  const lists = evidence.stdout.split('\n').filter(line => line !== '')
  const items = lists.flatMap(line => {
    const { apiVersion, kind, items } = JSON.parse(line) as { readonly apiVersion: string; readonly kind: string; readonly items: readonly object[] }
    // A real API server says it once, of the whole list.
    return items.map(item => ({ apiVersion, ...item, kind: kind.replace(/List$/, '') }))
  })
  if (lists.length !== KINDS.length) throw new CouldNotLook(`${KINDS.length} lists were asked for, and ${lists.length} came`, evidence)
  const objects = objectsOf(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'the API')
  const nodes = new Map(objects.nodes.map(({ name, podCIDR = '', addresses: [address = ''] }) => [name, { range: podCIDR, address }]))
  return {
    objects, nodes, evidence,
    podAt: name => {
      const pod = objects.pods.find(one => `${one.namespace}/${one.name}` === name)
      if (pod === undefined) throw new NotYet(`the API has no pod ${name}`)
      if (pod.address === undefined) throw new NotYet(`the API knows no address of ${name}: its status has no podIP`)
      return pod.address
    },
  }
}
