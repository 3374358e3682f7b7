import type { Bench, Check, Place } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { readFrames, type Header } from './read/tcpdump.ts'
import { start, type Running } from '../runner/core/running.ts'
import { askedAt, either, type Asked, type Service } from './service.ts'

/** Whoever talks several times a second has done so, on a busy machine too. */
const HEARD_MS = 3_000
/** Who sends more than once goes on. What a check asks has a port of its own each time. */
const GOES_ON = 2
/** So often somebody has been heard at the backend: whoever talks to the other has done so twice meanwhile. */
const ROUNDS = 3
/** What is sent to oneself is heard after all that came before it. */
const MARKER_MS = 3_000

/**
 * `whoever has been talking at 10.96.0.43:5140/udp all along is heard by b3, and nobody by old`: of what is open already, by UDP. New
 * connections are sent by the rules of now; those that go on keep what was decided about their first packet. It is waited until a backend has heard
 * one of them three times; then the other one sends something to itself, and when its own capture has that, it has all that came before. So it takes
 * as long as it takes to talk three times.
 */
export function serviceLetsGo(service: Service, gone: End): Check {
  const [asked, old] = [askedAt({ protocol: 'udp', ...service }), endOf(gone)]
  return {
    claim: `those who have been talking at ${asked.says} all along are heard by ${either(asked.backends)}, and none of them by ${old.name}`,
    look: bench => look(bench, asked, old),
  }
}

async function look(bench: Bench, asked: Asked, old: NamedEnd): Promise<Verdict> {
  const ends = [old, ...asked.backends]
  const places: { readonly end: NamedEnd; readonly place: Place }[] = []
  for (const end of ends) {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return fail(owner.because, ...owner.evidence)
    places.push({ end, place: owner.namespace.place })
  }
  const starting = places.map(({ end, place }) => start(place, capturing(end, asked.targetPort), output => output.includes('listening on')))
  try {
    const captures = await Promise.all(starting)
    const [atOld, ...atBackends] = captures
    // From the moment at which all of them look.
    const before = new Map(captures.map(capture => [capture, capture.output().length]))
    const heard = (capture: Running): readonly (readonly [string, number])[] =>
      [...senders(capture.output().slice(before.get(capture)))].filter(([who, times]) => times >= GOES_ON && !who.startsWith(`${old.address}:`))
    const enough = (): boolean => atBackends.some(capture => heard(capture).some(([, times]) => times >= ROUNDS))
    await Promise.all(atBackends.map(capture => capture.until(enough, HEARD_MS)))
    const marked = await places[0]?.place.exec(['bash', '-c', `echo >/dev/udp/${old.address}/${asked.targetPort}`])
    const seen = await atOld?.until(output => [...senders(output).keys()].some(who => who.startsWith(`${old.address}:`)), MARKER_MS)
    const evidence = captures.map((capture, index): Evidence => ({
      place: places[index]?.place.name ?? '', argv: capturing(ends[index] ?? old, asked.targetPort), exitCode: undefined, stdout: capture.output().slice(0, 4000), stderr: '[stopped]', ms: 0,
    }))
    const [first, ...rest] = evidence
    if (atOld === undefined || first === undefined) throw new CouldNotLook('nothing was captured')
    if (seen !== true) throw new CouldNotLook(`${old.name} does not hear what it sends to itself`, first, ...marked === undefined ? [] : [marked])
    const left = heard(atOld)
    const [one] = left
    if (one !== undefined) {
      return fail(`${old.name} still hears ${one[0]}${left.length === 1 ? '' : ` and ${left.length - 1} more`}: ${await entry(bench, asked, one[0])}`, first, ...rest)
    }
    if (!enough()) return fail(`within ${HEARD_MS / 1000} s ${either(asked.backends)} hears nobody who goes on talking`, first, ...rest)
    return pass(first, ...rest)
  } finally {
    await Promise.all(starting.map(one => one.then((capture: Running) => capture.stop(), () => undefined)))
  }
}

/** Who remembers that. */
async function entry(bench: Bench, { address }: Asked, sender: string): Promise<string> {
  const [from = '', port = ''] = sender.split(':')
  const tracked = await Promise.all(bench.topology.nodes.map(async ({ name }) =>
    ({ name, ...await bench.place(name).exec(['conntrack', '-L', '-p', 'udp', '--orig-src', from, '--orig-dst', address, '--sport', port]) })))
  const found = tracked.find(({ stdout }) => stdout.includes(`dst=${address} `))
  if (found === undefined) return 'no node remembers it as a connection by the Service'
  return `${found.name} remembers the connection, \`${found.stdout.split('\n').find(line => line.includes(`dst=${address} `))?.trim().replaceAll(/ +/g, ' ').slice(0, 160) ?? ''}\``
}

function capturing({ address }: NamedEnd, port: number): readonly string[] {
  return ['sh', '-c', `exec tcpdump -i any -Q in -l -nn -s 200 --immediate-mode -Z root 'udp and dst host ${address} and dst port ${port}' 2>&1`]
}

/** How often each was heard: `10.244.1.4:40000`. */
function senders(output: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const header of readFrames(output).flatMap((frame): readonly Header[] => frame.headers.slice(-1))) {
    const who = `${header.from}:${header.fromPort ?? ''}`
    counts.set(who, (counts.get(who) ?? 0) + 1)
  }
  return counts
}
