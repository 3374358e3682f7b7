// Follows probes through every interface of the lab, and says of each where it ended and why.
import type { Bench } from '../../core/bench.ts'
import type { Probe, Trace } from '../../core/trace.ts'
import type { Evidence } from '../../core/verdict.ts'
import { conclude } from './conclude.ts'
import { decide, unknown, type Needs } from './decide.ts'
import { opaque } from './encrypted.ts'
import { WIREGUARD } from '../../../checks/read/facts.ts'
import { ownQuestion, question } from './rules/routes.ts'
import { facts, placesOf, record, type Manner, type Placed, type Ruled } from './record.ts'
import { linkOf } from './link-path.ts'
import type { Recording } from './recording.ts'
import { scene, type Scene } from './scene.ts'
import { outermost } from './sights.ts'
import { holders, owns, upper, type Space } from './spaces.ts'

/** Filters are asked in one namespace after the other: there are seldom more than two in question. */
const MOST_PASSES = 5

export async function trace(bench: Bench, probes: readonly Probe[], onRecording: (recording: Recording) => void = () => {}): Promise<readonly Trace[]> {
  const started = performance.now()
  const places = await placesOf(bench)
  const first = await observed(bench, places, probes)
  onRecording(first.recording)
  // One that needs its filters asked is sent again, alone.
  return Promise.all(probes.map(async (probe, index) => {
    let { recording, evidence } = first
    let id = `p${index}`
    const asked: Ruled[] = []
    let patient = false
    for (let pass = 0; ; pass++) {
      const seen = scene(recording, id)
      const found = decide(seen)
      if (found === undefined || !('needs' in found) || pass === MOST_PASSES) {
        if (pass > 0) onRecording(recording)
        return conclude(seen, found !== undefined && 'needs' in found ? unknown(seen) : found, evidence, performance.now() - started)
      }
      if (found.needs === 'patience' || found.needs.patient) patient = true
      if (found.needs !== 'patience') asked.push(ruled(recording, found.needs))
      const again = await observed(bench, places, [probe], { rulesAt: asked, patient })
      recording = again.recording
      evidence = [...evidence, ...again.evidence]
      id = 'p0'
    }
  }))
}

function ruled(recording: Recording, { space, devices, port }: Needs): Ruled {
  const known = recording.spaces.find(one => one.inode === space.inode)
  if (known === undefined) throw new Error(`${space.place} was not recorded`)
  return { space: known, devices, ...(port === undefined ? {} : { port }) }
}

/** Records, and asks the namespaces on the way what they have to say. */
async function observed(bench: Bench, places: readonly Placed[], probes: readonly Probe[], manner: Manner = {}): Promise<{ readonly recording: Recording; readonly evidence: readonly Evidence[] }> {
  const recording = await record(bench, places, probes, manner)
  const questions = new Map<number, Set<string>>()
  for (const { id } of recording.probes) for (const [inode, asked] of questionsOf(scene(recording, id))) questions.set(inode, new Set([...questions.get(inode) ?? [], ...asked]))
  const told = await facts(places, [...questions].map(([inode, asked]) => ({ inode, questions: [...asked] })))
  return {
    recording: { ...recording, facts: Object.fromEntries(told.map(({ inode, evidence }) => [inode, evidence.stdout])) },
    evidence: told.map(({ evidence }) => evidence),
  }
}

/** Whom to ask, and for which routes: those who had the packet, and those who should have had it. */
function questionsOf(seen: Scene): ReadonlyMap<number, readonly string[]> {
  if (seen.answered) return new Map()
  const all = new Map<number, Set<string>>()
  const ask = (space: Space, ...asked: readonly string[]): void => {
    if (space.node !== 'fabric') all.set(space.inode, new Set([...all.get(space.inode) ?? [], ...asked]))
  }
  ask(seen.sender, seen.probe.to, ownQuestion(seen.sender, seen.probe.to, seen.source))
  for (const sight of [...seen.there, ...seen.back]) {
    const { space, device, frame, carriers } = sight
    const packet = outermost(sight)
    if (opaque(sight) || carriers[0]?.kind === 'encrypted') ask(space, WIREGUARD)
    if (frame.direction === 'out') ask(space)
    else if (owns(space, packet.to)) ask(space, packet.from, ownQuestion(space, packet.from, packet.to))
    else ask(space, question(packet.to, { from: packet.from, device: upper(device).name }), packet.from, packet.to)
  }
  const wanted = new Set([seen.probe.to, ...seen.there.slice(-1).map(({ packet }) => packet.to), ...seen.arps.filter(({ arp, frame }) => arp.asks && frame.direction === 'out').map(({ arp }) => arp.target)])
  for (const address of wanted) for (const { space } of holders(seen.spaces, address)) ask(space)
  // Who may answer for others: whoever is a machine, and on the link where it was asked.
  for (const { device, arp, frame } of seen.arps) {
    if (!arp.asks || frame.direction !== 'out' || device.port !== undefined) continue
    for (const other of linkOf(seen.spaces, device)) if (other.space.own && other.space !== device.space) ask(other.space, arp.target)
  }
  return new Map([...all].map(([inode, asked]) => [inode, [...asked]]))
}
