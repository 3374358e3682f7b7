// Who is seen from outside, and who is kept out: each check passes on a right network, and fails for each reason that it
// can name.
import { describe, expect, test as plain } from 'vitest'
import { cannotReach, seenAs } from '../../checks/index.ts'
import type { Check } from '../../runner/core/bench.ts'
import { providersHere } from '../helpers/providers.ts'
import { blue, bridges, green, red, routed, type Network } from './network.ts'

const because = (await providersHere()).find(({ name }) => name === 'embedded')?.because
const test = plain.skipIf(because !== undefined)
if (because !== undefined) plain.skip(`checks on real nodes, because ${because}`, () => {})

type Make = () => Promise<Network>
type Deed = (network: Network) => Promise<unknown>

function passes(title: string, make: Make, check: Check, deed: Deed = async () => {}): void {
  test(title, async () => {
    const network = await make()
    await deed(network)
    expect(await network.settles(check, 'pass')).toMatchObject({ status: 'pass' })
  })
}

function fails(title: string, make: Make, check: Check, deed: Deed, reason: RegExp): void {
  test(title, async () => {
    const network = await make()
    await deed(network)
    const verdict = await network.settles(check, reason)
    expect(verdict).toMatchObject({ status: 'fail' })
    expect(verdict.status === 'fail' && verdict.because).toMatch(reason)
  })
}

/** node3 is the outside: it has no route to any pod. */
const outside = { node3: '192.168.1.13' }
const node1 = { node1: '192.168.1.11' }

async function forwarding(): Promise<Network> {
  const network = await bridges()
  await network.node1`sysctl -qw net.ipv4.ip_forward=1`
  return network
}

const masquerade = (rest = ''): Deed => ({ node1 }) => node1`nft ${`add table ip t; add chain ip t post { type nat hook postrouting priority srcnat; }; add rule ip t post ip saddr 10.244.1.0/24 oifname "eth0" masquerade ${rest}`}`

describe('seenAs', () => {
  const check = seenAs({ ...red, ...blue }, outside, node1)
  test('it says who sees whom', () => {
    expect(check.claim).toBe("node3 sees node1's address, 192.168.1.11, when red and blue ask")
    expect(seenAs(red, outside, '192.168.1.11').claim).toBe('node3 sees 192.168.1.11 when red asks')
  })
  passes('by masquerade', forwarding, check, masquerade())
  passes('by masquerade that takes another port', forwarding, check, masquerade('random'))
  fails('nobody translates, and the outside has no way back', forwarding, check, async () => {}, /the request arrives, the reply does not: node3 has no route to 10\.244\.1\.2/)
  fails('the outside was told a way back', forwarding, check, ({ node3 }) => node3`ip route add 10.244.1.0/24 via 192.168.1.11`, /^node3 sees 10\.244\.1\.2, red's own address: nobody has changed it, and node3 knows a way back to it, via 192\.168\.1\.11$/)
})

describe('cannotReach', () => {
  const check = cannotReach({ pink: '10.244.3.2' }, red, { though: { ...blue, ...green }, still: outside })
  test('it says who is kept from whom', () => {
    expect(check.claim).toBe('pink does not reach red, though blue and green do, and pink still reaches node3')
    expect(cannotReach(green, red, { though: blue, still: outside, by: 'silence' }).claim).toBe('green hears nothing from red, though blue reaches it, and green still reaches node3')
  })
  passes('dropped', routed, check, ({ node1 }) => node1`iptables -A FORWARD -s 10.244.3.2 -j DROP`)
  fails('nothing stops it', routed, check, async () => {}, /^pink reaches red by TCP and UDP$/)
})
