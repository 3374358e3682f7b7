// The reader that each file of transcripts is for.
import { readBridgeDrops } from '../../../checks/read/bridge-drops.ts'
import { readCounters } from '../../../checks/read/counters.ts'
import { readHooks, readLegacyPolicies } from '../../../checks/read/hooks.ts'
import { readLinks } from '../../../checks/read/links.ts'
import { readNamespaceIds } from '../../../checks/read/namespace-ids.ts'
import { readNamespaces } from '../../../checks/read/namespaces.ts'
import { readNeighbours } from '../../../checks/read/neighbours.ts'
import { readPorts } from '../../../checks/read/ports.ts'
import { readAsked, readHeard, readReady } from '../../../checks/read/probe.ts'
import { readRefusal, readRoute } from '../../../checks/read/route.ts'
import { readSysctl } from '../../../checks/read/sysctl.ts'
import { readFrames } from '../../../checks/read/tcpdump.ts'

export const readers: Readonly<Record<string, (text: string) => unknown>> = {
  asked: readAsked, 'bridge-drops': readBridgeDrops, counters: readCounters, heard: readHeard, hooks: readHooks, legacy: readLegacyPolicies,
  links: readLinks, 'namespace-ids': readNamespaceIds, namespaces: readNamespaces, neighbours: readNeighbours,
  ports: readPorts, ready: readReady, refusal: readRefusal, route: readRoute, sysctl: readSysctl, tcpdump: readFrames,
}
