// What becomes of a node's addresses while pods join until none is left, while some leave, and while some vanish. Played once
// a look, on the node as it would be after a restart, and only as far as a check wants to know.
import { setImmediate as turn } from 'node:timers/promises'
import type { Bench } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { add, attachment, call, callAll, configured, refused, type Attachment, type Because, type Refused } from './cni.ts'
import type { JsonObject, Network } from './read/cni.ts'
import { restarted, type Restarted } from './restarted.ts'

/** So many pods join at once: a node that has just come up, and its pods are all sent to it. */
export const AT_ONCE = 50
/** More are no test of an address plan, but of patience. */
const MOST = 70
/** Of those that join after them. */
const ABREAST = 8

export interface Joined {
  readonly of: Attachment & { readonly name: string }
  readonly address: string
  readonly prefix: number
  readonly result: JsonObject
}

/** How far: until fifty have joined, until none is left, until some have left again, until those that vanished are collected. */
export const CHAPTERS = ['fifty', 'full', 'left', 'collected'] as const
export type Chapter = typeof CHAPTERS[number]

export interface Story {
  /** STATUS before anybody joined; undefined: ready. */
  readonly ready: Refused | undefined
  readonly atOnce: readonly (Joined | Refused)[]
  /** Who joined after them, one after another, until the first refusal; undefined: it never came. */
  readonly after: readonly Joined[]
  readonly refusal: Refused | undefined
  /** STATUS when none was left. */
  readonly full: Refused | undefined
  /** Some left, in the order of `gone`; so many could join then. */
  readonly left: Turnover | undefined
  /** Some vanished, and GC was told who is still there. */
  readonly collected: Turnover | undefined
  readonly evidence: readonly [Evidence, ...Evidence[]]
}

export interface Turnover {
  readonly gone: readonly Joined[]
  /** What kept DEL or GC from it. */
  readonly refusal: Refused | undefined
  /** Who joined after it until the first refusal. */
  readonly again: readonly Joined[]
  /** Those that were there all the time. */
  readonly stayed: readonly Joined[]
}

interface Batch {
  chapter: Chapter
  readonly told: Promise<Story | Because>
}

const open = new WeakMap<Bench, Map<string, Batch>>()

/** To be called before a look waits for anything else. */
export function story(bench: Bench, node: string, chapter: Chapter): Promise<Story | Because> {
  const all = open.get(bench) ?? new Map<string, Batch>()
  open.set(bench, all)
  const known = all.get(node)
  if (known !== undefined) {
    if (CHAPTERS.indexOf(chapter) > CHAPTERS.indexOf(known.chapter)) known.chapter = chapter
    return known.told
  }
  const batch: Batch = { chapter, told: turn().then(() => {
    all.delete(node)
    return play(bench, node, batch.chapter)
  }) }
  all.set(node, batch)
  return batch.told
}

async function play(bench: Bench, node: string, until: Chapter): Promise<Story | Because> {
  const found = await configured(bench.place(node))
  if ('because' in found) return found
  const { network } = found
  return restarted(bench, node, async at => {
    const ready = await status(at, network)
    const pods = await sandboxes(at, AT_ONCE)
    const atOnce = await Promise.all(pods.map(pod => join(at, network, pod)))
    const there = atOnce.filter(isJoined)
    const { joined: after, refusal } = until === 'fifty' || there.length < AT_ONCE ? { joined: [], refusal: undefined } : await joinUntilRefused(at, network, MOST - AT_ONCE)
    const all = [...there, ...after]
    const evidence = [found.evidence[0], await listing(at)] as const
    const told: Story = { ready, atOnce, after, refusal, full: undefined, left: undefined, collected: undefined, evidence }
    if (refusal === undefined) return told
    const full = await status(at, network)
    if (until === 'full') return { ...told, full }
    const left = await leave(at, network, all)
    const now = [...left.stayed, ...left.again]
    return { ...told, full, left, collected: until === 'left' || left.refusal !== undefined ? undefined : await vanish(at, network, now) }
  })
}

/** Three leave: the one whose address is the beginning of most others', and two whose namespaces are gone already; of one not even the path is known. */
async function leave(at: Restarted, network: Network, all: readonly Joined[]): Promise<Turnover> {
  const beginnings = all.toSorted((a, b) => others(b, all) - others(a, all))
  const gone = [...beginnings.slice(0, 1), ...beginnings.slice(-2)]
  await at.end(...gone.slice(-2).map(({ of }) => of.name))
  const stayed = all.filter(one => !gone.includes(one))
  for (const one of gone) {
    const refusal = await callAll(at.place, network, 'DEL', one === gone.at(-1) ? { ...one.of, netns: undefined } : one.of, one.result)
    if (refusal !== undefined) return { gone, refusal, again: [], stayed }
  }
  return { gone, refusal: undefined, again: (await joinUntilRefused(at, network, gone.length + 1)).joined, stayed }
}

/** How many have an address that begins with this one's: 10.0.0.2 is the beginning of 10.0.0.20. */
function others(one: Joined, all: readonly Joined[]): number {
  return all.filter(other => other !== one && other.address.startsWith(one.address)).length
}

/** Three are gone without DEL, as after a crash of their runtime. */
async function vanish(at: Restarted, network: Network, all: readonly Joined[]): Promise<Turnover> {
  const gone = all.slice(0, 3)
  const stayed = all.slice(3)
  await at.end(...gone.map(({ of }) => of.name))
  for (const plugin of network.plugins) {
    const called = await call(at.place, network, plugin, { verb: 'GC', more: { 'cni.dev/valid-attachments': stayed.map(({ of }) => ({ containerID: of.id, ifname: of.ifname })) } })
    if (!called.ok) return { gone, refusal: refused(called, [called.evidence]), again: [], stayed }
  }
  return { gone, refusal: undefined, again: (await joinUntilRefused(at, network, gone.length + 1)).joined, stayed }
}

async function join(at: Restarted, network: Network, of: Joined['of']): Promise<Joined | Refused> {
  const added = await add(at.place, network, of)
  // As every runtime has to.
  if ('because' in added) {
    await callAll(at.place, network, 'DEL', of, undefined)
    return added
  }
  const [ip] = added.result.ips
  if (ip === undefined) return { because: 'the result has no address', proper: false, evidence: added.evidence }
  return { of, address: ip.address, prefix: ip.prefix, result: added.result.json }
}

async function joinUntilRefused(at: Restarted, network: Network, most: number): Promise<{ readonly joined: readonly Joined[]; readonly refusal: Refused | undefined }> {
  const joined: Joined[] = []
  let refusal: Refused | undefined
  for (let tried = 0; tried < most && refusal === undefined; tried += ABREAST) {
    const pods = await sandboxes(at, Math.min(ABREAST, most - tried))
    for (const one of await Promise.all(pods.map(pod => join(at, network, pod)))) {
      if (isJoined(one)) joined.push(one)
      else refusal ??= one
    }
  }
  return { joined, refusal }
}

export function isJoined(one: Joined | Refused): one is Joined {
  return 'address' in one
}

async function sandboxes(at: Restarted, count: number): Promise<readonly Joined['of'][]> {
  // All are called the same, as most are: whose an address is, the container says.
  const made = Array.from({ length: count }, () => ({ ...attachment(), ifname: 'eth0' }))
  await at.pods(...made.map(({ name }) => name))
  return made
}

async function status(at: Restarted, network: Network): Promise<Refused | undefined> {
  for (const plugin of network.plugins) {
    const called = await call(at.place, network, plugin, { verb: 'STATUS' })
    if (!called.ok) return refused(called, [called.evidence])
  }
  return undefined
}

/** For whoever wants to see it: what the node has of them. */
function listing(at: Restarted): Promise<Evidence> {
  return at.place.exec(['ip', '-br', 'link'])
}

/** Without that, nobody knows which addresses are free. */
export function notFull({ evidence, atOnce }: Story): Verdict {
  for (const one of atOnce) if (!isJoined(one)) return fail(`it refuses before it is full: ${one.because}`, ...one.evidence)
  return fail('it could not be filled to the last address, and so nobody knows what is free', ...evidence)
}

/** Some are gone, and so many can join, and nobody gets what another has. */
export function turnedOver({ gone, refusal, again, stayed }: Turnover, how: string, { evidence }: Story): Verdict {
  if (refusal !== undefined) return fail(refusal.because, ...refusal.evidence)
  const who = list(gone.map(({ address }) => address))
  const taken = again.find(({ address }) => stayed.some(one => one.address === address))
  if (taken !== undefined) return fail(`the pods with ${who} ${how}, and then a new one gets ${taken.address}, whose pod is still there`, ...evidence)
  const twice = again.find(({ address }, index) => again.findIndex(one => one.address === address) !== index)
  if (twice !== undefined) return fail(`two new pods get ${twice.address}`, ...evidence)
  if (again.length < gone.length) return fail(`the pods with ${who} ${how}, and ${again.length === 0 ? 'nobody' : `only ${again.length} of ${gone.length}`} could join after that: addresses are lost`, ...evidence)
  if (again.length > gone.length) return fail(`${gone.length} pods ${how}, and ${again.length} could join after that`, ...evidence)
  return pass(...evidence)
}
