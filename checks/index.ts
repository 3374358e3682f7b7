// The vocabulary of a lab.ts: "hardway/checks". Each is a claim, and a look that changes nothing.

// Namespaces and links
export { isSeparateNamespace } from './is-separate-namespace.ts'
export { outlives } from './outlives.ts'
export { loopbackWorks } from './loopback-works.ts'
export { vethPair } from './veth-pair.ts'
export { ownsAddress } from './owns-address.ts'
// Bridges
export { bridgeOwns } from './bridge-owns.ts'
export { bridgePortFor } from './bridge-port-for.ts'
export { freshPod } from './fresh-pod.ts'
export { freshPodSeenAs } from './fresh-pod-seen-as.ts'
// Routes
export { defaultRouteTo } from './default-route-to.ts'
export { gatewayAnswers } from './gateway-answers.ts'
export { forwards } from './forwards.ts'
export { knowsNextHop } from './knows-next-hop.ts'
export { noOverlap } from './no-overlap.ts'
export { routeVia } from './route-via.ts'
// Tunnels
export { arrivesUncut } from './arrives-uncut.ts'
export { insideVxlan } from './inside-vxlan.ts'
export { largestPacket } from './largest-packet.ts'
export { sameVxlan } from './same-vxlan.ts'
export { sendsIntoVxlan } from './sends-into-vxlan.ts'
// Encryption
export { freshPodSecret } from './fresh-pod-secret.ts'
export { ownKeys } from './own-keys.ts'
export { recentHandshake } from './recent-handshake.ts'
export { secretOnTheWire } from './secret-on-the-wire.ts'
export { speaksOnlyAs } from './speaks-only-as.ts'
export { uncutTunnel } from './uncut-tunnel.ts'
export { wireguardUp } from './wireguard-up.ts'
// What routing daemons do
export { freshRoutedPod } from './fresh-routed-pod.ts'
export { learnedOnly } from './learned-only.ts'
export { learnedRoute } from './learned-route.ts'
export { sendsNothingTo } from './sends-nothing-to.ts'
export { speaksBgpWith } from './speaks-bgp-with.ts'
export { unusedStay } from './unused-stay.ts'
// Addresses for the outside
export { allocatesForGood, allocatesNoMore, allocatesUnique, type Allocator } from './allocates.ts'
export { entersBy } from './enters-by.ts'
export { knowsWhoAnswers } from './knows-who-answers.ts'
export { learnedBehind } from './learned-behind.ts'
export { oneAnswers } from './one-answers.ts'
export { poolIsFree } from './pool-is-free.ts'
export { sentWhereServed } from './sent-where-served.ts'
export { servedAt } from './served-at.ts'
// Ports of nodes
export { healthPort } from './health-port.ts'
export { loopbackPort } from './loopback-port.ts'
export { nodePortClosed } from './node-port-closed.ts'
export { nodePortReaches, ownNodePortReaches } from './node-port-reaches.ts'
export { ownPort } from './own-port.ts'
export { scrapes } from './scrapes.ts'
// Names
export { completesNames, findsName } from './dns-names.ts'
export { asksOutside } from './dns-outside.ts'
export {
  answersEverywhere, namesBack, namesElsewhere, namesHeadless, namesNobodyElse, namesPods, namesPorts, namesServices, namesVersion, namesWithoutData,
} from './dns-records.ts'
// What a learner's own program makes of Services
export { syncAddsNothing, syncAnswers, syncTakesAway } from './sync-answers.ts'
export { syncLosesNone } from './sync-loses-none.ts'
export { syncSticks } from './sync-sticks.ts'
// Real exchanges
export { arrivesFrom } from './arrives-from.ts'
export { cannotReach } from './cannot-reach.ts'
export { plainOnTheWire } from './plain-on-the-wire.ts'
export { allReach, reachEachOther, reaches } from './reaches.ts'
export { answeredFrom } from './answered-from.ts'
export { leadsTo, onlyBy } from './leads-to.ts'
export { reachesItself } from './reaches-itself.ts'
export { routedTimes, sameLayer2 } from './routers-between.ts'
export { seenAs } from './seen-as.ts'
// What a Service does
export { serviceAnswers } from './service-answers.ts'
export { serviceHairpin } from './service-hairpin.ts'
export { serviceLeavesOut } from './service-leaves-out.ts'
export { serviceLetsGo } from './service-lets-go.ts'
export { serviceOnlyAt } from './service-only-at.ts'
export { serviceRefuses } from './service-refuses.ts'
export { serviceShares } from './service-shares.ts'

export type { End } from './ends.ts'
export type { Service } from './service.ts'
