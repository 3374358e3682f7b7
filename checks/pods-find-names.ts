import type { Bench, Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { objectAt } from './api.ts'
import { askDns, sayReply } from './dns-asking.ts'
import { addressesOf, podsOf, type Pod } from './pods-of.ts'
import { processesOf } from './processes.ts'
import { readNameServers } from './read/name-servers.ts'
import { record, text } from './read/json.ts'

export interface Names {
  readonly services: readonly string[]
  /** Their names are the addresses of all pods. */
  readonly headless?: readonly string[]
}

/** `pods of web ask the Service kube-dns for names, and find web and kubernetes there`: by the file that each pod was given. */
export function podsFindNames(app: string, nodes: NonEmpty<string>, names: Names): Check {
  const { services, headless = [] } = names
  return {
    claim: `pods of ${app} on ${list(nodes)} are told to ask the Service kube-dns for names, and find ${list([...services, ...headless])} there`,
    look: bench => look(bench, app, nodes, { services, headless }),
  }
}

async function look(bench: Bench, app: string, nodes: NonEmpty<string>, { services, headless }: Required<Names>): Promise<Verdict> {
  const [found, dns] = await Promise.all([podsOf(bench, app, nodes), objectAt(bench, '/api/v1/namespaces/kube-system/services/kube-dns', 'Service kube-dns')])
  if ('because' in found) return fail(found.because, ...found.evidence)
  if ('because' in dns) return fail(dns.because, ...dns.evidence)
  const address = text(record(dns.object.spec).clusterIP) ?? ''
  const objects = await Promise.all([...services, ...headless].map(name => objectAt(bench, `/api/v1/namespaces/default/services/${name}`, `Service ${name}`)))
  const evidence = new Set<Evidence>([dns.evidence])
  const expected = new Map<string, string>()
  for (const [index, name] of [...services, ...headless].entries()) {
    const one = objects[index]
    if (one === undefined || 'because' in one) return one === undefined ? fail(`there is no Service ${name}`, dns.evidence) : fail(one.because, ...one.evidence)
    const own = text(record(one.object.spec).clusterIP) ?? ''
    if (headless.includes(name) !== (own === 'None')) return fail(`the Service ${name} ${own === 'None' ? 'has no address' : `has the address ${own}: it is not headless`}`, one.evidence)
    expected.set(`${name}.default.svc.cluster.local`, own === 'None' ? Object.values(addressesOf(found.pods)).toSorted().join(', ') : own)
  }
  for (const pod of found.pods) {
    const told = await serversOf(bench, pod)
    if (told === undefined) return fail(`no process of ${pod.name} is to be seen on ${pod.node}`, found.evidence)
    evidence.add(told.evidence)
    if (told.servers.join() !== address) return fail(`${pod.name} on ${pod.node} is told to ask ${list(told.servers.length === 0 ? ['nobody'] : told.servers)}, and the Service kube-dns has ${address}`, told.evidence, dns.evidence)
    const asked = await askDns(bench, { name: pod.name, address: pod.address, named: true }, address, [...expected.keys()].map(name => ({ name, type: 'A' })))
    if ('because' in asked) return fail(asked.because, ...asked.evidence)
    evidence.add(asked.evidence)
    for (const [name, addresses] of expected) {
      const reply = asked.of({ name, type: 'A' })
      const got = reply.kind === 'answer' ? reply.records.flatMap(one => one.type === 'A' ? [one.data] : []).toSorted().join(', ') : ''
      if (got === addresses) continue
      const log = await logOfDns(bench, nodes)
      return fail(`${pod.name} on ${pod.node} asks ${address} for ${name}: ${sayReply(reply, 'A')}${addresses === '' ? '' : `, and not ${addresses}`}${log.words === '' ? '' : `; CoreDNS says: ${log.words}`}`, asked.evidence, ...log.evidence)
    }
  }
  const [first, ...rest] = evidence
  return first === undefined ? fail('nothing was asked', dns.evidence) : pass(first, ...rest)
}

/** The file as the pod's own processes see it. */
async function serversOf(bench: Bench, { node, namespace }: Pod): Promise<{ readonly servers: readonly string[]; readonly evidence: Evidence } | undefined> {
  const { value } = await processesOf(bench, node)
  const process = value.processes.find(one => one.inode === namespace.inode && !one.command.includes('pause'))
  if (process === undefined) return undefined
  const evidence = await bench.place(node).exec(['cat', `/proc/${process.pid}/root/etc/resolv.conf`])
  return { servers: readNameServers(evidence.stdout), evidence }
}

/** Its log is a file of the node that it runs on. */
async function logOfDns(bench: Bench, nodes: readonly string[]): Promise<{ readonly words: string; readonly evidence: readonly Evidence[] }> {
  const found = await Promise.all(nodes.map(node => bench.place(node).exec(['sh', '-c', 'cat /var/log/pods/kube-system_coredns-*/coredns/*.log 2>/dev/null | grep -E "ERROR|WARN|rror|orbidden|plugin" | tail -n 1'])))
  const words = found.map(({ stdout }) => stdout.trim().replace(/^\S+ std\w+ F /, '').slice(0, 300)).find(line => line !== '') ?? ''
  return { words, evidence: found }
}
