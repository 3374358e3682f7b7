// labs/glossary.md: a `## Term, other names {#id}` for each, and what it is.
import { Mistake, Mistakes } from '../runner/core/mistake.ts'

export interface Term {
  readonly id: string
  readonly name: string
  /** All that it is called in prose, its name first. */
  readonly names: readonly string[]
  readonly markdown: string
}

/** Throws Mistakes. In the order of the alphabet. */
export function parseGlossary(text: string, file: string): readonly Term[] {
  const mistakes: Mistake[] = []
  const terms: Term[] = []
  const lines = text.split('\n')
  const heads = lines.flatMap((line, index) => line.startsWith('## ') ? [index] : [])
  for (const [position, index] of heads.entries()) {
    const at = { file, line: index + 1, column: 1 }
    const [, names = '', id = ''] = /^## (.+?) \{#([a-z0-9-]+)\}$/.exec(lines[index] ?? '') ?? []
    const markdown = lines.slice(index + 1, heads[position + 1]).join('\n').trim()
    const [name = '', ...more] = names.split(', ')
    if (id === '') mistakes.push(new Mistake(at, { what: 'a term without an id', expected: 'names and an id', example: '## veth pair, veth {#veth}' }))
    else if (terms.some(term => term.id === id)) mistakes.push(new Mistake(at, { what: `\`${id}\` is there already`, expected: 'another id' }))
    else if (markdown === '') mistakes.push(new Mistake(at, { what: `nothing is said of \`${name}\``, expected: 'what it is, in a sentence or two' }))
    else terms.push({ id, name, names: [name, ...more], markdown })
  }
  if (mistakes.length > 0) throw new Mistakes(mistakes)
  return terms.toSorted((a, b) => a.name.localeCompare(b.name, 'en'))
}
