// Pods, as the API has them, and where they really are: the network namespace that has a pod's address.
import type { Bench, Namespace } from '../runner/core/bench.ts'
import type { Evidence, NonEmpty } from '../runner/core/verdict.ts'
import { askApi, listAt, said } from './api.ts'
import { allNamespaces, holders, type Missing } from './ends.ts'
import { record, records, text, type Json } from './read/json.ts'

export interface Pod {
  readonly name: string
  readonly node: string
  readonly address: string
  readonly namespace: Namespace
}

export interface Pods {
  readonly pods: readonly Pod[]
  readonly evidence: Evidence
}

/** One running pod at least on each of these nodes, by label; or why there is none. */
export async function podsOf(bench: Bench, app: string, nodes: readonly string[], namespace = 'default'): Promise<Pods | Missing> {
  const [label, value] = app.includes('=') ? app.split('=') : ['app', app]
  const listed = await listAt(bench, `/api/v1/namespaces/${namespace}/pods?labelSelector=${label ?? ''}%3D${value ?? ''}`)
  if ('because' in listed) return listed
  const { evidence } = listed
  const there = listed.items.filter(pod => text(record(pod.metadata).deletionTimestamp) === undefined)
  for (const node of nodes) {
    if (there.some(pod => record(pod.spec).nodeName === node)) continue
    const waiting = there.find(pod => record(pod.spec).nodeName === undefined)
    const scheduled = waiting === undefined ? undefined : conditions(waiting).find(({ type }) => type === 'PodScheduled')
    return { because: `no pod of ${value ?? app} is on ${node}${scheduled === undefined ? '' : `: ${nameOf(waiting)} has no node: ${text(scheduled.message) ?? ''}`}`, evidence: [evidence] }
  }
  const namespaces = await allNamespaces(bench)
  const pods: Pod[] = []
  for (const pod of there) {
    const [name, node, address] = [nameOf(pod), text(record(pod.spec).nodeName) ?? '', text(record(pod.status).podIP)]
    if (record(pod.spec).hostNetwork === true) return { because: `${name} is on the network of ${node} itself, and has no address of its own (\`hostNetwork\`)`, evidence: [evidence] }
    if (record(pod.status).phase !== 'Running' || address === undefined) return stuck(bench, namespace, pod, evidence)
    const [holder, second] = holders(namespaces.filter(one => !one.own), address)
    if (holder === undefined || second !== undefined) {
      const where = second === undefined ? 'and no network namespace has it' : `and so has another, on ${second.namespace.node}`
      return { because: `${name} on ${node} has the address ${address}, ${where}`, evidence: [evidence] }
    }
    pods.push({ name, node, address, namespace: holder.namespace })
  }
  return { pods, evidence }
}

/** By name: `{ 'web-abcde': '10.244.0.2' }`. */
export function addressesOf(pods: readonly Pod[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pods.map(({ name, address }) => [name, address]))
}

/** What the kubelet has written about a pod that does not run; what the runtime and the plugin have said is in it. */
async function stuck(bench: Bench, namespace: string, pod: Json, evidence: Evidence): Promise<Missing> {
  const name = nameOf(pod)
  const asked = await askApi(bench, `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.name%3D${name}`)
  const more: NonEmpty<Evidence> = 'because' in asked ? [evidence, ...asked.evidence] : [evidence, asked.evidence]
  const items = 'because' in asked ? [] : record(asked.got[0]?.body).items
  const warning = (Array.isArray(items) ? records(items) : []).filter(({ type }) => type === 'Warning').at(-1)
  const statuses = record(pod.status).containerStatuses
  const [state] = Array.isArray(statuses) ? records(statuses).map(one => record(record(record(one).state).waiting)) : []
  const why = text(warning?.message) ?? [text(state?.reason), text(state?.message)].filter(Boolean).join(': ')
  return { because: `${name} on ${text(record(pod.spec).nodeName) ?? 'no node'} does not run${why === '' ? '' : `: ${said(short(why))}`}`, evidence: more }
}

/** Identifiers of 64 digits tell a reader nothing. */
function short(message: string): string {
  return message.replaceAll(/"?[0-9a-f]{64}"?/g, '…').replace(/^Failed to create pod sandbox: rpc error: code = \w+ desc = /, '')
}

function nameOf(pod: Json | undefined): string {
  return text(record(pod?.metadata).name) ?? 'a pod without a name'
}

function conditions(pod: Json): readonly Json[] {
  const all = record(pod.status).conditions
  return Array.isArray(all) ? records(all) : []
}
