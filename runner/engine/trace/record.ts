// Records probes: a recorder on every machine and in the fabric, the packets sent, and what namespaces say of themselves.
import { randomBytes, randomInt } from 'node:crypto'
import { FACTS } from '../../../checks/read/facts.ts'
import { readLinks } from '../../../checks/read/links.ts'
import { readListening } from '../../../checks/read/recorded.ts'
import type { Bench, Namespace } from '../../core/bench.ts'
import type { Probe } from '../../core/trace.ts'
import { CouldNotLook, type Evidence } from '../../core/verdict.ts'
import { recorder, type Recorder } from './recorder.ts'
import type { RecordedProbe, RecordedSpace, Recording } from './recording.ts'

const RECORD = '/usr/local/lib/hardway/record'
/** The fabric has no layer of ours: there they lie where the lab's first process has put them. */
const RECORD_IN_FABRIC = `/tmp/files${RECORD}`
const NFT_RULESET = ['nft', '-a', 'list', 'ruleset']
// In a user namespace nobody may read which of the older tables there are: this one is asked for by name.
const LEGACY_FILTER = ['iptables-legacy-save', '-c', '-t', 'filter']
/** Without anything new for so long, nothing more comes: a kernel passes packets on at once. */
const QUIET_MS = 80
/** A question for a MAC, or a pod that answers, may take as long. */
const LEAST_MS = 100
/** Who answers for others waits up to 0.8 s, so that those who are asked may be first (proxy_delay). */
const PATIENT_MS = 900
const MOST_MS = 2_000
const SYNC_MS = 3_000

/** Which namespaces' filters are to tell of the packet. */
export interface Ruled {
  readonly space: RecordedSpace
  /** Interfaces at whose door a filter may stand. */
  readonly devices: readonly string[]
  /** Also what a tunnel's own packets meet there: its UDP port. */
  readonly port?: number
}

export interface Manner {
  readonly rulesAt?: readonly Ruled[]
  readonly patient?: boolean
}

export interface Placed {
  readonly recorded: RecordedSpace
  readonly namespace: Namespace | undefined
}

export async function placesOf(bench: Bench): Promise<readonly Placed[]> {
  const [nodes, fabric] = await Promise.all([
    Promise.all(bench.topology.nodes.map(async ({ name }) => Promise.all((await bench.namespaces(name)).map(async namespace =>
      ({ namespace, listed: await namespace.place.exec(['ip', '-j', '-d', 'addr']) }))))),
    bench.place('fabric').exec(['sh', '-c', 'stat -L -c %i /proc/self/ns/net && ip -j -d addr']),
  ])
  if (fabric.exitCode !== 0) throw new CouldNotLook('could not list the wires', fabric)
  const [inode = '', ...links] = fabric.stdout.split('\n')
  return [
    // One that could not be entered any more has gone meanwhile.
    ...nodes.flat().filter(({ listed }) => listed.exitCode === 0).map(({ namespace, listed }) => ({
      namespace,
      recorded: {
        place: namespace.place.name, node: namespace.node, name: namespace.own ? namespace.node : namespace.named ?? namespace.place.name,
        own: namespace.own, inode: namespace.inode, links: listed.stdout,
      },
    })),
    { namespace: undefined, recorded: { place: 'fabric', node: 'fabric', name: 'the wire', own: true, inode: Number(inode), links: links.join('\n') } },
  ]
}

/** Sends the probes and records until nothing more happens. */
export async function record(bench: Bench, places: readonly Placed[], probes: readonly Probe[], { rulesAt = [], patient = false }: Manner = {}): Promise<Recording> {
  const started = await Promise.allSettled([
    ...bench.topology.nodes.map(({ name }) => recorder(bench.place(name), [RECORD])),
    recorder(bench.place('fabric'), ['perl', RECORD_IN_FABRIC, 'here']),
  ])
  const recorders = started.flatMap(one => one.status === 'fulfilled' ? [one.value] : [])
  try {
    const failed = started.find(one => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const on = (space: RecordedSpace): Recorder => {
      const at = bench.topology.nodes.findIndex(({ name }) => name === space.node)
      const found = recorders[at === -1 ? recorders.length - 1 : at]
      if (found === undefined) throw new Error(`nobody records ${space.node}`)
      return found
    }
    const sending = await Promise.all(probes.map((probe, index) => prepared(places, probe, index, on)))
    const before = await rulesOf(places, rulesAt)
    await Promise.all(rulesAt.map(one => tell(on(one.space), one, sending)))
    for (const { id, inode, protocol, to, number, size, source, nonce } of sending) {
      const sender = places.find(({ recorded }) => recorded.inode === inode)
      if (sender !== undefined) on(sender.recorded).say(`send ${id} ${inode} ${protocol} ${to} ${number} ${protocol === 'tcp' ? '-' : size ?? '-'} ${source ?? '-'} ${nonce}`)
    }
    await settled(recorders, sending, patient ? PATIENT_MS : QUIET_MS)
    await Promise.all(recorders.map(one => one.end()))
    const after = await rulesOf(places, rulesAt)
    return {
      spaces: places.map(({ recorded }) => recorded), probes: sending, recorded: recorders.map(one => one.output()), facts: {}, patient,
      rules: Object.fromEntries(rulesAt.map(({ space: { inode } }) => [inode, {
        nft: before.get(inode)?.nft ?? '', before: before.get(inode)?.legacy ?? '', after: after.get(inode)?.legacy ?? '',
      }])),
    }
  } finally {
    // Those too that got ready only after something else had failed.
    await Promise.all(recorders.map(one => one.end()))
  }
}

async function prepared(places: readonly Placed[], probe: Probe, index: number, on: (space: RecordedSpace) => Recorder): Promise<RecordedProbe> {
  const id = `p${index}`
  const sender = places.find(({ recorded }) => recorded.place === probe.from)
  if (sender === undefined) throw new CouldNotLook(`there is no namespace ${probe.from}`)
  const named = { ...probe, id, inode: sender.recorded.inode, nonce: randomBytes(8).toString('hex'), served: false }
  if (probe.protocol === 'icmp') return { ...named, number: randomInt(1, 65_536) }
  if (probe.port !== undefined) return { ...named, number: probe.port }
  const server = [sender, ...places].find(({ recorded }) => readLinks(recorded.links).some(link => link.addresses.some(held => held.split('/')[0] === probe.to)))
  // Whom nobody has, nobody serves: any port will do.
  if (server === undefined) return { ...named, number: randomInt(20_000, 60_000) }
  const there = on(server.recorded)
  there.say(`listen ${id} ${server.recorded.inode} ${probe.to}`)
  await there.until(output => readListening(output, id) !== undefined, SYNC_MS)
  const port = readListening(there.output(), id)
  if (port === undefined || Number.isNaN(port)) throw new CouldNotLook(`${server.recorded.place}: no port could be opened at ${probe.to}`)
  return { ...named, number: port, served: true }
}

/** Until each probe is answered, or nothing has come for a while, and every recorder has said all that it has seen. */
async function settled(recorders: readonly Recorder[], probes: readonly RecordedProbe[], quietMs: number): Promise<void> {
  const all = (): string => recorders.map(one => one.output()).join('')
  const length = (): number => recorders.reduce((sum, one) => sum + one.output().length, 0)
  const whole = (pattern: string): boolean => {
    const output = all()
    return probes.every(({ id }) => new RegExp(`^(?:${pattern}) ${id}\\b|^unsent ${id}\\b`, 'm').test(output))
  }
  const until = performance.now() + SYNC_MS
  while (!whole('sent|told') && performance.now() < until) await anything(recorders, QUIET_MS)
  const sentAt = performance.now()
  for (let round = 0; performance.now() - sentAt < MOST_MS; round++) {
    const done = whole('told')
    if (!done) {
      let before = length()
      while (performance.now() - sentAt < MOST_MS) {
        const news = await anything(recorders, Math.max(quietMs, LEAST_MS - (performance.now() - sentAt)))
        if (!news || whole('told')) break
        before = length()
      }
      if (length() !== before) continue
    }
    // A machine that is busy elsewhere may not have come to its recorder: each says when it has nothing more.
    const before = length()
    for (const one of recorders) one.say(`sync ${round}`)
    await Promise.all(recorders.map(one => one.until(output => output.includes(`synced ${round}\n`), SYNC_MS)))
    if (done || length() - before <= recorders.length * `synced ${round}\n`.length) return
  }
}

/** Whether any of them said anything within the time. */
async function anything(recorders: readonly Recorder[], ms: number): Promise<boolean> {
  const lengths = recorders.map(one => one.output().length)
  return new Promise(resolve => {
    let left = recorders.length
    for (const [index, one] of recorders.entries()) {
      void one.until(output => output.length > (lengths[index] ?? 0), ms).then(news => {
        left--
        if (news) resolve(true)
        else if (left === 0) resolve(false)
      })
    }
  })
}

/** Has nftables tell of the probes, and of errors about them, in one namespace. */
async function tell(there: Recorder, { space: { inode }, devices, port }: Ruled, probes: readonly RecordedProbe[]): Promise<void> {
  const hex = (number: number): string => number.toString(16).padStart(4, '0')
  const matches = [
    // By what nobody rewrites: the nonce, and that a connection begins or is refused. The answer of a server may be any.
    ...new Set(probes.flatMap(({ protocol, nonce, number }) => protocol === 'icmp' ? [`1:8:${begin(nonce)}`]
      : protocol === 'udp' ? [`17:8:${begin(nonce)}`, `17:0:${hex(number)}`] : ['02', '12', '14', '04'].map(flags => `6:13:${flags}`))),
    '1:0:03', '1:0:0b', ...(port === undefined ? [] : [`17:2:${hex(port)}`]),
  ]
  const families = ['ip', 'bridge', 'arp', ...devices.map(device => `netdev/${device}`)]
  for (const family of families) there.say(`rules ${inode} ${family} ${family === 'arp' ? '' : matches.join(' ')}`.trim())
  await there.until(output => families.every(family => output.includes(`ruled ${inode} ${family}`)), SYNC_MS)
}

function begin(nonce: string): string {
  return Buffer.from(nonce.slice(0, 8)).toString('hex')
}

async function rulesOf(places: readonly Placed[], rulesAt: readonly Ruled[]): Promise<ReadonlyMap<number, { readonly nft: string; readonly legacy: string }>> {
  return new Map(await Promise.all(rulesAt.map(async ({ space: { inode } }) => {
    const place = places.find(({ recorded }) => recorded.inode === inode)?.namespace?.place
    const [nft, legacy] = place === undefined ? [] : [await place.exec(NFT_RULESET), await place.exec(LEGACY_FILTER)]
    return [inode, { nft: nft?.stdout ?? '', legacy: legacy?.stdout ?? '' }] as const
  })))
}

/** What namespaces say of themselves; `questions` are for `ip route get`. */
export async function facts(places: readonly Placed[], about: readonly { readonly inode: number; readonly questions: readonly string[] }[]): Promise<readonly { readonly inode: number; readonly evidence: Evidence }[]> {
  return (await Promise.all(about.map(async ({ inode, questions }) => {
    const place = places.find(({ recorded }) => recorded.inode === inode)?.namespace?.place
    return place === undefined ? [] : [{ inode, evidence: await place.exec(['bash', '-c', FACTS, 'facts', ...questions]) }]
  }))).flat()
}
