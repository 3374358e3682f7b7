// The reader that each file of transcripts is for.
import { readArpAnswers } from '../../../checks/read/arp-answers.ts'
import { readArping } from '../../../checks/read/arping.ts'
import { readRuntime } from '../../../checks/read/cri.ts'
import { readBpfMap } from '../../../checks/read/bpf-map.ts'
import { readErrors } from '../../../checks/read/checksum-errors.ts'
import { readFlowLog } from '../../../checks/read/flow-log.ts'
import { readApi } from '../../../checks/read/api.ts'
import { readCommandLines } from '../../../checks/read/command-lines.ts'
import { readFiles } from '../../../checks/read/files.ts'
import { readNameServers } from '../../../checks/read/name-servers.ts'
import { readWho } from '../../../checks/read/who.ts'
import { readBirdRoute } from '../../../checks/read/bird-route.ts'
import { readAnswers, readArrived, readTaken } from '../../../checks/read/asking.ts'
import { readArrivals } from '../../../checks/read/arrivals.ts'
import { readSent } from '../../../checks/read/bulk.ts'
import { readError, readNetwork, readResult, readVersions } from '../../../checks/read/cni.ts'
import { readAnswered, readLooked } from '../../../checks/read/dns.ts'
import { readFacts } from '../../../checks/read/facts.ts'
import { readFib } from '../../../checks/read/fib.ts'
import { readFrame, VXLAN_PORTS } from '../../../checks/read/frame.ts'
import { readHauls } from '../../../checks/read/haul.ts'
import { readHttpCodes } from '../../../checks/read/http-codes.ts'
import { countedRules } from '../../../checks/read/legacy-counters.ts'
import { readLinkDetails } from '../../../checks/read/link-details.ts'
import { readRecorded } from '../../../checks/read/recorded.ts'
import { readRuleTrace } from '../../../checks/read/rule-trace.ts'
import { findRule } from '../../../checks/read/ruleset.ts'
import { readLargest } from '../../../checks/read/largest.ts'
import { readLinks } from '../../../checks/read/links.ts'
import { readMetrics } from '../../../checks/read/metrics.ts'
import { readNamespaceIds } from '../../../checks/read/namespace-ids.ts'
import { readNamespaces } from '../../../checks/read/namespaces.ts'
import { readNeighbours } from '../../../checks/read/neighbours.ts'
import { readPorts } from '../../../checks/read/ports.ts'
import { readAsked, readHeard, readReady } from '../../../checks/read/probe.ts'
import { readProcesses } from '../../../checks/read/processes.ts'
import { readRefusal, readRoute } from '../../../checks/read/route.ts'
import { readServices } from '../../../checks/read/service-list.ts'
import { readOnTheLine } from '../../../checks/read/on-the-line.ts'
import { readSessions } from '../../../checks/read/sessions.ts'
import { readSysctl } from '../../../checks/read/sysctl.ts'
import { readFrames } from '../../../checks/read/tcpdump.ts'
import { readSubnetEnv } from '../../../checks/read/subnet-env.ts'
import { readVxlans } from '../../../checks/read/vxlans.ts'
import { readHexFrames } from '../../../checks/read/hex-frames.ts'
import { readPing } from '../../../checks/read/ping.ts'
import { readTally } from '../../../checks/read/tally.ts'
import { readWireAnswers } from '../../../checks/read/wire-answers.ts'
import { readWireguard } from '../../../checks/read/wireguard.ts'

export const readers: Readonly<Record<string, (text: string) => unknown>> = {
  'hex-frames': text => readHexFrames(text).map(({ link, says, bytes }) => ({ link, says, hex: bytes.toString('hex') })), ping: readPing, wireguard: readWireguard,
  'bpf-map': readBpfMap, 'checksum-errors': readErrors, 'flow-log': readFlowLog, arrivals: readArrivals, processes: text => { const { processes, mounts } = readProcesses(text); return [...processes, ...mounts] },
  // What an answer holds is for whoever asked.
  api: text => readApi(text).map(({ code, body }) => ({ code, body: typeof body === 'string' ? body : Object.keys(body as object) })),
  'command-lines': readCommandLines, files: text => [...readFiles(text)].map(([name, content]) => ({ name, content })), 'name-servers': readNameServers, who: readWho,
  'arp-answers': readArpAnswers, arping: readArping, 'bird-route': readBirdRoute, fib: readFib, 'service-list': readServices, sessions: readSessions,
  haul: readHauls, tally: readTally, 'wire-answers': readWireAnswers, 'http-codes': readHttpCodes, metrics: readMetrics,
  cri: text => {
    const { network, loaded, pluginDirs, networks, pods, containers, leases } = readRuntime(text)
    return [{ ...network, loaded, pluginDirs }, ...networks, ...pods, ...containers, ...leases]
  },
  largest: readLargest, sent: readSent, 'subnet-env': readSubnetEnv, vxlans: readVxlans,
  asked: readAsked, heard: readHeard,
  'cni-error': readError, 'cni-network': readNetwork, 'cni-result': text => readResult(text, '1.1.0'), 'cni-versions': readVersions,
  came: readArrived, taken: readTaken, told: readAnswers,
  facts: text => {
    const { routes, policies, neighbours, fdb, sysctl, listening, routed } = readFacts(text)
    return [...routes, ...policies, ...neighbours, ...fdb, ...sysctl, ...listening, ...routed]
  },
  frame: text => text.split('\n').filter(Boolean).map(line => readFrame(line.split(' ')[1] ?? '', Number(/^\d{1,5} /.exec(line)?.[0] ?? 1), new Set(VXLAN_PORTS))),
  'legacy-counters': text => countedRules(text.split('--\n')[0] ?? '', text.split('--\n')[1] ?? ''), 'link-details': readLinkDetails,
  recorded: text => Object.entries(readRecorded(text, new Set(VXLAN_PORTS))), 'rule-trace': text => text.split('\n').flatMap(line => readRuleTrace(line) ?? []),
  ruleset: text => findRule(text, { family: 'ip', table: 'filter', chain: 'FORWARD', handle: 4 }) ?? [],
  links: readLinks, 'namespace-ids': readNamespaceIds, namespaces: readNamespaces, neighbours: readNeighbours,
  'dns-answered': readAnswered, 'dns-names': readLooked,
  'on-the-line': readOnTheLine, ports: readPorts, ready: readReady, refusal: readRefusal, route: readRoute, sysctl: readSysctl, tcpdump: readFrames,
}
