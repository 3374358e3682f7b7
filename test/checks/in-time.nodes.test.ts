// A program that does not answer in time is not said to be wrong as long as its kernel takes connections for it; one that is gone, or
// that nobody gets through to, is.
import { expect } from 'vitest'
import { proxyLives } from '../../checks/index.ts'
import { emptyNetwork } from './network.ts'
import { test } from './on-nodes.ts'

test('who is busy, who is walled in and who is gone are told apart', async () => {
  const network = await emptyNetwork()
  const { node1, node2, node3 } = network
  const says = async (node: string): Promise<string> => {
    const verdict = await network.look(proxyLives([node]))
    return verdict.status === 'pass' ? 'pass' : `${verdict.status}: ${verdict.because}`
  }
  await Promise.all([node1, node2, node3].map(node => node`serve --background livez 10256`))
  await expect.poll(() => Promise.all(['node1', 'node2', 'node3'].map(says))).toEqual(['pass', 'pass', 'pass'])
  await Promise.all([
    // It sleeps, and its connections are taken all the same.
    node1`kill -STOP $(pgrep -xf 'serve livez 10256')`,
    node2`nft ${'add table ip lock; add chain ip lock in { type filter hook input priority 0; }; add rule ip lock in tcp dport 10256 drop'}`,
    node3`kill $(pgrep -xf 'serve livez 10256'); while [ -n "$(ss -Hltn sport = :10256)" ]; do sleep 0.01; done`,
  ])
  await expect.poll(() => Promise.all(['node1', 'node2', 'node3'].map(says))).toEqual([
    'unknown: node1: no answer in time, though connections to 127.0.0.1:10256 are taken: it may only be slow',
    expect.stringMatching(/^fail: that of node2 does not answer: Connection timed out/),
    expect.stringMatching(/^fail: that of node3 does not answer: Failed to connect/),
  ])
})
