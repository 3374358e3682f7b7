// A capture that is late: what it has not shown yet is no empty wire.
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { reaches } from '../../checks/index.ts'
import type { Bench, Place } from '../../runner/core/bench.ts'
import { judge } from '../../runner/engine/judge.ts'
import { green, red, routed, UNHURRIED } from './network.ts'
import { test } from './on-nodes.ts'

/** The bench, and a fabric whose captures say what they saw `delay` later; `never` where that is undefined. */
function behind(bench: Bench, delay: number | undefined): Bench {
  const fabric = bench.place('fabric')
  const late: Place = {
    name: fabric.name,
    exec: (argv, options = {}) => {
      // tcpdump says that it listens in several pieces.
      let listening = false
      return fabric.exec(argv, {
        ...options,
        onStdout: text => {
          if (!listening) options.onStdout?.(text)
          else if (delay !== undefined) void pause(delay).then(() => options.onStdout?.(text))
          listening ||= text.includes('listening on')
        },
      })
    },
  }
  return { ...bench, place: name => name === 'fabric' ? late : bench.place(name) }
}

describe('what passes the wire', () => {
  const check = reaches(red, green, { keepingAddress: true })
  /** The servers see red as it is; between the nodes it has another address. */
  const hidden = async (): ReturnType<typeof routed> => {
    const network = await routed()
    const rewrite = (node: 'node1' | 'node2', hook: string, priority: string, rule: string): Promise<unknown> => network[node]`nft ${`add table ip wire; add chain ip wire ${hook} { type filter hook ${hook} priority ${priority}; }; add rule ip wire ${hook} ${rule}`}`
    await rewrite('node2', 'prerouting', 'raw', 'iifname "eth0" ip saddr 192.168.1.11 ip daddr 10.244.2.0/24 ip saddr set 10.244.1.2')
    await rewrite('node2', 'postrouting', '300', 'oifname "eth0" ip daddr 10.244.1.2 ip daddr set 192.168.1.11')
    await rewrite('node1', 'postrouting', '300', 'oifname "eth0" ip saddr 10.244.1.2 ip daddr 10.244.2.0/24 ip saddr set 192.168.1.11')
    await rewrite('node1', 'prerouting', 'raw', 'iifname "eth0" ip saddr 10.244.2.0/24 ip daddr 192.168.1.11 ip daddr set 10.244.1.2')
    return network
  }
  test('is waited for, half a second too', async () => {
    const network = await hidden()
    expect(await network.settles(check, /on the wire between the nodes/)).toMatchObject({ status: 'fail', because: expect.stringMatching(/on the wire between the nodes/) as unknown })
    await expect.poll(() => judge(check, behind(network.bench(), 500), UNHURRIED.leastMs)).toMatchObject({ status: 'fail', because: expect.stringMatching(/on the wire between the nodes/) as unknown })
  })
  test('that a right network sends comes late too', async () => {
    const network = await routed()
    await expect.poll(() => judge(reaches(red, green, { keepingAddress: true }), behind(network.bench(), 500), UNHURRIED.leastMs)).toMatchObject({ status: 'pass' })
  })
  test('and is never seen, is not known', async () => {
    const network = await routed()
    await expect.poll(() => judge(check, behind(network.bench(), undefined), UNHURRIED.leastMs)).toMatchObject({ status: 'unknown', because: expect.stringMatching(/is not seen on the fabric/) as unknown })
  })
})
