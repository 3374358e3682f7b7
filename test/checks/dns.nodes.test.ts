// Names: each check passes on a right server and a right resolver, and fails for each reason that it can name. The server is in green,
// and asked at its own address; the world is node3.
import { describe, expect } from 'vitest'
import {
  answersEverywhere, asksOutside, completesNames, findsName, namesBack, namesElsewhere, namesHeadless, namesNobodyElse, namesPods, namesPorts, namesServices, namesVersion, namesWithoutData,
} from '../../checks/index.ts'
import type { Check } from '../../runner/core/bench.ts'
import { judgeAll } from '../../runner/engine/judge.ts'
import { blue, red, routed, UNHURRIED, type Network } from './network.ts'
import { changeNothing, fails, inTurn, passes, test, type Deed } from './on-nodes.ts'

const server = '10.244.2.2'
const objects = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.5, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: plain, namespace: far }
spec: { clusterIP: 10.96.0.6, ports: [{ port: 81 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { clusterIP: None, selector: { app: db }, ports: [{ name: sql, port: 5432 }] }
---
apiVersion: v1
kind: Service
metadata: { name: other }
spec: { type: ExternalName, externalName: www.example.com }
---
apiVersion: v1
kind: Pod
metadata: { name: db-0, labels: { app: db } }
spec: { hostname: db-0, subdomain: db }
status: { podIP: 10.244.1.3 }
---
apiVersion: v1
kind: Pod
metadata: { name: db-1, labels: { app: db } }
spec: { hostname: db-1, subdomain: db }
status: { podIP: 10.244.3.2, conditions: [{ type: Ready, status: "False" }] }
`
const cluster = { from: red, server, objects }
const RECORDS = [
  'host-record=web.default.svc.cluster.local,10.96.0.5', 'host-record=plain.far.svc.cluster.local,10.96.0.6',
  'srv-host=_http._tcp.web.default.svc.cluster.local,web.default.svc.cluster.local,80', 'txt-record=dns-version.cluster.local,1.1.0',
  'host-record=db-0.db.default.svc.cluster.local,10.244.1.3', 'host-record=db.default.svc.cluster.local,10.244.1.3',
  'srv-host=_sql._tcp.db.default.svc.cluster.local,db-0.db.default.svc.cluster.local,5432', 'cname=other.default.svc.cluster.local,www.example.com',
]
const LOCAL = 'local=/cluster.local/'

const ending = 'while pkill -x dnsmasq; do sleep 0.05; done'
const serving = (...lines: readonly string[]): Deed => ({ node2 }) => node2`bash -ec ${`${ending}
cat >/tmp/dns.conf <<'END'\n${['no-resolv', 'no-hosts', 'user=root', ...lines].join('\n')}\nEND
ip netns exec green dnsmasq --conf-file=/tmp/dns.conf`}`
const right = serving(LOCAL, ...RECORDS)
const changed = (from: string, ...to: readonly string[]): Deed => serving(LOCAL, ...RECORDS.flatMap(line => line.startsWith(from) ? to : [line]))
const ended: Deed = ({ node2 }) => node2`bash -ec ${ending}`
const resolving = (...lines: readonly string[]): Deed => ({ node1 }) => node1`bash -ec ${`mkdir -p /etc/netns/red; cat >/etc/netns/red/resolv.conf <<'END'\n${lines.join('\n')}\nEND`}`
const SEARCH = 'search default.svc.cluster.local svc.cluster.local cluster.local'
const resolver = resolving(`nameserver ${server}`, SEARCH, 'options ndots:5')
/** A server of the world, to which green finds the way back. */
const world: Deed = ({ node2, node3 }) => Promise.all([
  node3`dnsmasq --no-resolv --no-hosts --user=root --local=/#/ --host-record=www.example.com,203.0.113.1`, node2`true`,
])

const services = namesServices(cluster)
const ports = namesPorts(cluster)
const headless = namesHeadless(cluster)
const podNames = namesPods(cluster)
const elsewhere = namesElsewhere(cluster)
const nobodyElse = namesNobodyElse(cluster)
const withoutData = namesWithoutData(cluster)
const everywhere = answersEverywhere({ ...red, ...blue }, server, 'web.default', objects)
const outside = asksOutside(red, server, { node3: '192.168.1.13' })
const completed = completesNames(red, { server, namespace: 'default' })
const found = findsName(red, 'plain.far', { server, namespace: 'default', objects })
const records: readonly Check[] = [services, ports, namesBack(cluster), namesVersion(cluster), headless, podNames, elsewhere, nobodyElse, withoutData, everywhere]

async function statuses(network: Network, checks: readonly Check[]): Promise<readonly string[]> {
  const judged = await judgeAll(checks, async () => network.bench(), UNHURRIED)
  return judged.map(({ claim, verdict }) => verdict.status === 'pass' ? 'pass' : `${claim}: ${verdict.because}`)
}

describe('what a server answers', () => {
  test('the claims say it', () => {
    expect(services.claim).toBe('10.244.2.2 has the address of each Service: web.default and plain.far')
    expect(headless.claim).toBe('10.244.2.2 says that db.default is 10.244.1.3')
    expect(elsewhere.claim).toBe('10.244.2.2 has other.default as another name of www.example.com')
    expect(everywhere.claim).toBe('red and blue learn from 10.244.2.2 where web.default is, by UDP and by TCP')
    expect(() => namesHeadless({ ...cluster, objects: objects.split('---')[0] ?? '' })).toThrow('there is nothing to ask')
  })
  test('every record, and none beyond', async () => {
    const network = await routed()
    await right(network)
    await expect.poll(() => statuses(network, records)).toEqual(records.map(() => 'pass'))
  })
  fails('an address that is another one', routed, services, changed('host-record=plain', 'host-record=plain.far.svc.cluster.local,10.96.0.7'), /^red asks 10\.244\.2\.2 for plain\.far\.svc\.cluster\.local \(A\): 10\.96\.0\.7 instead of 10\.96\.0\.6$/)
  fails('one too many', routed, services, changed('host-record=plain', 'host-record=plain.far.svc.cluster.local,10.96.0.6', 'host-record=plain.far.svc.cluster.local,10.96.0.7'), /: 10\.96\.0\.\d, 10\.96\.0\.\d instead of 10\.96\.0\.6$/)
  fails('an alias where an address is due', routed, services, changed('host-record=plain', 'cname=plain.far.svc.cluster.local,web.default.svc.cluster.local'), /: an alias of web\.default\.svc\.cluster\.local, 10\.96\.0\.5 instead of 10\.96\.0\.6$/)
  fails('a port that has no name', routed, ports, inTurn(serving(LOCAL, ...RECORDS, 'srv-host=_http._tcp.plain.far.svc.cluster.local,plain.far.svc.cluster.local,81')), /\(SRV\): 0 0 81 plain\.far\.svc\.cluster\.local instead of NXDOMAIN$/)
  fails('a pod that is not ready', routed, podNames, serving(LOCAL, ...RECORDS, 'host-record=db-1.db.default.svc.cluster.local,10.244.3.2'), /db-1\.db\.default\.svc\.cluster\.local \(A\): 10\.244\.3\.2 instead of NXDOMAIN$/)
  fails('a wildcard below a name', routed, nobodyElse, changed('host-record=web', 'address=/web.default.svc.cluster.local/10.96.0.5'), /^red asks 10\.244\.2\.2 for hw-[0-9a-f]{12}\.web\.default\.svc\.cluster\.local \(A\): 10\.96\.0\.5 instead of NXDOMAIN$/)
  fails('no data where there is no name', routed, nobodyElse, serving(LOCAL, ...RECORDS, 'address=/cluster.local/fd00::1'), /: NODATA instead of NXDOMAIN/)
  fails('nobody listens', routed, everywhere, inTurn(right, ended), /^red asks 10\.244\.2\.2 for web\.default\.svc\.cluster\.local \(A, by UDP\): connection refused instead of 10\.96\.0\.5 \(and 1 more of 2\)$/)
  fails('TCP does not get there', routed, everywhere, inTurn(right, ({ node2 }) => node2`iptables -A FORWARD -p tcp --dport 53 -j DROP`), /\(A, by TCP\): no answer instead of 10\.96\.0\.5$/)
  test('what is cut short by UDP is asked again by TCP', async () => {
    const network = await routed()
    await serving(LOCAL, ...RECORDS, ...Array.from({ length: 40 }, (_, index) => `host-record=db.default.svc.cluster.local,10.244.1.${index + 10}`))(network)
    expect(await network.settles(headless, /10\.244\.1\.49.* instead of 10\.244\.1\.3$/)).toMatchObject({ because: expect.stringMatching(/10\.244\.1\.49.* instead of 10\.244\.1\.3$/) })
  })
})

describe('whom a server asks', () => {
  const forwarding = (...lines: readonly string[]): Deed => inTurn(world, serving('server=192.168.1.13', ...RECORDS, ...lines), ({ node3 }) => node3`ip route replace 10.244.2.0/24 via 192.168.1.12`)
  passes('the world, and its own zone nobody', routed, outside, forwarding(LOCAL))
  fails('about its own zone too', routed, outside, forwarding(), /^10\.244\.2\.2 asks node3 for hw[0-9a-f]{12}\.cluster\.local, which nobody but the cluster can know$/)
  fails('nobody', routed, outside, inTurn(world, right), /^10\.244\.2\.2 does not ask node3 for hw[0-9a-f]{12}\.example\.com: red is left with REFUSED$/)
})

describe('what a pod asks for', () => {
  passes('the list first', routed, completed, inTurn(right, resolver))
  passes('the list first, by TCP', routed, completed, inTurn(right, resolving(`nameserver ${server}`, SEARCH, 'options ndots:5 use-vc')))
  passes('until it is found', routed, found, inTurn(right, resolver))
  passes('nothing but the name itself', routed, findsName(red, 'www.example.com', { server, namespace: 'default', ndots: 2, outside: { 'www.example.com': '203.0.113.1' } }),
    inTurn(serving(LOCAL, 'host-record=www.example.com,203.0.113.1'), resolving(`nameserver ${server}`, SEARCH, 'options ndots:2')))
  fails('as it is first', routed, completed, inTurn(right, resolving(`nameserver ${server}`, SEARCH)), /^looking for hw\w+\.hw\w+, red asks for hw\w+\.hw\w+ where hw\w+\.hw\w+\.default\.svc\.cluster\.local is due: its \/etc\/resolv\.conf has `nameserver 10\.244\.2\.2; search default/)
  fails('somebody else', routed, completed, inTurn(right, world, resolving('nameserver 192.168.1.13', SEARCH, 'options ndots:5'), ({ node3 }) => node3`ip route replace 10.244.1.0/24 via 192.168.1.11`), /^red asks 192\.168\.1\.13, not 10\.244\.2\.2: /)
  fails('nobody answers', routed, completed, inTurn(right, resolver, ({ node2 }) => node2`iptables -A FORWARD -p udp --dport 53 -j DROP`), /^10\.244\.2\.2 does not answer for hw\w+\.hw\w+\.default\.svc\.cluster\.local: /)
  // Refused, or silent: of words that nobody listens, a kernel says only so many a second.
  fails('nobody listens, so the name as it is, out of its turn', routed, found, inTurn(right, ended, resolving(`nameserver ${server}`, SEARCH, 'options ndots:5 timeout:1 attempts:1')), /^10\.244\.2\.2 does not answer red \((connection refused|no answer)\): its \/etc\/resolv\.conf has /)
  fails('nobody, as it is in a file', routed, found, inTurn(right, resolver, ({ node1 }) => node1`bash -ec ${"echo '10.96.0.6 plain.far' >/etc/netns/red/hosts"}`), /^red finds plain\.far at 10\.96\.0\.6, and asks nobody: it has that from a file of its own/)
  test('what a check asks for meanwhile is nothing that the pod asks for', async () => {
    const network = await routed()
    await inTurn(right, resolver)(network)
    const elsewhere = answersEverywhere(red, server, 'plain.far', objects)
    const both = [elsewhere, services, found]
    await expect.poll(() => statuses(network, both)).toEqual(both.map(() => 'pass'))
    await network.node1`bash -ec ${"echo '10.96.0.6 plain.far' >/etc/netns/red/hosts"}`
    await expect.poll(() => statuses(network, both)).toEqual(['pass', 'pass', expect.stringMatching(/: red finds plain\.far at 10\.96\.0\.6, and asks nobody/)])
  })
  fails('it is found at the wrong address', routed, found, inTurn(changed('host-record=plain', 'host-record=plain.far.svc.cluster.local,10.96.0.7'), resolver), /^red finds plain\.far at 10\.96\.0\.7: /)
  fails('it is found too early', routed, found, inTurn(serving(LOCAL, ...RECORDS, 'host-record=plain.far.default.svc.cluster.local,10.96.0.7'), resolver), /^red finds plain\.far at 10\.96\.0\.7: /)
})

// For each who asks by TCP, dnsmasq has a process, which ends when it comes to it.
changeNothing('looking at names changes nothing', routed, [...records, outside, completed, found], inTurn(right, resolver), ({ node2 }) => node2`until [ "$(pgrep -cx dnsmasq)" = 1 ]; do sleep 0.01; done`)
