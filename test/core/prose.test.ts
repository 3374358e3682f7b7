import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { renderProse } from '../../runner/cli/prose.ts'

const plain = (markdown: string, width = 40) => renderProse(markdown, { width, colour: false })

describe('Prose without colour', () => {
  test('wraps paragraphs and keeps code, emphasis and links readable', () => {
    expect(plain('Why can **these two** pods not *talk*?\nAsk `ip route`, or [the kernel](https://kernel.org/doc) and [a word](glossary.md).')).toBe(
      'Why can these two pods not talk? Ask `ip\nroute`, or the kernel\n<https://kernel.org/doc> and a word.',
    )
  })

  test('underlines headings and leaves their ids away', () => {
    expect(plain('## Send packets out {#route-out}\n\nText.')).toBe('Send packets out\n────────────────\n\nText.')
  })

  test('indents lists and quotations', () => {
    expect(plain('- one that is longer than a line of this width\n- two\n  1. a\n  2. b\n\n> said\n> so')).toBe(
      '• one that is longer than a line of this\n  width\n• two\n  1. a\n  2. b\n\n│ said so',
    )
  })

  test('aligns the columns of a table, and wraps the widest where the line is too short', () => {
    expect(plain('| a | what |\n| --- | --- |\n| `x` | a cell that is much too long to stand in one line |\n| 漢字 | y |', 30)).toBe(
      'a     what\n────  ────────────────────────\n`x`   a cell that is much too\n      long to stand in one\n      line\n漢字  y',
    )
  })

  test('names the place of a command above it, and never wraps a command', () => {
    expect(plain('```sh node1/red\nip route add 10.244.2.0/24 via 192.168.1.12 dev eth0\n```')).toBe('┌ node1/red\n│ ip route add 10.244.2.0/24 via 192.168.1.12 dev eth0')
    expect(plain('```sh node1 look\nip link\n```')).toBe('┌ node1 · to look at\n│ ip link')
    expect(plain('```file node2:/etc/a.conf\nb\n```')).toBe('┌ node2 · write /etc/a.conf\n│ b')
    expect(plain('```text\nout\n```')).toBe('│ out')
  })

  test('asks a question with the command that answers it', () => {
    expect(plain('```answer pid\nWhich process\nlistens?\n```')).toBe('? Which process listens?\n  npx lab answer pid VALUE')
  })
})

describe('Prose with colour', () => {
  test('says the same words', () => {
    const words = (text: string) => stripVTControlCharacters(text).replaceAll(/[\s─`]+/g, ' ')
    const markdown = '# A\n\nText *that* is `code` and **bold**.\n\n- a\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh node1\nip link\n```\n'
    expect(words(renderProse(markdown, { width: 40, colour: true }))).toBe(words(plain(markdown)))
  })

  test('has the gutter of a command in the colour of its place', () => {
    const text = renderProse('```sh node2\nip link\n```', { width: 40, colour: true, nodeColour: place => (place === 'node2' ? 'red' : 'dim') })
    expect(text).toContain('\u001b[31m│\u001b[39m ip link')
  })
})

describe('Control characters', () => {
  test.each([
    ['a paragraph', 'a \u001b[31mb\u0007'],
    ['a fence', '```text\na \u001b]0;title\u0007 \u009b31m b\n```'],
    ['the word of a fence', '```sh node1\u001b[31m\nip\n```'],
    ['an entity', 'a &#27;[31m &#x9b;31m &#8238; b'],
    ['a link', '[a](https://x.org/\u001b[31m) &#14;'],
    ['a table', '| a\u001b[2J | b |\n|---|---|\n| &#14; | 2 |'],
  ])('of %s never reach the output', (_, markdown) => {
    expect(plain(markdown)).not.toMatch(/[\u202a-\u202e]|[^\P{Cc}\n]/u)
  })
})
