// Lab 05 as it was recorded once: a network that was observed, and a packet that was lost in it.
import { readFileSync } from 'node:fs'
import type { Observed } from '../../runner/core/observed.ts'
import type { LabRecord } from '../../runner/core/record.ts'
import type { Hop, Trace } from '../../runner/core/trace.ts'
import type { Grid } from '../../runner/core/verdict.ts'

/** Lab 05, finished: what `observe` found, without what no drawing looks at. */
export const lab05 = JSON.parse(readFileSync(new URL('../draw/lab-05.json', import.meta.url), 'utf8')) as Observed

export const hop = (place: string, device: string, direction: Hop['direction']): Hop => ({
  place, name: place, device, direction, us: 0, from: '10.244.1.2', to: '10.244.2.2', fromPort: undefined, toPort: undefined, ttl: 64, bytes: 84, fromMac: undefined, toMac: undefined, carriers: [], rewrites: [],
})

export const there: readonly Hop[] = [
  hop('node1/red', 'eth0', 'out'), hop('node1', 'veth-red', 'in'), hop('node1', 'cni0', 'in'), hop('node1', 'eth0', 'out'), hop('fabric', 'node1-eth0', 'in'), hop('fabric', 'node2-eth0', 'out'), hop('node2', 'eth0', 'in'),
]

export const lost: Trace = {
  probe: { from: 'node1/red', to: '10.244.2.2', protocol: 'icmp' }, from: { name: 'red', address: '10.244.1.2', place: 'node1/red' }, to: { name: 'green', address: '10.244.2.2', place: 'node2/green' },
  outcome: 'lost', arrived: false, there, back: [], notes: [], evidence: [], ms: 1,
  cause: { kind: 'forwarding-off', where: 'node2', way: 'there', sentence: 'node2 received it on eth0 and dropped it: net.ipv4.ip_forward is 0', evidence: ['IpInAddrErrors 0 → 1'] },
}

const { cause: _, ...answered } = lost

/** Of two pods and a Service; one of the answers is wrong. */
export const grid = (right: boolean): Grid => ({
  title: 'TCP 80', rows: ['a/x', 'b/y'], columns: ['a/x', 'b/y', 'a/web:80'],
  cells: [
    [null, { expected: 'denied', measured: right ? 'timeout' : 'ok', right, because: 0 }, { expected: 'allowed', measured: 'ok', right: true, because: 1 }],
    [{ expected: 'allowed', measured: 'ok', right: true, because: 1 }, null, { expected: 'denied', measured: 'refused', right: true, because: 0 }],
  ],
  reasons: ['a/default-deny isolates <b/y> for ingress, and has no rule for it', 'no policy selects either of them'],
})

export const record: LabRecord = {
  steps: ['forward', 'route-out'].map(step => ({ step, observed: lab05, tables: step === 'forward' ? [] : [{ claim: 'the policy a/default-deny holds', grids: [grid(true)] }] })),
  trace: { ...answered, cause: undefined, outcome: 'answered', arrived: true },
  faults: [{ step: 'forward', name: 'off again on one interface', observed: lab05, failing: [{ claim: 'node2 forwards packets that are not for itself', because: 'net.ipv4.conf.eth0.forwarding is 0', grids: [grid(false)] }], trace: lost }],
}
