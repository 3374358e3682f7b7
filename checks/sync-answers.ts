// Who answers for Services after a program has made a node's rules of objects that it has never seen, and what is left of them
// when they are gone. All of it in one cluster that the check makes, for all claims of a look.
import { randomInt } from 'node:crypto'
import type { Bench, Check } from '../runner/core/bench.ts'
import { list, quoted } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { onceALook } from './once.ts'
import { addressOf, PORTS, ProgramFails, service, slice, withSmallCluster, type ApiObject, type Ask } from './small-cluster.ts'

/** What a claim is about. */
export type About = 'endpoints' | 'unready' | 'nobody' | 'unknown port' | 'terminating'

const CLAIMS: Readonly<Record<About, string>> = {
  endpoints: 'leads each port of each Service to all of its own endpoints, and to nobody else',
  unready: 'leads nobody to an endpoint that is not ready',
  nobody: 'has a Service without anybody to answer refused at once',
  'unknown port': 'has a port that a Service does not have refused at once',
  terminating: 'leads new connections to a terminating endpoint only where none is ready, and only while it serves',
}

/** `given new objects, sync-services on node1 leads nobody to an endpoint that is not ready`. */
export function syncAnswers(node: string, about: About): Check {
  return {
    claim: `given new objects, sync-services on ${node} ${CLAIMS[about]}`,
    look: async bench => {
      const run = await observed(bench, node)
      if ('status' in run) return run
      for (const one of run.tried.filter(each => each.about.includes(about))) {
        const wrong = wrongIn(one)
        if (wrong !== undefined) return fail(wrong, ...run.evidence)
      }
      return pass(...run.evidence)
    },
  }
}

/** `run again with the same objects, sync-services on node1 adds nothing`. */
export function syncAddsNothing(node: string): Check {
  return {
    claim: `run again with the same objects, sync-services on ${node} adds nothing`,
    look: async bench => {
      const run = await observed(bench, node)
      if ('status' in run) return run
      const more = moreIn(run.rules.again, run.rules.all)
      return more === undefined ? pass(...run.evidence) : fail(`run twice with the same objects, it leaves ${more}`, ...run.evidence)
    },
  }
}

/** `when a Service is deleted, sync-services on node1 takes away all that was there for it, and nothing of anybody else's`. */
export function syncTakesAway(node: string): Check {
  return {
    claim: `when a Service is deleted, sync-services on ${node} takes away all that was there for it, and nothing of anybody else's`,
    look: async bench => {
      const run = await observed(bench, node)
      if ('status' in run) return run
      const { rules, deleted, evidence } = run
      // There was something to take away: nothing is also what a program leaves that never did anything.
      if (!rules.all.some(line => line.includes(deleted.vip))) return fail(`of a Service with the address ${deleted.vip} the rules never said anything`, ...evidence)
      const still = deleted.answers.find(answer => answer.startsWith('p'))
      if (still !== undefined) return fail(`the Service ${deleted.vip} is deleted, and ${said(still)} still answers for it`, ...evidence)
      const named = rules.after.find(line => [deleted.vip, deleted.endpoint].some(address => line.includes(address)))
      if (named !== undefined) return fail(`the Service ${deleted.vip} is deleted, with its only endpoint ${deleted.endpoint}, and the rules still say ${quoted(named)}`, ...evidence)
      const more = moreIn(rules.after, rules.before)
      if (more !== undefined) return fail(`Services came and were deleted, and there is left ${more}`, ...evidence)
      if (!rules.after.some(line => line.includes(FOREIGN))) return fail(`a table of somebody else's, ${FOREIGN}, was there before, and is gone`, ...evidence)
      return pass(...evidence)
    },
  }
}

/** A table that is not the program's. */
const FOREIGN = 'hw-firewall'

interface Case {
  readonly about: readonly About[]
  /** `port 80 by TCP of shop/web`. */
  readonly what: string
  readonly ask: Ask
  /** All of these, and nobody else; or `refused`. */
  readonly expected: readonly string[] | 'refused'
  /** Why nobody else is. */
  readonly because: string
}

interface Tried extends Case {
  readonly answers: readonly string[]
}

interface Observed {
  readonly tried: readonly Tried[]
  readonly deleted: { readonly vip: string; readonly endpoint: string; readonly answers: readonly string[] }
  readonly rules: Readonly<Record<'before' | 'all' | 'again' | 'after', readonly string[]>>
  readonly evidence: NonEmpty<Evidence>
}

const once = onceALook<Observed | Verdict>()

/** A verdict where there is nothing to look at. */
function observed(bench: Bench, node: string): Promise<Observed | Verdict> {
  return once(bench, node, () => observe(bench, node).catch((error: unknown) => {
    if (error instanceof ProgramFails) return fail(error.message, ...error.evidence)
    throw error
  }))
}

function observe(bench: Bench, node: string): Promise<Observed> {
  const { staying, leaving, cases, deleted } = scenario()
  return withSmallCluster(bench, node, async cluster => {
    await cluster.node.exec(['nft', `add table ip ${FOREIGN}; add chain ip ${FOREIGN} forward { type filter hook forward priority 10; }; add rule ip ${FOREIGN} forward ip daddr 198.51.100.7 drop`])
    await cluster.sync(staying)
    const before = await cluster.listing()
    // In another order than before.
    const synced = await cluster.sync([...leaving, ...staying].toReversed())
    const all = await cluster.listing()
    const { asked, evidence } = await cluster.ask(cases.map(one => one.ask))
    await cluster.sync([...staying, ...leaving])
    const again = await cluster.listing()
    // Twice: kernels before 6.2 forget only after a moment that a map led to a chain, and until then it cannot be deleted.
    await cluster.sync(staying)
    await cluster.sync(staying)
    const after = await cluster.listing()
    const gone = await cluster.ask([deleted.ask])
    return {
      tried: cases.map((one, index) => ({ ...one, answers: asked[index]?.answers ?? [] })),
      deleted: { ...deleted, answers: gone.asked[0]?.answers ?? [] },
      rules: { before: before.lines, all: all.lines, again: again.lines, after: after.lines },
      evidence: [synced, evidence, before.evidence, all.evidence, again.evidence, after.evidence, gone.evidence],
    }
  })
}

/**
 * Of two endpoints one stays unseen in 24 connections with a chance of 2/2^24, of three in 40 with one of 3·(2/3)^40: below one in a
 * million each.
 */
const [OF_TWO, OF_THREE, OF_ONE] = [24, 40, 8]

function scenario() {
  const vips = new Set<string>()
  while (vips.size < 9) vips.add(`10.${randomInt(96, 112)}.${randomInt(1, 255)}.${randomInt(1, 255)}`)
  const [web = '', beat = '', same = '', none = '', unready = '', draining = '', last = '', gone = '', canary = ''] = vips
  const from = '10.250.0.2'
  const ready = (...pods: readonly number[]) => pods.map(pod => ({ pod }))
  const terminating = (pod: number, serving: boolean) => ({ pod, conditions: { ready: false, serving, terminating: true } })
  const notReady = (pod: number) => ({ pod, conditions: { ready: false, serving: false, terminating: false } })
  const staying: readonly ApiObject[] = [
    // Two ports of one number, told apart by protocol, which lead to ports that only the slices know; two slices.
    service('shop', 'web', web, [{ name: 'http', port: 80 }, { name: 'log', port: 80, protocol: 'UDP' }, { name: 'admin', port: 8443 }]),
    slice('shop', 'web', 'k2x9p', [{ name: 'admin', port: 9000 }, { name: 'log', protocol: 'UDP', port: 81 }, { name: 'http', port: 8080 }], [...ready(1), notReady(4), { pod: 2, conditions: {} }]),
    slice('shop', 'web', 'w8d4q', [{ name: 'admin', port: 9000 }, { name: 'log', protocol: 'UDP', port: 81 }, { name: 'http', port: 8080 }], ready(3)),
    // No name, no protocol other than the default's, and not a namesake's endpoints.
    service('default', 'beat', beat, [{ port: 514, protocol: 'UDP' }]),
    slice('default', 'beat', 'a1b2c', [{ port: 9000, protocol: 'UDP' }], ready(1, 2)),
    service('lab', 'web', same, [{ name: 'http', port: 80 }]),
    slice('lab', 'web', 'z5t7m', [{ name: 'http', port: 80 }], ready(5)),
    // Whose name begins with another's, and so do those of its slices.
    service('shop', 'web-canary', canary, [{ name: 'http', port: 80 }]),
    slice('shop', 'web-canary', 'd3e8f', [{ name: 'http', port: 8080 }], ready(4)),
    // A Service with addresses of both versions has slices for each.
    { ...slice('shop', 'web', 'x6v6n', [{ name: 'http', port: 8080 }], []), addressType: 'IPv6', endpoints: [{ addresses: ['fd00:10:250::1'], conditions: { ready: true } }] },
  ]
  const leaving: readonly ApiObject[] = [
    service('shop', 'none', none, [{ name: 'http', port: 80 }]),
    service('shop', 'waking', unready, [{ name: 'http', port: 80 }]),
    slice('shop', 'waking', 'q3r8s', [{ name: 'http', port: 80 }], [notReady(4)]),
    service('shop', 'draining', draining, [{ name: 'http', port: 80 }]),
    slice('shop', 'draining', 'h6j2k', [{ name: 'http', port: 80 }], ready(1)),
    slice('shop', 'draining', 'j9k3l', [{ name: 'http', port: 80 }], [terminating(2, true), terminating(3, false)]),
    service('shop', 'last', last, [{ name: 'http', port: 80 }]),
    slice('shop', 'last', 'v4n9b', [{ name: 'http', port: 80 }], [terminating(2, true), terminating(3, false)]),
    service('shop', 'gone', gone, [{ name: 'http', port: 8080 }], { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } }),
    slice('shop', 'gone', 'c7f1g', [{ name: 'http', port: 81 }], ready(6)),
    // Nobody's address: DNS tells the pods' own.
    service('shop', 'headless', 'None', [{ name: 'http', port: 80 }]),
    slice('shop', 'headless', 'm2p5d', [{ name: 'http', port: 80 }], ready(1)),
  ]
  const tcp = (address: string, port: number, times: number): Ask => ({ protocol: 'tcp', from, address, port, times })
  const udp = (address: string, port: number, times: number): Ask => ({ protocol: 'udp', from, address, port, times })
  const cases: readonly Case[] = [
    { about: ['endpoints', 'unready', 'nobody', 'unknown port'], what: 'port 80 by TCP of shop/web', ask: tcp(web, 80, OF_THREE), expected: ['p1:8080', 'p2:8080', 'p3:8080'], because: 'its two EndpointSlices have p1, p2 and p3, on port 8080, and p4, which is not ready; what they do not say of p2 counts as ready' },
    { about: ['endpoints', 'unready'], what: 'port 80 by UDP of shop/web', ask: udp(web, 80, OF_THREE), expected: ['p1:81', 'p2:81', 'p3:81'], because: 'its EndpointSlices have another port for it, 81, by the name of the port' },
    { about: ['endpoints'], what: 'port 8443 of shop/web', ask: tcp(web, 8443, OF_THREE), expected: ['p1:9000', 'p2:9000', 'p3:9000'], because: 'its EndpointSlices have another port for it, 9000, by the name of the port' },
    { about: ['endpoints'], what: 'port 514 by UDP of default/beat', ask: udp(beat, 514, OF_TWO), expected: ['p1:9000', 'p2:9000'], because: 'a port without a name is called "" in an EndpointSlice' },
    { about: ['endpoints'], what: 'port 80 of lab/web', ask: tcp(same, 80, OF_ONE), expected: ['p5:80'], because: 'it is in another namespace than shop/web' },
    { about: ['endpoints'], what: 'port 8080 of shop/gone', ask: tcp(gone, 8080, OF_ONE), expected: ['p6:81'], because: 'its EndpointSlice has p6 alone' },
    { about: ['endpoints'], what: 'port 80 of shop/web-canary', ask: tcp(canary, 80, OF_ONE), expected: ['p4:8080'], because: 'its EndpointSlice has p4 alone' },
    { about: ['nobody'], what: 'port 80 of shop/none', ask: tcp(none, 80, 2), expected: 'refused', because: 'it has no EndpointSlice' },
    { about: ['nobody', 'unready'], what: 'port 80 of shop/waking', ask: tcp(unready, 80, 2), expected: 'refused', because: 'its only endpoint is not ready' },
    { about: ['unknown port'], what: 'port 81 of shop/web', ask: tcp(web, 81, 2), expected: 'refused', because: 'the Service has no port 81' },
    { about: ['unknown port'], what: 'port 81 by UDP of shop/web', ask: udp(web, 81, 2), expected: 'refused', because: 'the Service has no port 81' },
    { about: ['unknown port'], what: 'port 514 by TCP of default/beat', ask: tcp(beat, 514, 2), expected: 'refused', because: 'the Service has port 514 by UDP only' },
    { about: ['terminating'], what: 'port 80 of shop/draining', ask: tcp(draining, 80, OF_TWO), expected: ['p1:80'], because: 'p1 is ready, and the others are terminating' },
    { about: ['terminating'], what: 'port 80 of shop/last', ask: tcp(last, 80, OF_TWO), expected: ['p2:80'], because: 'nobody is ready; p2 is terminating and still serves, p3 is terminating and does not' },
  ]
  return { staying, leaving, cases, deleted: { vip: gone, endpoint: addressOf(6), ask: tcp(gone, 8080, 1) } }
}

function wrongIn({ what, ask, expected, because, answers }: Tried): string | undefined {
  if (expected === 'refused' && !PORTS.some(port => port === ask.port)) throw new Error(`nobody listens on ${ask.port}, and so anybody could have refused it`)
  const at = `${what}, ${ask.address}`
  const wanted: readonly string[] = expected === 'refused' ? ['refused'] : expected
  const other = answers.find(answer => !wanted.includes(answer))
  if (other !== undefined) return `${at}, ${how(other)}: ${because}`
  const unseen = wanted.filter(one => !answers.includes(one))
  if (unseen.length > 0) return `${at}, led to ${list(unseen)} in none of ${answers.length} connections: ${because}`
  return undefined
}

function how(answer: string): string {
  if (answer === 'timeout') return 'gets no answer'
  if (answer === 'refused') return 'is refused'
  if (answer === 'unreachable') return 'is unreachable'
  return answer.startsWith('elsewhere') ? 'leaves the node untranslated' : `is answered by ${said(answer)}`
}

function said(answer: string): string {
  const [pod = '', port = ''] = answer.split(':')
  return `${pod} on its port ${port}`
}

/** What one has more than the other, if it is longer: names may be others each time. */
function moreIn(lines: readonly string[], than: readonly string[]): string | undefined {
  if (lines.length <= than.length) return undefined
  const left = [...than]
  const added = lines.filter(line => {
    const at = left.indexOf(line)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  return `${lines.length - than.length} lines of rules more, for example ${quoted(added[0] ?? lines.at(-1) ?? '')}`
}
