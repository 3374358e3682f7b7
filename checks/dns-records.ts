import { randomBytes } from 'node:crypto'
import { answer, recordsOf, type DnsAnswer, type DnsRecord, type RecordType } from '../kubernetes/dns.ts'
import type { Objects, Service } from '../kubernetes/objects.ts'
import { readObjects } from '../kubernetes/read.ts'
import type { Bench, Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { askDns, sayReply, type DnsQuestion } from './dns-asking.ts'
import { endOf, endsOf, type End, type NamedEnd } from './ends.ts'
import type { DnsReply } from './read/dns.ts'

/** Who asks whom, and what the cluster has: YAML of its objects, from which the specification says what has to be answered. */
export interface ClusterDns {
  readonly from: End
  /** The server's address, as pods know it. */
  readonly server: string
  readonly objects: string
}

const ZONE = 'cluster.local'

/** `10.96.0.10 has the address of each Service: kubernetes.default and payment-svc.production`. */
export function namesServices({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  const services = all.services.filter(hasAddress)
  return agrees(`${server} has the address of each Service: ${list(services.map(shortly))}`, from, server,
    () => services.map(service => expecting(all, nameOf(service), 'A')))
}

/** Nor for a port that has no name, whatever one would call it. */
export function namesPorts({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  const services = all.services.filter(hasAddress)
  return agrees(`${server} has an SRV record for each port of ${list(services.map(shortly))} that has a name, and for no other`, from, server, () => services.flatMap(service => service.ports.flatMap(port => {
    const below = `_${port.protocol.toLowerCase()}.${nameOf(service)}`
    const called = port.name === undefined ? ['http', String(port.port), 'default', service.name] : [port.name]
    return called.filter(name => port.name !== undefined || service.ports.every(other => other.name !== name)).map(name => expecting(all, `_${name}.${below}`, 'SRV'))
  })))
}

export function namesBack({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  const addresses = all.services.filter(hasAddress).flatMap(({ clusterIP }) => clusterIP ?? [])
  return agrees(`${server} leads from the address of each Service back to its name`, from, server,
    () => addresses.map(address => expecting(all, reverse(address), 'PTR')))
}

/** The pods behind it, and no address of the Service's own; as long as there is none, nobody has the name. */
export function namesHeadless({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  const services = all.services.filter(({ clusterIP }) => clusterIP === 'None')
  const said = services.map(service => {
    const addresses = expecting(all, nameOf(service), 'A').expected.records.flatMap(record => record.type === 'A' ? [record.address] : [])
    return `${shortly(service)} is ${addresses.length === 0 ? 'nobody' : list(addresses)}`
  })
  return agrees(`${server} says that ${list(said)}`, from, server,
    () => services.map(service => expecting(all, nameOf(service), 'A')))
}

/** There, back, and with the port; and not as long as the pod is not behind it. */
export function namesPods({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  const named = all.services.filter(({ clusterIP }) => clusterIP === 'None').flatMap(service => all.pods
    .filter(pod => pod.namespace === service.namespace && pod.subdomain === service.name && pod.hostname !== undefined)
    .map(pod => ({ service, pod, name: `${pod.hostname ?? ''}.${nameOf(service)}` })))
  const services = [...new Set(named.map(({ service }) => service))]
  return agrees(`each pod behind ${list(services.map(shortly))} has a name of its own, which leads to it, back, and to its port, and no other pod has`, from, server, () => [
    ...named.map(({ name }) => expecting(all, name, 'A')),
    ...named.flatMap(({ pod }) => pod.address === undefined ? [] : [expecting(all, reverse(pod.address), 'PTR')]).filter(({ expected }) => expected.records.length > 0),
    ...services.flatMap(service => service.ports.flatMap(port => port.name === undefined ? [] : [expecting(all, `_${port.name}._${port.protocol.toLowerCase()}.${nameOf(service)}`, 'SRV')])),
  ])
}

/** By a CNAME, whether that or an address is asked for, and no address of its own. */
export function namesElsewhere({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  const services = all.services.filter(({ type }) => type === 'ExternalName')
  const aliases = services.map(service => `${shortly(service)} as another name of ${service.externalName ?? ''}`)
  return agrees(`${server} has ${list(aliases)}`, from, server, () => services.flatMap(service => [expecting(all, nameOf(service), 'CNAME'), expecting(all, nameOf(service), 'A')]))
}

export function namesVersion({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  return agrees(`${server} says by which version of the specification it answers`, from, server, () => [expecting(all, `dns-version.${ZONE}`, 'TXT')])
}

/** Above, below and beside each name there is nothing, by names that nobody can have thought of. */
export function namesNobodyElse({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  const services = all.services.filter(({ type }) => type !== 'ExternalName')
  return agrees(`${server} says of a name that nobody has that it does not exist (NXDOMAIN)`, from, server, () => {
    const word = `hw-${randomBytes(6).toString('hex')}`
    const namespaces = [...new Set(all.services.map(({ namespace }) => namespace))]
    const elsewhere = services.flatMap(({ name, namespace }) => namespaces.filter(other => other !== namespace && !all.services.some(one => one.name === name && one.namespace === other))
      .slice(0, 1).map(other => `${name}.${other}.svc.${ZONE}`))
    const nobody = [`${word}.${ZONE}`, `${word}.svc.${ZONE}`, `${word}.${word}.svc.${ZONE}`, ...namespaces.map(namespace => `${word}.${namespace}.svc.${ZONE}`),
      ...services.map(service => `${word}.${nameOf(service)}`), ...elsewhere]
    return nobody.map(name => ({ name, type: 'A' as const, expected: { code: 'NXDOMAIN', records: [] } as const }))
  })
}

/** Whoever denies the name because one type is missing denies the others with it: many ask for both addresses at once. */
export function namesWithoutData({ from, server, objects }: ClusterDns): Check {
  const all = readYaml(objects)
  const services = all.services.filter(hasAddress)
  return agrees(`${server} says of a name that exists and has no IPv6 address that there is none (NODATA), not that there is no such name`, from, server,
    () => services.map(service => ({ name: nameOf(service), type: 'AAAA' as const, expected: { code: 'NOERROR', records: [] } as const })))
}

/** `web, shop and batch learn from 10.96.0.10 where kubernetes.default is, by UDP and by TCP`. */
export function answersEverywhere(clients: readonly string[] | Readonly<Record<string, string>>, server: string, name: string, objects: string): Check {
  const all = readYaml(objects)
  const ends = endsOf(clients)
  const expected = expecting(all, `${name}.svc.${ZONE}`, 'A')
  const both = (['udp', 'tcp'] as const).map(protocol => ({ ...expected, protocol }))
  return {
    claim: `${list(ends.map(end => end.name))} ${ends.length === 1 ? 'learns' : 'learn'} from ${server} where ${name} is, by UDP and by TCP`,
    look: async bench => {
      const verdicts = await Promise.all(ends.map(end => look(bench, end, server, both)))
      const failed = verdicts.find(({ status }) => status !== 'pass')
      return failed ?? pass(...evidenceOf(verdicts))
    },
  }
}

/** At least one look was had. */
function evidenceOf(verdicts: readonly Verdict[]): [Evidence, ...Evidence[]] {
  const [first, ...rest] = verdicts.flatMap(({ evidence }) => evidence)
  if (first === undefined) throw new Error('nothing was asked')
  return [first, ...rest]
}

interface Expectation extends DnsQuestion {
  readonly type: RecordType | 'AAAA'
  readonly expected: DnsAnswer
}

function agrees(claim: string, from: End, server: string, expectations: () => readonly Expectation[]): Check {
  const end = endOf(from)
  // A claim of nothing would always hold.
  if (expectations().length === 0) throw new Error(`there is nothing to ask: ${claim}`)
  return { claim, look: bench => look(bench, end, server, expectations()) }
}

/** One failure is told, and how many more there are. */
async function look(bench: Bench, from: NamedEnd, server: string, expectations: readonly Expectation[]): Promise<Verdict> {
  const replies = await askDns(bench, from, server, expectations)
  if ('because' in replies) return fail(replies.because, ...replies.evidence)
  const wrong = expectations.flatMap(one => {
    const because = mistake(replies.of(one), one)
    return because === undefined ? [] : [`${one.name} (${one.type}${one.protocol === undefined ? '' : `, by ${one.protocol.toUpperCase()}`}): ${because}`]
  })
  const [first] = wrong
  if (first === undefined) return pass(replies.evidence)
  return fail(`${from.name} asks ${server} for ${first}${wrong.length === 1 ? '' : ` (and ${wrong.length - 1} more of ${expectations.length})`}`, replies.evidence)
}

/** `NXDOMAIN instead of 10.96.45.12`; undefined: it is as it has to be. */
function mistake(reply: DnsReply, { name, type, expected }: Expectation): string | undefined {
  const due = expected.records.map(dataOf)
  const wanted = due.length > 0 ? due.join(', ') : expected.code === 'NOERROR' ? 'NODATA' : expected.code
  if (reply.kind !== 'answer') return `${sayReply(reply, type)} instead of ${wanted}`
  const own = reply.records.filter(record => record.name === name && (record.type === type || record.type === 'CNAME'))
  const aliased = expected.records.some(record => record.type === 'CNAME')
  const got = own.map(record => record.type !== type && !aliased ? `alias ${record.data}` : record.type === 'SRV' ? record.data.split(' ').slice(2).join(' ') : record.data)
  const same = reply.code === expected.code && got.length === due.length && due.every(one => got.includes(one)) && new Set(got).size === got.length
  return same ? undefined : `${sayReply(reply, type)} instead of ${wanted}`
}

/** As a reply has it, without what the specification leaves to the server: priority and weight. */
function dataOf(record: DnsRecord): string {
  switch (record.type) {
    case 'A': return record.address
    case 'SRV':
      // The name of an endpoint that has none of its own is the server's to give: whoever has such objects has to ask once more.
      if (record.target === undefined) throw new Error(`the specification does not say which name the endpoint ${record.address} has`)
      return `${record.port} ${record.target}`
    case 'TXT': return record.text
    case 'PTR': case 'CNAME': return record.target
  }
}

function expecting(objects: Objects, name: string, type: RecordType): Expectation {
  return { name, type, expected: answer(objects, name, type, ZONE) }
}

function readYaml(text: string): Objects {
  const objects = readObjects([{ file: 'objects.yaml', text }])
  if (recordsOf(objects, ZONE).length < 2) throw new Error('the objects have no Service')
  return objects
}

function hasAddress({ type, clusterIP }: Service): boolean {
  return type !== 'ExternalName' && clusterIP !== undefined && clusterIP !== 'None'
}

/** `payment-svc.production`. */
function shortly({ name, namespace }: Service): string {
  return `${name}.${namespace}`
}

function nameOf(service: Service): string {
  return `${shortly(service)}.svc.${ZONE}`
}

function reverse(address: string): string {
  return `${address.split('.').toReversed().join('.')}.in-addr.arpa`
}
