// Whole tables on real nodes: what policies say, and what an nft that was written by hand makes of them.
import { describe, expect } from 'vitest'
import * as checks from '../../checks/index.ts'
import { objectsOf } from '../../kubernetes/index.ts'
import { ALL, routed, type Network } from './network.ts'
import { changeNothing, fails, passes, test, type Make } from './on-nodes.ts'

const pod = (namespace: string, name: keyof typeof ALL, node: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec: { nodeName: ${node} }
status: { podIP: ${ALL[name]} }
---`
const PODS = [pod('shop', 'red', 'node1'), pod('shop', 'blue', 'node1'), pod('shop', 'green', 'node2'), pod('bank', 'pink', 'node3')].join('')
const objects = objectsOf(`${PODS}
apiVersion: v1
kind: Service
metadata: { name: green, namespace: shop }
spec: { clusterIP: 10.96.0.7, selector: { app: green }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: from-red, namespace: shop }
spec:
  podSelector: { matchLabels: { app: green } }
  ingress:
  - from: [{ podSelector: { matchLabels: { app: red } } }]
    ports: [{ port: 8080 }]
`)
const check = checks.policyHolds(objects, { ports: ['8080', '53/UDP'] })

/** What is in force on node2: green is there. */
const policy = (rules: string): string => `
table ip netpol
delete table ip netpol
table ip netpol {
  chain forward { type filter hook forward priority filter; ct state established,related accept; ip daddr ${ALL.green} goto green; }
  chain green { ${rules}
    drop; }
}`
const RIGHT = `ip saddr ${ALL.red} tcp dport 8080 accept;`
const tell = async ({ node2 }: Network, rules: string): Promise<void> => { await node2`nft -f - <<< ${policy(rules)}` }
const services = async (network: Network, to = `${ALL.green}:8080`): Promise<void> => {
  for (const node of [network.node1, network.node2, network.node3]) {
    await node`nft -f - <<< ${`table ip services { chain pre { type nat hook prerouting priority dstnat; ip daddr 10.96.0.7 tcp dport 80 dnat to ${to}; }
      chain post { type nat hook postrouting priority srcnat; ct status dnat ip saddr ${ALL.green} ip daddr ${ALL.green} masquerade; }\n}`}`
  }
}
const whole = (rules: string): Make => async () => {
  const network = await routed()
  await Promise.all([tell(network, rules), services(network)])
  return network
}

describe('policyHolds', () => {
  passes('by rules of whatever name', whole(RIGHT), check)
  passes('by rules that refuse in place of keeping silent', whole(`${RIGHT} reject;`), check)
  changeNothing('and changes nothing', whole(RIGHT), [check])

  test('says what it says in a table', async () => {
    const network = await whole(RIGHT)()
    const verdict = await network.settles(check, 'pass')
    if (verdict.status === 'unknown') throw new Error(verdict.because)
    expect(verdict.table?.map(({ title, rows, columns }) => ({ title, rows: rows.join(' '), columns: columns.join(' ') }))).toEqual([
      { title: 'TCP 8080', rows: 'shop/red shop/blue shop/green bank/pink its own node', columns: 'shop/red shop/blue shop/green bank/pink' },
      { title: 'UDP 53', rows: 'shop/red shop/blue shop/green bank/pink its own node', columns: 'shop/red shop/blue shop/green bank/pink' },
      { title: 'Services', rows: 'shop/red shop/blue shop/green bank/pink', columns: 'shop/green:80' },
    ])
    const cell = verdict.table?.[0]?.cells[1]?.[2]
    expect(cell).toMatchObject({ expected: 'denied', measured: 'timeout', right: true })
    expect(verdict.table?.[0]?.reasons[cell?.because ?? -1]).toBe('shop/from-red isolates shop/green for ingress, and no rule matches')
  })

  fails('nothing is in force', routed, check, network => services(network), /^shop\/blue reaches shop\/green on TCP 8080, but shop\/from-red isolates shop\/green for ingress, and no rule matches \(\d+ of 44 answers are wrong\)$/)
  fails('one protocol is forgotten', whole(`${RIGHT} meta l4proto udp accept;`), check, async () => {}, /^shop\/red reaches shop\/green on UDP 53, but /)
  fails('only the answers are lost', whole(RIGHT), check, async network => {
    await tell(network, `${RIGHT} accept;`)
    await network.node2`nft add chain ip netpol back '{ type filter hook forward priority -10; }'; nft add rule ip netpol back ip saddr ${ALL.green} ip daddr ${ALL.blue} drop`
  }, /^what shop\/blue says arrives at shop\/green on TCP 8080, seen there as 10\.244\.1\.3, and only the answer is lost, but /)
  fails('who may does not', whole(''), check, async () => {}, /^shop\/red hears nothing from shop\/green on TCP 8080: shop\/from-red allows it \(ingress\[0\]\): .*node2/)
  fails('a pod that nobody reaches, not even its own node', whole(RIGHT), check, ({ node2 }) => node2`ip -n green route flush table main; ip -n green link set eth0 down`, /^its own node is|^its own node hears nothing from shop\/green/)
  fails('a Service leads elsewhere', () => whole(RIGHT)(), check, async network => {
    for (const node of [network.node1, network.node2, network.node3]) await node`nft delete table ip services`
    await services(network, `${ALL.pink}:8080`)
  }, /^shop\/(blue|green) reaches|^shop\/\w+ asks for shop\/green:80 and is answered by node3\/pink|bank\/pink reaches shop\/green:80/)
  fails('a pod that is not there', whole(RIGHT), check, ({ node3 }) => node3`ip -n pink addr flush dev eth0`, /^no namespace has the address 10\.244\.3\.2 \(bank\/pink\)$/)

  const outside = checks.policyHolds(objectsOf(`${PODS}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: no-node3, namespace: shop }
spec: { podSelector: { matchLabels: { app: green } }, ingress: [{ from: [{ ipBlock: { cidr: 0.0.0.0/0, except: [192.168.1.13/32] } }] }] }
`), { ports: ['80'], outside: { node3: '192.168.1.13' } })
  passes('machines outside', () => whole('ip saddr != 192.168.1.13 accept;')(), outside)
  fails('a machine outside that is let in', whole('accept;'), outside, async () => {}, /^node3 reaches shop\/green on TCP 80, but shop\/no-node3 isolates shop\/green/)

  test('needs to know where the pods are', () => {
    expect(() => checks.policyHolds(objectsOf('apiVersion: v1\nkind: Pod\nmetadata: { name: a }'))).toThrow('the pod default/a has no status.podIP: nobody knows where to ask')
    expect(() => checks.policyHolds(objects, { ports: ['x'] })).toThrow('expected a port, for example 80 or 53/UDP, and got x')
  })
})
