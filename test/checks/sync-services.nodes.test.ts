// What a program makes of Services: the one that lab 15 ends with passes each claim, and each with one mistake fails for the
// reason that it is one.
import { readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { syncAddsNothing, syncAnswers, syncLosesNone, syncSticks, syncTakesAway } from '../../checks/index.ts'
import { emptyNetwork, type Network } from './network.ts'
import { changeNothing, fails, passes, test, type Deed } from './on-nodes.ts'

const lesson = readFileSync(new URL('../../labs/15-clusterip-nft/lesson.md', import.meta.url), 'utf8')
/** What its last program is made of. */
const files = new Map([...lesson.matchAll(/^```file node1:(\S+)\n(.*?)^```$/gms)].map(([, path = '', text = '']) => [path, text]))
const [FILTER, SYNC] = ['/usr/local/lib/services.jq', '/usr/local/bin/sync-services']
const READY = 'def usable: map(select(.conditions.ready != false));'
const LAST = 'def usable: map(select(.conditions.ready != false)) as $ready | if $ready != [] then $ready else map(select(.conditions.serving and .conditions.terminating)) end;'

/** The whole program, with a few words of a file changed. */
async function written(network: Network, ...changes: readonly (readonly [file: string, from: string, to: string])[]): Promise<void> {
  const all = new Map([...files].map(([path, text]) => [path, path === FILTER ? text.replace(READY, () => LAST) : text]))
  for (const [file, from, to] of changes) {
    const text = all.get(file) ?? ''
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
    all.set(file, text.replaceAll(from, () => to))
  }
  await network.node1`mkdir -p /srv/api`
  for (const [path, text] of all) await network.node1`printf %s ${text} >${path}; chmod +x ${path}`
}

const withProgram = (...changes: readonly (readonly [file: string, from: string, to: string])[]): Deed => network => written(network, ...changes)
const program = (text: string): Deed => async network => {
  await written(network)
  await network.node1`printf '#!/bin/bash\n%s\n' ${text} >${SYNC}`
}
const COMPILE = `cat /srv/api/*.json | jq -rsf ${FILTER}`

const endpoints = syncAnswers('node1', 'endpoints')
const unready = syncAnswers('node1', 'unready')
const nobody = syncAnswers('node1', 'nobody')
const unknownPort = syncAnswers('node1', 'unknown port')
const terminating = syncAnswers('node1', 'terminating')
const everything = [endpoints, unready, nobody, unknownPort, terminating, syncAddsNothing('node1'), syncTakesAway('node1'), syncLosesNone('node1'),
  ...(['stays', 'expires', 'outlives', 'moves'] as const).map(what => syncSticks('node1', what))]

describe('the program of lab 15', () => {
  test('the lesson has all of it', () => {
    expect([...files.keys()].toSorted()).toEqual([SYNC, FILTER, '/usr/local/lib/unused.jq'])
  })
  for (const check of everything) passes(check.claim, emptyNetwork, check, withProgram())
  changeNothing('looking leaves no file and no process', emptyNetwork, everything, withProgram())
})

describe('no program', () => {
  fails('nobody wrote one', emptyNetwork, endpoints, async () => {}, /^node1 has no program \/usr\/local\/bin\/sync-services that can be run, or no \/srv\/api$/)
  fails('one that says that it failed', emptyNetwork, endpoints, program('echo no idea >&2; exit 3'), /^run with objects of the check's, \/usr\/local\/bin\/sync-services ends with 3: no idea$/)
  fails('one that writes where it must not', emptyNetwork, endpoints, program(`set -e\n${COMPILE} >/srv/rules`), /ends with 1: .*Read-only file system$/)
})

describe('who answers', () => {
  fails('one slice of two', emptyNetwork, endpoints, withProgram([FILTER, '] as $own', '][:1] as $own']), /^port \S+ .*of shop\/web, [\d.]+, led to .*p\d:\d+ in none of \d+ connections: /)
  fails('by the number in the Service', emptyNetwork, endpoints, withProgram([FILTER, 'endpoints: endpoints($own; .name // "")', 'endpoints: (.targetPort as $target | endpoints($own; .name // "") | map(.target = $target))']),
    /^port 80 by TCP of shop\/web, [\d.]+, is answered by p\d on its port 80: its two EndpointSlices have p1, p2 and p3, on port 8080/)
  fails('who is not ready', emptyNetwork, unready, withProgram([FILTER, LAST, 'def usable: .;']), /^port 80 by TCP of shop\/web, [\d.]+, is answered by p4 on its port 8080: .* p4, which is not ready/)
  fails('a Service that is left out', emptyNetwork, nobody, withProgram([FILTER, '/\\(.port)" ]', '/\\(.port)" | select(.endpoints != []) ]']), /^port 80 of shop\/none, [\d.]+, leaves the node untranslated: it has no EndpointSlice$/)
  fails('a Service that is silent', emptyNetwork, nobody, withProgram([FILTER, '\\($chain) reject', '\\($chain) drop']), /^port 80 of shop\/none, [\d.]+, gets no answer: it has no EndpointSlice$/)
  fails('a port that is not refused', emptyNetwork, unknownPort, withProgram([FILTER, 'ip daddr @vips reject', 'ip daddr @vips counter']), /^port 81 of shop\/web, [\d.]+, leaves the node untranslated: the Service has no port 81$/)
  fails('a port that is not refused by UDP', emptyNetwork, unknownPort, withProgram([FILTER, 'ip daddr @vips reject', 'ip daddr @vips meta l4proto tcp reject']), /^port 81 by UDP of shop\/web, [\d.]+, gets no answer: the Service has no port 81$/)
  fails('nobody as the last resort', emptyNetwork, terminating, withProgram([FILTER, LAST, READY]), /^port 80 of shop\/last, [\d.]+, is refused: nobody is ready; p2 is terminating and still serves/)
})

describe('what is left', () => {
  fails('rules twice', emptyNetwork, syncAddsNothing('node1'), withProgram([FILTER, '"flush table ip services",', '']), /^run twice with the same objects, it leaves \d+ lines of rules more, for example `/)
  // The chain that it leads to cannot be deleted, and the program says so.
  fails('an entry of the map', emptyNetwork, syncTakesAway('node1'), withProgram([FILTER, ', "flush map ip services ports"', '']), /sync-services ends with 1: .*Device or resource busy$/)
  fails('nothing of anybody', emptyNetwork, syncTakesAway('node1'), program(`{ echo flush ruleset; ${COMPILE}; } | nft -f -`), /^a table of somebody else's, hw-firewall, was there before, and is gone$/)
  fails('a program that does nothing', emptyNetwork, syncTakesAway('node1'), program('true'), /^of a Service with the address [\d.]+ the rules never said anything$/)
})

describe('connections meanwhile', () => {
  const check = syncLosesNone('node1')
  fails('deleted first', emptyNetwork, check, program(`nft delete table ip services 2>/dev/null\n${COMPILE} | nft -f -`), /^of \d+ new connections \d+ (?:was|were) lost while it ran \d+ times: .*\d+ left the node untranslated/)
  fails('refused for a moment', emptyNetwork, check, program(`nft 'add table ip w; add chain ip w f { type filter hook forward priority -5; }; add rule ip w f ip protocol tcp reject with tcp reset'\n${COMPILE} | nft -f -\nnft delete table ip w`), /lost while it ran \d+ times: .*refused|did not go on/)
  fails('what is open is forgotten', emptyNetwork, check, program(`${COMPILE} | nft -f -\nconntrack -F 2>/dev/null`), /^a connection that was open before did not go on$|^of \d+ new connections \d+ (?:was|were) lost/)
})

describe('affinity', () => {
  fails('nobody is written down', emptyNetwork, syncSticks('node1', 'stays'), withProgram([FILTER, 'update @\\($set) { ip saddr }', 'counter']), /^10\.250\.0\.\d+, a client of a Service with affinity, was led to p\d:80, then p\d:80/)
  fails('everybody is', emptyNetwork, syncSticks('node1', 'stays'), withProgram([FILTER, '$affinity.clientIP.timeoutSeconds', '($affinity.clientIP.timeoutSeconds // 10800)']), /^of a Service without affinity, a client was led to p\d:80 20 times out of 20$/)
  fails('for three hours', emptyNetwork, syncSticks('node1', 'expires'), withProgram([FILTER, 'timeout \\($seconds)s', 'timeout 3h']), /^20 clients of a Service with `timeoutSeconds: 1` were silent for longer, and all of them were led where they were led before$/)
  fails('for a second', emptyNetwork, syncSticks('node1', 'expires'), withProgram([FILTER, 'timeout \\($seconds)s', 'timeout 1s']), /^10\.250\.0\.\d+, a client of a Service with `timeoutSeconds: 10800`, was led to p\d:80 after little more than a second, and to p\d:80 before$/)
  fails('until the next run', emptyNetwork, syncSticks('node1', 'outlives'), withProgram([FILTER, '"flush table ip services",', '"delete table ip services", "add table ip services",']), /^10\.250\.0\.\d+ was led to p\d:80, then another Service came and sync-services ran, and now it is led to p\d:80$/)
})
