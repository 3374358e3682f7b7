// The rules, on what was once observed: no nodes are needed. keep.ts makes recordings.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { conclude } from '../../../runner/engine/trace/conclude.ts'
import { decide, unknown } from '../../../runner/engine/trace/decide.ts'
import type { Recording } from '../../../runner/engine/trace/recording.ts'
import { scene } from '../../../runner/engine/trace/scene.ts'
import { faults } from './faults.ts'
import { grade } from './grade.ts'

const folder = new URL('recordings/', import.meta.url)
const recordings = readdirSync(folder).filter(name => name.endsWith('.json')).map(name => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { readonly fault: string; readonly recording: Recording })

describe('from what was observed, the cause is found', () => {
  for (const { fault: name, recording } of recordings) {
    test(name, () => {
      const fault = faults.find(one => one.name === name)
      if (fault === undefined) throw new Error(`there is no fault ${name} any more`)
      const seen = scene(recording, 'p0')
      const found = decide(seen)
      if (found !== undefined && 'needs' in found) throw new Error('it was recorded before all was known')
      expect(grade(fault, conclude(seen, found))).toEqual({ grade: 'right' })
    })
  }

  test('there are recordings', () => {
    expect(recordings.length).toBeGreaterThan(20)
  })
})

const whole = recordings.find(({ fault }) => fault === 'whole: pods of two nodes')?.recording
const hidden = recordings.find(({ fault }) => fault === 'hidden behind the node')?.recording
const tunnel = recordings.find(({ fault }) => fault === 'whole: over VXLAN')?.recording

describe('the way of a packet', () => {
  const trace = (recording: Recording | undefined) => {
    if (recording === undefined) throw new Error('that recording is missing')
    return conclude(scene(recording, 'p0'), undefined)
  }
  const seen = (recording: Recording | undefined, way: 'there' | 'back'): readonly string[] => trace(recording)[way].map(hop => `${hop.name}/${hop.device} ${hop.direction}`)

  test('is every interface, in the order in which it passed them', () => {
    expect(seen(whole, 'there')).toEqual([
      'red/eth0 out', 'node1/veth-red in', 'node1/cni0 in', 'node1/eth0 out', 'the wire/node1-eth0 in', 'the wire/node2-eth0 out',
      'node2/eth0 in', 'node2/cni0 out', 'node2/veth-green out', 'green/eth0 in',
    ])
    expect(seen(whole, 'back')[0]).toBe('green/eth0 out')
    expect(seen(whole, 'back').at(-1)).toBe('red/eth0 in')
  })

  test('has each rewriting where it was done', () => {
    const ttl = trace(whole).there.flatMap(hop => hop.rewrites.map(rewrite => [hop.name, hop.device, rewrite.what]))
    expect(ttl).toEqual([['node1', 'eth0', 'ttl'], ['node2', 'cni0', 'ttl']])
    const source = trace(hidden).there.flatMap(hop => hop.rewrites.flatMap(rewrite => rewrite.what === 'source' ? [[hop.name, hop.device, rewrite.from, rewrite.to]] : []))
    expect(source).toEqual([['node1', 'eth0', '10.244.1.2', '192.168.1.11']])
  })

  test('shows what carries it, from where to where', () => {
    const wrapped = trace(tunnel).there.flatMap(hop => hop.rewrites.flatMap(rewrite => rewrite.what === 'wrapped' ? [[hop.name, hop.device, rewrite.carrier]] : rewrite.what === 'unwrapped' ? [[hop.name, hop.device]] : []))
    expect(wrapped).toMatchObject([['node1', 'eth0', { kind: 'vxlan', id: 1, from: '192.168.1.11', to: '192.168.1.12', toPort: 8472 }], ['node2', 'flannel.1']])
  })
})

test('where no rule knows why, it is said that programs of tc stand there, which nobody can ask', () => {
  if (whole === undefined) throw new Error('that recording is missing')
  const [red] = scene(whole, 'p0').back.slice(-1)
  const facts = (doors: string) => ({ ...whole, facts: { ...whole.facts, [red?.space.inode ?? 0]: `== route\n[]\n== neigh\n[]\n== fdb\n[]\n== doors\n${doors}` } })
  expect(unknown(scene(facts('eth0 ingress\neth0 egress\n'), 'p0')).evidence).toEqual(['tc has filters or programs at eth0 ingress and eth0 egress: what they do with a packet they tell nobody'])
  expect(unknown(scene(facts(''), 'p0')).evidence).toEqual([])
})
