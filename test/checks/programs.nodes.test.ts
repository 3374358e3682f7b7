// What is claimed of programs in the kernel, on nodes that have none: why each claim fails there, and what does not depend on who translates. That they
// hold where the programs are is proven with lab 11.
import { describe, expect } from 'vitest'
import { BACKENDS, CLIENTS, RENDEZVOUS, servicePods } from '../../fixtures/networks/index.ts'
import { checksumsHold, countsProtocol, flowsRecorded, httpGate, notByNetfilter, policyCounts, straightAfter } from '../../checks/index.ts'
import { emptyNetwork, type Network } from './network.ts'
import { changeNothing, fails, passes, test, type Deed } from './on-nodes.ts'

const { red, green } = CLIENTS
const { b1, b3 } = BACKENDS
const service = { at: '10.96.0.42:29500', backends: { b3 }, targetPort: RENDEZVOUS }
const probes = [{ from: { red }, identity: 10, to: { b1 }, toIdentity: 20, port: 9090, passes: true }]
const on = (name: 'node1' | 'node2', script: string): Deed => network => network[name]`bash -ec ${script}`

async function pods(): Promise<Network> {
  const network = await emptyNetwork()
  await servicePods(network)
  return network
}
async function translated(): Promise<Network> {
  const network = await pods()
  await on('node1', `iptables -t nat -A PREROUTING -d 10.96.0.42 -p tcp --dport 29500 -j DNAT --to-destination ${b3}:${RENDEZVOUS}`)(network)
  return network
}

describe('checksumsHold', () => {
  const check = checksumsHold({ red }, service)
  test('it says whose packets it looks at', () => expect(check.claim).toBe('no packet of what red asks at 10.96.0.42:29500 is thrown away for its checksum'))
  passes('a translation that does its sums', translated, check)
  fails('nothing comes to a backend', pods, check, async () => {}, /^no packet to 10\.96\.0\.42:29500 comes to a backend, so no checksum was looked at$/)
})

describe('notByNetfilter', () => {
  const check = notByNetfilter({ red }, service)
  fails('a rule of iptables', translated, check, async () => {}, /^node1 translates it: `tcp .*dst=10\.96\.0\.42 .*src=10\.244\.2\.2 /)
  fails('a rule in the pod, of the older kind', pods, check, on('node1', `ip netns exec red iptables-legacy -t nat -A OUTPUT -d 10.96.0.42 -p tcp --dport 29500 -j DNAT --to-destination ${b3}:${RENDEZVOUS}`), /^red translates it: |^node1\/red translates it: /)
  fails('an address that is written without a memory', pods, check, on('node1', `nft 'add table ip t; add chain ip t c { type filter hook prerouting priority raw; }; add rule ip t c ip daddr 10.96.0.42 ip daddr set ${b3}'`), /^node1 has the rule `ip daddr 10\.96\.0\.42 ip daddr set/)
  fails('nobody is answered', pods, check, async () => {}, /^nobody is answered at 10\.96\.0\.42:29500/)
})

describe('straightAfter', () => {
  const check = straightAfter({ red }, service)
  passes('conntrack keeps apart what it remembers', translated, check)
  fails('nobody is answered', pods, check, async () => {}, /^red is not answered at 10\.96\.0\.42:29500$/)
})

describe('httpGate', () => {
  const gate = (refused: 'POST' | 'GET', path = '/ok') => httpGate({ green }, `${b3}:${RENDEZVOUS}`, { allowed: { method: 'GET', path: '/ok' }, refused: [{ method: refused, path }], says: /b3 in net/ })
  test('it says what is got', () => expect(gate('POST').claim).toBe(`green gets GET /ok at ${b3}:${RENDEZVOUS}, and nothing else`))
  fails('a server that answers everything', pods, gate('POST'), async () => {}, /^green asks POST \/ok at 10\.244\.2\.2:29400 and hears 200, and not 403$/)
  fails('nobody listens', pods, httpGate({ green }, `${b3}:81`, { allowed: { method: 'GET', path: '/ok' }, refused: [], says: /b3/ }), async () => {}, /^green asks GET \/ok at 10\.244\.2\.2:81 and hears nothing$/)
  const many = ['/a', '/b', '/c', '/d'].map(path => ({ method: 'GET', path }))
  fails('nobody has the address: the first request that nobody answers is the last', pods, httpGate({ green }, '10.96.0.43:80', { allowed: { method: 'GET', path: '/ok' }, refused: many, says: /b3/ }), async () => {}, /^green asks GET \/ok at 10\.96\.0\.43:80 and hears nothing$/)
})

describe('What programs count and tell', () => {
  const all = [countsProtocol('node1', { red }, { b1 }, 'packets'), policyCounts('node1', probes), flowsRecorded('node1', '/var/log/flows', probes)] as const
  fails('no map of packets', pods, all[0], async () => {}, /^node1 has no map pinned as \/sys\/fs\/bpf\/packets$/)
  fails('no map of a policy', pods, all[1], async () => {}, /^node1 has no map pinned as \/sys\/fs\/bpf\/allowed$/)
  fails('no file', pods, all[2], async () => {}, /^node1 has no file \/var\/log\/flows$/)
  fails('a file without the connection', pods, all[2], on('node1', 'echo "12:00:01 10.244.1.4:1 (10) -> 10.244.1.2:9090 (20) FORWARDED" >/var/log/flows'), /^the connection of red, from port \d+, to b1 on port 9090 is not there$/)
  changeNothing('they leave all as it was', translated, [...all, checksumsHold({ red }, service), straightAfter({ red }, service), notByNetfilter({ red }, service)])
})
