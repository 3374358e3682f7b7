// Who is meant: an address, and the name that a lesson has for whoever holds it.
import type { Bench, Link, Namespace } from '../runner/core/bench.ts'
import { parseAddress } from '../runner/core/ipv4.ts'
import { list } from '../runner/core/quoted.ts'
import type { Evidence, NonEmpty } from '../runner/core/verdict.ts'

/**
 * `'10.244.1.2'`, or with the name that claims are to call it by: `{ red: '10.244.1.2' }`. Where the address is the
 * learner's to choose, the place: `{ late: 'node2/late' }`.
 */
export type End = string | Readonly<Record<string, string>>

export interface NamedEnd {
  readonly name: string
  /** Empty as long as only the place is known. */
  readonly address: string
  /** The name is not just the address. */
  readonly named: boolean
  /** The namespace that is meant, whatever addresses it has. Otherwise it is who holds the address. */
  readonly place?: string
}

export function endOf(end: End): NamedEnd {
  const [one, ...more] = endsOf(typeof end === 'string' ? [end] : end)
  if (one === undefined || more.length > 0) throw new Error('expected one end, for example { red: \'10.244.1.2\' }')
  return one
}

/** Several: `['10.244.1.2', '10.244.1.3']` or `{ red: '10.244.1.2', blue: '10.244.1.3' }`. */
export function endsOf(ends: readonly string[] | Readonly<Record<string, string>>): readonly NamedEnd[] {
  const all = Array.isArray(ends)
    ? ends.map((address: string) => ({ name: address, address, named: false }))
    : Object.entries(ends).map(([name, is]: [string, string]) => is.includes('/') ? { name, address: '', named: true, place: is } : { name, address: is, named: true })
  // A claim of nobody would always hold.
  if (all.length === 0) throw new Error('expected one end at least, for example { red: \'10.244.1.2\' }')
  for (const { address, ...rest } of all) {
    if (!('place' in rest) && parseAddress(address) === undefined) throw new Error(`expected an IPv4 address, for example 10.244.1.2, and got ${address}`)
  }
  return all
}

export interface Owner {
  readonly namespace: Namespace
  /** None for an end that is given by its place. */
  readonly link: Link | undefined
}

export interface Missing {
  readonly because: string
  readonly evidence: NonEmpty<Evidence>
}

/** Every namespace of every node. */
export async function allNamespaces(bench: Bench): Promise<readonly Namespace[]> {
  return (await Promise.all(bench.topology.nodes.map(node => bench.namespaces(node.name)))).flat()
}

/** All who hold an address. */
export function holders(namespaces: readonly Namespace[], address: string): readonly { readonly namespace: Namespace; readonly link: Link }[] {
  return namespaces.flatMap(namespace => namespace.links
    .filter(link => link.addresses.some(held => held.startsWith(`${address}/`)))
    .map(link => ({ namespace, link })))
}

/** The one namespace that is meant, or why there is none. */
export async function ownerOf(bench: Bench, end: NamedEnd): Promise<Owner | Missing> {
  if (end.place !== undefined) return namespaceAt(bench, end.place)
  const namespaces = await allNamespaces(bench)
  const found = holders(namespaces, end.address)
  const [owner, second] = found
  const [first, ...others] = namespaces.filter(namespace => namespace.own).map(namespace => namespace.evidence)
  if (first === undefined) throw new Error('the topology has no nodes')
  const meant = end.named ? ` (${end.name})` : ''
  if (owner === undefined) return { because: `no namespace has the address ${end.address}${meant}`, evidence: [first, ...others] }
  if (second !== undefined) {
    const where = list(found.map(({ namespace, link }) => `${namespace.place.name} (${link.name})`))
    return { because: `${where} all have the address ${end.address}${meant}`.replace(' all have', found.length === 2 ? ' both have' : ' all have'), evidence: [owner.namespace.evidence, second.namespace.evidence] }
  }
  // A name that is a node's means the node; any other means somebody who lives in a namespace of their own.
  if (end.named && owner.namespace.own && end.name !== owner.namespace.node) {
    return { because: `${end.address} is ${owner.namespace.node}'s own address (${owner.link.name}), not that of ${end.name}`, evidence: [owner.namespace.evidence] }
  }
  return owner
}

/** All IPv4 addresses of a namespace but those of its loopback. */
export function addressesOf({ links }: Namespace): readonly string[] {
  return links.filter(link => link.name !== 'lo').flatMap(link => link.addresses).map(one => one.split('/')[0] ?? '').filter(one => parseAddress(one) !== undefined)
}

/** The end with its address: the first one of the place, where only that is known. */
export function addressed(end: NamedEnd, { namespace }: Owner): NamedEnd | Missing {
  if (end.address !== '') return end
  const [address] = addressesOf(namespace)
  return address === undefined ? { because: `${namespace.place.name} has no address`, evidence: [namespace.evidence] } : { ...end, address }
}

/** `node1` is the node itself, `node1/red` the namespace of that name. */
export async function namespaceAt(bench: Bench, place: string): Promise<Owner | Missing> {
  const [node = '', name] = place.split('/')
  const namespaces = await bench.namespaces(node)
  const namespace = namespaces.find(one => name === undefined ? one.own : one.named === name)
  if (namespace !== undefined) return { namespace, link: undefined }
  const names = namespaces.flatMap(one => one.named ?? [])
  const [own] = namespaces
  if (own === undefined) throw new Error(`${node} has no namespace, not even its own`)
  const others = names.length === 0 ? 'it has none with a name' : `it has ${list(names)}`
  return { because: `${node} has no network namespace ${name}: ${others}`, evidence: [own.evidence] }
}
