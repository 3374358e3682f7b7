import type { Topology } from '../../runner/core/topology.ts'

export const threeNodes: Topology = {
  segments: [{ name: 'fab', mtu: 1500 }],
  nodes: [1, 2, 3].map(number => ({
    name: `node${number}`, diskMiB: 64, interfaces: [{ name: 'eth0', segment: 'fab', address: `192.168.1.1${number}/24` }],
  })),
}
