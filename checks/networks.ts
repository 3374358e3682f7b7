// Pods that ask for more networks than one, and what a plugin that calls others makes of it: on the node as it would be after a
// restart, with pods and networks that nobody has seen before.
import { randomBytes } from 'node:crypto'
import type { Bench, Link } from '../runner/core/bench.ts'
import { CouldNotLook, fail, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { add, attachment, withNetwork, type Added, type Attachment, type Refused } from './cni.ts'
import type { Network } from './read/cni.ts'
import { readLinks } from './read/links.ts'
import type { Heard, Restarted } from './restarted.ts'
import { tool } from './tool.ts'

const OBJECTS = '/etc/objects'
export const ASKED = 'k8s.v1.cni.cncf.io/networks'
export const STATUS = 'k8s.v1.cni.cncf.io/network-status'

/** A network of the lesson: its name, the device of the node that it hands over, the name that this gets, and its address. */
export interface Rail {
  readonly network: string
  readonly device: string
  readonly interface: string
  readonly address: string
}

export interface Pod extends Attachment {
  readonly name: string
  readonly netns: string
  readonly pod: { readonly namespace: string; readonly name: string }
}

/** What the network of a look needs. */
export interface Playground {
  readonly network: Network
  readonly at: Restarted
  /** Devices of the node that pods may be given, by name, and their MAC addresses. */
  readonly devices: ReadonlyMap<string, string>
  readonly evidence: Evidence
}

export function word(): string {
  return `n${randomBytes(3).toString('hex')}`
}

/** A node with the devices that the topology gives no address, none of which is anybody's yet. */
export function playground(bench: Bench, node: string, work: (ground: Playground) => Promise<Verdict>): Promise<Verdict> {
  return withNetwork(bench, node, async (network, at) => {
    const { links, evidence } = await linksOf(at)
    const names = bench.topology.nodes.find(({ name }) => name === node)?.interfaces.flatMap(({ name, address }) => address === undefined ? [name] : []) ?? []
    const devices = new Map(links.flatMap(({ name, mac }) => names.includes(name) && mac !== undefined ? [[name, mac] as const] : []))
    if (devices.size !== names.length) throw new CouldNotLook(`${at.place.name}: some of ${names.join(', ')} are not there`, evidence)
    return work({ network, at, devices, evidence })
  })
}

/** An object of a pod that asks, in one of the two forms; its namespace is there as well. */
export async function asks(at: Restarted, networks: string | readonly object[], namespace = 'default'): Promise<Pod> {
  const made = attachment()
  const of: Pod = { ...made, ifname: 'eth0', pod: { namespace, name: made.name } }
  await writes(at, 'pods', namespace, made.name, {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: made.name, namespace, uid: made.id, annotations: { [ASKED]: typeof networks === 'string' ? networks : JSON.stringify(networks) } },
  })
  await at.pods(made.name)
  return of
}

/** A definition that hands a device of the node over: with this address, or with one that another plugin gives. */
export function defines(at: Restarted, namespace: string, name: string, device: string, address: string | { readonly type: string }): Promise<void> {
  const ipam = typeof address === 'string' ? { type: 'static', addresses: [{ address }] } : address
  const config = { cniVersion: '1.1.0', name, type: 'host-device', device, ipam }
  return writes(at, 'networks', namespace, name, {
    apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { name, namespace }, spec: { config: JSON.stringify(config) },
  })
}

async function writes(at: Restarted, kind: 'pods' | 'networks', namespace: string, name: string, object: object): Promise<void> {
  const written = await at.place.exec(['sh', '-ec', 'mkdir -p "$1" && cat >"$1/$2.json"', 'sh', `${OBJECTS}/${kind}/${namespace}`, name], { stdin: JSON.stringify(object, undefined, 2) })
  if (written.exitCode !== 0) throw new CouldNotLook('an object could not be written', written)
}

/** What the pod's object is now. */
export async function shows(at: Restarted, { pod: { namespace, name } }: Pod): Promise<Evidence> {
  return at.place.exec(['cat', `${OBJECTS}/pods/${namespace}/${name}.json`])
}

export async function forgets(at: Restarted, ...what: readonly (readonly ['pods' | 'networks', string, string])[]): Promise<void> {
  const removed = await at.place.exec(['rm', ...what.map(([kind, namespace, name]) => `${OBJECTS}/${kind}/${namespace}/${name}.json`)])
  if (removed.exitCode !== 0) throw new CouldNotLook('an object could not be removed', removed)
}

/** What there is in a pod, or on the node. */
export async function linksOf(at: Restarted, pod?: string): Promise<{ readonly links: readonly Link[]; readonly evidence: Evidence }> {
  const { value, evidence } = await tool(at.place, ['ip', '-j', '-d', ...pod === undefined ? [] : ['-n', pod], 'addr'], readLinks)
  return { links: value.filter(({ name }) => name !== 'lo'), evidence }
}

/** Adds it; a refusal is the learner's, since all that it asks for is there. */
export async function joins({ network, at }: Playground, of: Pod): Promise<Added | Refused> {
  return add(at.place, network, of)
}

/** Where each interface of a pod is heard that should be on the cable of a device, and nowhere else. */
export function misled(frames: readonly Heard[], expected: ReadonlyMap<string, string>): string | undefined {
  for (const [name, device] of expected) {
    const cables = [...new Set(frames.filter(({ from }) => from === name).map(({ cable }) => cable))]
    if (cables.length === 0) return `what is sent from ${name} comes out nowhere, and ${name} has to be on the cable of ${device}`
    const [other] = cables.filter(cable => cable !== device)
    if (other !== undefined) return cables.includes(device) ? `what is sent from ${name} comes out of the cable of ${device}, and of that of ${other} as well` : `${name} is on the cable of ${other}, and has to be on that of ${device}`
  }
  return undefined
}

/** The devices are as they were: on the node, with name and MAC address. */
export async function notBack({ at, devices }: Playground): Promise<{ readonly because: string | undefined; readonly evidence: Evidence }> {
  const { links, evidence } = await linksOf(at)
  const lost = [...devices].flatMap(([name, mac]) => {
    const is = links.find(link => link.name === name)
    if (is?.mac === mac) return []
    const as = links.find(link => link.mac === mac)
    return [is !== undefined ? `${name} has another MAC address, ${is.mac ?? 'none'}` : as === undefined ? `${name} is not on the node any more` : `${name} is called ${as.name} now`]
  })
  return { because: lost.length === 0 ? undefined : lost.length === 1 ? lost[0] : `${lost[0] ?? ''}, and so it is with ${lost.length - 1} more`, evidence }
}

export function refusal({ because, evidence }: Refused): Verdict {
  return fail(because, ...evidence)
}
