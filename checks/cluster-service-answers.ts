import type { Bench, Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { curlSays, lastWords, objectAt } from './api.ts'
import { flagOf, runningAs } from './command-lines.ts'
import { podsOf, type Pod } from './pods-of.ts'
import { readWho } from './read/who.ts'
import { record, records, text, whole } from './read/json.ts'

const TIMES = 16

/** `at the address of the Service web pods of web answer, whichever of them or of node-0 and node-1 asks, and see who asks`. */
export function clusterServiceAnswers(service: string, app: string, nodes: NonEmpty<string>): Check {
  return {
    claim: `at the address of the Service ${service} every pod of ${app} answers pods and nodes, ${list(nodes)}, and sees who asks`,
    look: bench => look(bench, service, app, nodes),
  }
}

interface Client {
  readonly name: string
  readonly node: string
  /** By which it may be seen. */
  readonly addresses: readonly string[]
  readonly evidence: Evidence
}

async function look(bench: Bench, service: string, app: string, nodes: NonEmpty<string>): Promise<Verdict> {
  const [object, found] = await Promise.all([objectAt(bench, `/api/v1/namespaces/default/services/${service}`, `Service ${service}`), podsOf(bench, app, nodes)])
  if ('because' in object) return fail(object.because, ...object.evidence)
  if ('because' in found) return fail(found.because, ...found.evidence)
  const spec = record(object.object.spec)
  const [port] = Array.isArray(spec.ports) ? records(spec.ports) : []
  const [address, number] = [text(spec.clusterIP), whole(port?.port)]
  if (address === undefined || number === undefined) return fail(`the Service ${service} has no port`, object.evidence)
  if (address === 'None') return fail(`the Service ${service} has no address: it is headless`, object.evidence)
  const at = `${address}:${number}`
  const clients = await Promise.all([
    ...nodes.map(node => asks(bench, node, at)), ...found.pods.map(pod => asksFrom(pod, at)),
  ])
  const seen = new Set<string>()
  for (const client of clients) {
    const wrong = await wrongOf(bench, client, found.pods, seen, `${service}, ${at}`)
    if (wrong !== undefined) return fail(wrong.because, client.evidence, ...wrong.evidence)
  }
  const silent = found.pods.filter(({ name }) => !seen.has(name))
  const evidence: NonEmpty<Evidence> = [object.evidence, ...clients.map(client => client.evidence)]
  return silent.length === 0 ? pass(...evidence) : fail(`${list(silent.map(({ name }) => name))} is never asked: ${clients.length * TIMES} connections to ${at} went to others`, ...evidence)
}

async function wrongOf(bench: Bench, client: Client, pods: readonly Pod[], seen: Set<string>, at: string): Promise<{ readonly because: string; readonly evidence: readonly Evidence[] } | undefined> {
  const answers = readWho(client.evidence.stdout)
  for (const { by, peer } of answers) {
    const pod = pods.find(({ name }) => name === by)
    if (pod === undefined) return { because: `somebody called ${by} answers ${client.name} at ${at}, and no pod of it`, evidence: [] }
    seen.add(by)
    // Who is sent to itself is seen as its node, or its answer would not pass there.
    if (by === client.name || client.addresses.includes(peer)) continue
    const told = await runningAs(bench, client.node, 'kube-proxy')
    const cidr = told.argv === undefined ? undefined : flagOf(told.argv, 'cluster-cidr')
    return {
      because: `${by} sees ${peer} in place of ${client.addresses[0] ?? ''} when ${client.name} asks at ${at}${cidr === undefined ? '' : `: to kube-proxy on ${client.node} pods are in ${cidr}, and whoever is not comes from outside`}`,
      evidence: [told.evidence],
    }
  }
  if (answers.length === TIMES) return undefined
  const own = pods.some(({ name }) => name === client.name)
  const log = await lastWords(bench, client.node, 'kube-proxy', '^[EF][0-9]')
  const itself = own && answers.length > 0 && !answers.some(({ by }) => by === client.name) ? ', never when it is sent to itself' : ''
  return {
    because: `${client.name} on ${client.node} is answered ${answers.length} times of ${TIMES} at ${at}${itself}: ${curlSays(client.evidence)}${itself !== '' || log.words === '' ? '' : `; kube-proxy's log: ${log.words}`}`,
    evidence: [log.evidence],
  }
}

async function asks(bench: Bench, node: string, at: string): Promise<Client> {
  const own = (await bench.namespaces(node)).find(one => one.own)
  const addresses = own?.links.flatMap(link => link.addresses.map(held => held.split('/')[0] ?? '')) ?? []
  return { name: node, node, addresses, evidence: await bench.place(node).exec(curl(at)) }
}

async function asksFrom({ name, node, address, namespace }: Pod, at: string): Promise<Client> {
  return { name, node, addresses: [address], evidence: await namespace.place.exec(curl(at)) }
}

/** Each by a connection of its own, all at once. */
function curl(at: string): readonly string[] {
  return ['curl', '-sS', '--parallel', '--parallel-immediate', '--parallel-max', String(TIMES), '--max-time', '4', '--header', 'Connection: close', `http://${at}/cgi-bin/who?[1-${TIMES}]`]
}
