// What cannot be read is followed by when and where it passes: on recordings of a lab with WireGuard in it.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Cause, Trace } from '../../../runner/core/trace.ts'
import { conclude } from '../../../runner/engine/trace/conclude.ts'
import { decide } from '../../../runner/engine/trace/decide.ts'
import type { Recording } from '../../../runner/engine/trace/recording.ts'
import { scene } from '../../../runner/engine/trace/scene.ts'

function traced(name: string): Trace {
  const seen = scene(JSON.parse(readFileSync(new URL(`recordings/encrypted/${name}.json`, import.meta.url), 'utf8')) as Recording, 'p0')
  const found = decide(seen)
  return conclude(seen, found === undefined || 'needs' in found ? undefined : found)
}

const cause = (name: string): Cause | undefined => traced(name).cause

describe('a packet that is carried encrypted', () => {
  test('is seen on each interface that carries it, as what it is', () => {
    const { outcome, there } = traced('whole')
    expect(outcome).toBe('answered')
    expect(there.filter(hop => hop.carriers.length > 0).map(hop => `${hop.name}/${hop.device} ${hop.direction}`)).toEqual([
      'node1/eth0 out', 'the wire/node1-eth0 in', 'the wire/router-eth0 out', 'router/eth0 in', 'router/eth1 out', 'the wire/router-eth1 in', 'the wire/node2-eth0 out', 'node2/eth0 in',
    ])
    expect(there.every(hop => hop.to === '10.244.2.2')).toBe(true)
    expect(there.flatMap(hop => hop.carriers)[0]).toEqual({ kind: 'encrypted', from: '192.168.1.11', to: '192.168.2.12', fromPort: 51820, toPort: 51820 })
  })

  test('is missed by the filter that takes its tunnel\'s packet', () => {
    expect(cause('filtered')).toMatchObject({ kind: 'filtered', where: 'node2', way: 'there', sentence: expect.stringMatching(/INPUT.*51820/) as unknown })
  })

  test('stays where no peer takes it', () => {
    expect(cause('nobodys')).toMatchObject({ kind: 'tunnel-no-peer', where: 'node1', sentence: expect.stringContaining('none of its peers takes what is for 10.244.2.2') as unknown })
  })

  test('shows no key', () => {
    for (const name of ['whole', 'filtered', 'nobodys']) expect(JSON.stringify(traced(name))).not.toMatch(/[A-Za-z0-9+/]{43}=/)
  })
})
