// Connections that somebody keeps open: who is at the other end, and what has become of one that was cut.
import { describe, expect } from 'vitest'
import { answersTheLine, stillOnTheLine } from '../../checks/index.ts'
import { ALL, blue, green, red, routed, type Network } from './network.ts'
import { changeNothing, fails, inTurn, passes, test, type Deed } from './on-nodes.ts'

const VIP = '10.96.0.42'
const inPod = (pod: string, command: string): string => `ip netns exec ${pod} ${command}`
const on = (name: 'node1' | 'node2' | 'node3', script: string): Deed => network => network[name]`bash -ec ${script}`
/** A Service with one endpoint, by UDP and by TCP. */
const leadsTo = (address: string): string => `iptables -t nat -F PREROUTING
iptables -t nat -A PREROUTING -d ${VIP} -j DNAT --to-destination ${address}`

/** red calls the Service while blue is behind it, and then it leads to green. */
async function calling(): Promise<Network> {
  const network = await routed()
  await network.node1`sysctl -qw net.bridge.bridge-nf-call-iptables=1`
  await on('node2', `${inPod('green', 'call --answer green 7000')}\n${inPod('green', 'serve --background green 5140/udp')}`)(network)
  await on('node1', [
    inPod('blue', 'call --answer blue 7000'), inPod('blue', 'serve --background blue 5140/udp'), leadsTo(ALL.blue),
    inPod('red', `call batch ${VIP}:7000`), inPod('red', `call lines ${VIP}:5140/udp`), leadsTo(ALL.green),
  ].join('\n'))(network)
  return network
}
const forget = on('node1', 'conntrack -F')

describe('stillOnTheLine', () => {
  const check = stillOnTheLine({ from: red, name: 'batch', with: blue })
  test('it says who with whom', () => {
    expect(check.claim).toBe('red is still on the line with blue')
    expect(stillOnTheLine({ from: red, name: 'a', with: blue }, { from: green, name: 'b', with: red }).claim).toBe('red is still on the line with blue and green with red')
  })
  passes('rules that have changed since do not cut it', calling, check)
  fails('connections that are forgotten are', calling, check, forget, /the connection of red with blue has been cut: Connection reset by peer/)
  fails('it stays cut', calling, check, inTurn(forget, on('node1', 'ip netns exec red call --ask batch; sleep 0.3'), on('node1', leadsTo(ALL.blue))), /has been cut/)
  fails('a caller that has ended is missed', calling, check, on('node1', 'kill $(pgrep -xf \'call batch .*\'); while pgrep -xf \'call batch .*\'; do sleep 0.01; done'), /nobody in red is on a line called batch/)
  fails('nobody hears it', calling, check, on('node1', 'iptables -A FORWARD -s 10.244.1.2 -j DROP'), /for half a second nobody answers/)
  fails('the one who was called has ended', calling, check, on('node1', 'kill -9 $(pgrep -xf \'call --answer blue 7000\')'), /has been cut: by the other end/)
  changeNothing('to ask over it changes nothing', calling, [check])
})

describe('answersTheLine', () => {
  const [byBlue, byGreen] = [blue, green].map(other => answersTheLine({ from: red, name: 'lines', with: other }, `${VIP}:5140/udp`))
  if (byBlue === undefined || byGreen === undefined) throw new Error('expected two checks')
  test('it says to what', () => {
    expect(byGreen.claim).toBe(`what red says to ${VIP}:5140/udp, always from one port, is answered by green`)
  })
  passes('what goes on stays where it was sent', calling, byBlue)
  fails('and does not ask the rules again', calling, byGreen, async () => {}, /is answered by blue, not by green/)
  passes('until it is forgotten', calling, byGreen, on('node1', 'conntrack -D -p udp'))
  fails('where nobody listens, it hears that', calling, byBlue, on('node1', 'kill $(pgrep -xf \'serve blue 5140/udp\')'), /has been cut: Connection refused/)
  passes('and speaks on when somebody does again', calling, byBlue, inTurn(on('node1', 'kill $(pgrep -xf \'serve blue 5140/udp\'); while pgrep -xf \'serve blue 5140/udp\'; do sleep 0.01; done; sleep 0.6'), on('node1', inPod('blue', 'serve --background blue 5140/udp'))))
  changeNothing('nor does this', calling, [byBlue])
})
