// The checks of what flanneld makes, on real nodes: each passes where it is so, and fails for the reason that it is not.
import { describe } from 'vitest'
import * as checks from '../../checks/index.ts'
import { emptyNetwork, routed } from './network.ts'
import { changeNothing, fails, inTurn, passes, type Deed } from './on-nodes.ts'

const written = (network: string, subnet: string): Deed => ({ node1 }) => node1`bash -ec ${`mkdir -p /run/flannel; printf '%s\n' FLANNEL_NETWORK=${network} FLANNEL_SUBNET=${subnet} FLANNEL_MTU=1450 FLANNEL_IPMASQ=true >/run/flannel/subnet.env`}`

describe('hasLease', () => {
  const check = checks.hasLease('node1', '10.244.1.0/24')
  const right = written('10.244.0.0/16', '10.244.1.1/24')
  passes('its own range', emptyNetwork, check, right)
  fails('none', emptyNetwork, check, async () => {}, /^node1 has no \/run\/flannel\/subnet\.env$/)
  fails('none, and why', emptyNetwork, check, ({ node1 }) => node1`bash -c ${'echo "E1121 13:07:25.291810      14 main.go:1] pod cidr not assigned" >/var/log/flanneld.log'}`, /^node1 has no \/run\/flannel\/subnet\.env; flanneld says: pod cidr not assigned$/)
  fails('another\'s range', emptyNetwork, check, written('10.244.0.0/16', '10.244.2.1/24'), /^\/run\/flannel\/subnet\.env of node1 says 10\.244\.2\.0\/24$/)
  fails('half of it', emptyNetwork, check, written('10.244.0.0/16', '10.244.1.1/25'), /says 10\.244\.1\.0\/25$/)
  fails('a network without it', emptyNetwork, check, written('10.42.0.0/16', '10.244.1.1/24'), /says that all pods are in 10\.42\.0\.0\/16, and 10\.244\.1\.0\/24 is not$/)
  changeNothing('nothing is changed', emptyNetwork, [check], right)
})

describe('knowsWay', () => {
  const check = checks.knowsWay('node1', 'node2', '10.244.2.0/24')
  passes('a plain route', routed, check)
  fails('none', routed, check, ({ node1 }) => node1`ip route del 10.244.2.0/24`, /^node1 has no route to 10\.244\.2\.2$/)
  fails('a blackhole', routed, check, ({ node1 }) => node1`ip route replace blackhole 10.244.2.0/24`, /blackhole/)
  fails('a pod of its own', routed, check, ({ node1 }) => node1`ip route replace 10.244.2.0/24 dev cni0`, /^node1 takes 10\.244\.2\.2 for a pod of its own$/)
  fails('a pod of its own, whatever the bridge is called', routed, check, ({ node1 }) => node1`bash -ec ${'ip link add pods up type bridge; ip route replace 10.244.2.0/24 dev pods'}`, /^node1 takes 10\.244\.2\.2 for a pod of its own$/)
  fails('a neighbour', routed, check, ({ node1 }) => node1`ip route replace 10.244.2.0/24 dev eth0`, /^node1 takes 10\.244\.2\.2 for a neighbour on eth0$/)
  fails('somebody else', routed, check, ({ node1 }) => node1`ip route replace 10.244.2.0/24 via 192.168.1.200`, /^node1 sends 10\.244\.2\.2 to 192\.168\.1\.200, which is no address of node2$/)
  fails('an address of its own', routed, check, inTurn(({ node1 }) => node1`ip addr add 10.244.2.2/32 dev lo`), /^10\.244\.2\.2 is node1's own address$/)
  changeNothing('nothing is changed', routed, [check])
})
