import { describe, expect, test } from 'vitest'
import { glance } from '../../runner/core/front-matter.ts'
import { parseLesson } from '../../runner/core/lesson.ts'
import { messageOf, readCases } from './cases.ts'

const front = '---\ntitle: "Routes: a tour"\nminutes: 20 # about\ntopology: three-nodes\nrequires: [vxlan]\n---\n'

describe('A lesson', () => {
  test('is its front matter, an intro, steps and a reading', () => {
    const lesson = parseLesson(`${front}\nWhy?\n\n## One {#one}\n\nText.\n\n### More\n\n## Two {#two}\n\n## What plugins do {.reading}\n\nThis.\n`, 'lesson.md')
    expect(lesson).toMatchObject({
      title: 'Routes: a tour', minutes: 20, topology: { name: 'three-nodes' }, requires: ['vxlan'], intro: 'Why?', reading: 'This.',
      topologyAt: { file: 'lesson.md', line: 4, column: 11 }, requiresAt: { line: 5, column: 11 },
    })
    expect(lesson.steps).toEqual([
      { id: 'one', title: 'One', at: { file: 'lesson.md', line: 10, column: 1 }, markdown: 'Text.\n\n### More', blocks: [] },
      { id: 'two', title: 'Two', at: { file: 'lesson.md', line: 16, column: 1 }, markdown: '', blocks: [] },
    ])
  })

  test('has commands, files and questions in its fences, wherever they stand', () => {
    const text = `${front}## One {#one}\n\`\`\`sh node1\nip link\nip addr\n\`\`\`\n- in a list\n  ~~~~sh node1/red look\n  ip route\n    via\n  ~~~~\n\`\`\`file node2:/etc/a b\n\`\`\`\n`
    expect(messageOf(() => parseLesson(text, 'lesson.md'))).toMatch(/:17:1: the fence `file node2:\/etc\/a b` is unclear/)
    const lesson = parseLesson(`${text.replace('a b', 'a')}\`\`\`answer pid\nWhich one?\n\`\`\`\n`, 'lesson.md')
    expect(lesson.steps[0]?.blocks).toEqual([
      { kind: 'command', place: 'node1', script: 'ip link\nip addr\n', look: false, at: { file: 'lesson.md', line: 8, column: 1 } },
      { kind: 'command', place: 'node1/red', script: 'ip route\n  via\n', look: true, at: { file: 'lesson.md', line: 13, column: 3 } },
      { kind: 'file', node: 'node2', path: '/etc/a', content: '', at: { file: 'lesson.md', line: 17, column: 1 } },
      { kind: 'answer', name: 'pid', question: 'Which one?', at: { file: 'lesson.md', line: 19, column: 1 } },
    ])
  })

  test('may illustrate with text, with other languages and with no word at all, anywhere', () => {
    const fences = ['', 'text', 'yaml', 'json', 'c', 'mermaid'].map(word => `\`\`\`${word}\nx\n\`\`\`\n`).join('\n')
    const lesson = parseLesson(`${front}${fences}\n## One {#one}\n${fences}\n## Read {.reading}\n${fences}`, 'lesson.md')
    expect(lesson.steps[0]?.blocks).toEqual([])
  })

  test('does not take a heading in a fence or in a quotation for a step', () => {
    const lesson = parseLesson(`${front}## One {#one}\n\`\`\`text\n## Two\n\`\`\`\n> ## Three\n`, 'lesson.md')
    expect(lesson.steps.map(step => step.id)).toEqual(['one'])
  })

  test('may bring a topology of its own', () => {
    const lesson = parseLesson(`${front.replace('three-nodes', '{ segments: { fab: }, nodes: { a: { eth0: { segment: fab } } } }')}## One {#one}\n`, 'lesson.md')
    expect(lesson.topology).toMatchObject({ inline: { nodes: [{ name: 'a' }], segments: [{ name: 'fab', mtu: 1500 }] } })
  })
})

describe('Mistakes in a lesson', () => {
  test.each(readCases('lesson'))('$title', ({ input, expected }) => {
    expect(messageOf(() => parseLesson(input, 'lesson.md'))).toBe(expected)
  })
})

describe('A glance at the front matter', () => {
  test.each([
    ['title: Plain text # a comment', 'Plain text'],
    ['title: "Routes: a \\"tour\\""', 'Routes: a "tour"'],
    ["title: 'It''s'", "It's"],
    ['title: "The # bridge" # a comment', 'The # bridge'],
    ["title: 'The # bridge'", 'The # bridge'],
  ])('reads %j as YAML does', (line, title) => {
    const text = `---\n${line}\nminutes: 5\ntopology: one-node\n---\n## One {#one}\n`
    expect(glance(text)).toEqual({ title, minutes: 5 })
    expect(parseLesson(text, 'lesson.md').title).toBe(title)
  })

  test('survives a text without any', () => {
    expect(glance('# Hello')).toEqual({ title: undefined, minutes: undefined })
  })
})
