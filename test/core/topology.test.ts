import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { withCaret } from '../../runner/core/caret.ts'
import { Mistake, Mistakes } from '../../runner/core/mistake.ts'
import { parseTopology } from '../../runner/core/topology.ts'
import { messageOf, readCases } from './cases.ts'

describe('A topology', () => {
  test('becomes nodes and segments, in the order of the file', () => {
    const text = 'segments:\n  fab: { mtu: 9000 }\nnodes:\n  node1:\n    eth0: { segment: fab, address: 192.168.1.11/24 }\n  node2:\n    disk: 128\n    eth0: { segment: fab, address: 192.168.1.12/24 }\n'
    expect(parseTopology(text, 'x.yaml')).toEqual({
      segments: [{ name: 'fab', mtu: 9000 }],
      nodes: [
        { name: 'node1', diskMiB: 64, interfaces: [{ name: 'eth0', segment: 'fab', address: '192.168.1.11/24' }] },
        { name: 'node2', diskMiB: 128, interfaces: [{ name: 'eth0', segment: 'fab', address: '192.168.1.12/24' }] },
      ],
    })
  })

  test('needs to say no more than its names: 1500 bytes, 64 MiB and no address are the defaults', () => {
    expect(parseTopology('segments: { fab: }\nnodes:\n  node1: { eth0: { segment: fab } }\n  node2:\n', 'x.yaml')).toEqual({
      segments: [{ name: 'fab', mtu: 1500 }],
      nodes: [
        { name: 'node1', diskMiB: 64, interfaces: [{ name: 'eth0', segment: 'fab', address: undefined }] },
        { name: 'node2', diskMiB: 64, interfaces: [] },
      ],
    })
  })

  test('says which components of Kubernetes a node may have', () => {
    const { nodes } = parseTopology('segments: { fab: }\nnodes:\n  ext: { components: [etcd, kube-apiserver], eth0: { segment: fab } }\n  node1: { components: [] }\n', 'x.yaml')
    expect(nodes.map(({ components }) => components)).toEqual([['etcd', 'kube-apiserver'], []])
  })

  test('may have both ends of a /31', () => {
    expect(() => parseTopology('segments: { p: }\nnodes:\n  a: { eth0: { segment: p, address: 10.0.0.0/31 } }\n  b: { eth0: { segment: p, address: 10.0.0.1/31 } }\n', 'x.yaml')).not.toThrow()
  })

  test('that begins on a later line of a file has its mistakes there', () => {
    expect(messageOf(() => parseTopology('nodes: { Node1: {} }\n', 'lesson.md', { line: 7 }))).toMatch(/^lesson\.md:7:10: /)
  })

  const folder = new URL('../../fixtures/topologies/', import.meta.url)
  test.each(readdirSync(folder).filter(name => name.endsWith('.yaml')))('%s of the course is right', name => {
    expect(messageOf(() => parseTopology(readFileSync(new URL(name, folder), 'utf8'), name))).toBe('no mistake')
  })
})

describe('Mistakes in a topology', () => {
  test.each(readCases('topology'))('$title', ({ input, expected }) => {
    expect(messageOf(() => parseTopology(input, 'topology.yaml'))).toBe(expected)
  })
})

describe('A caret', () => {
  const at = (line: number, column: number) => new Mistake({ file: 'x', line, column }, { what: 'a', expected: 'b' })

  test('stands under the column of the mistake', () => {
    const text = 'segments: { fab: {} }\nnodes:\n  node1: { eth0: { segment: fob } }\n'
    try {
      parseTopology(text, 'x.yaml')
      expect.unreachable()
    } catch (error) {
      const mistake = error instanceof Mistakes ? error.all[0] : undefined
      expect(mistake && withCaret(mistake, text)).toBe('  node1: { eth0: { segment: fob } }\n                            ^')
    }
  })

  test('keeps tabs, so that it is right whatever their width', () => {
    expect(withCaret(at(1, 3), '\tab')).toBe('\tab\n\t ^')
  })

  test('shows a control character by its number, and moves over', () => {
    expect(withCaret(at(1, 3), 'a\u001bb')).toBe('a\\u001bb\n       ^')
  })

  test('survives a line that the file does not have', () => {
    expect(withCaret(at(9, 9), 'a')).toBe('\n^')
  })
})
