// Reads lesson.md: front matter, steps, and the fences that are commands, files and questions.
import MarkdownIt, { type Token } from 'markdown-it'
import { isMap, isSeq } from 'yaml'
import { glance, splitFrontMatter } from './front-matter.ts'
import { Mistake, Mistakes, type MistakeText, type Position } from './mistake.ts'
import { control, nearest, quoted } from './quoted.ts'
import { readTopology, type Topology } from './topology.ts'
import { kindOf, scalarOf, YamlSource, type Pair } from './yaml.ts'

export interface Lesson {
  readonly file: string
  readonly title: string
  readonly minutes: number
  /** The name of a file in fixtures/topologies, or the topology itself. */
  readonly topology: { readonly name: string } | { readonly inline: Topology }
  readonly topologyAt: Position
  /** Kernel features and components that the lab cannot do without. */
  readonly requires: readonly string[]
  readonly requiresAt: Position
  /** Markdown before the first step. */
  readonly intro: string
  readonly steps: readonly LessonStep[]
  /** Markdown of the closing `{.reading}` section, without its heading. */
  readonly reading: string | undefined
}

export interface LessonStep {
  readonly id: string
  readonly title: string
  readonly at: Position
  /** The section's source without its heading. */
  readonly markdown: string
  readonly blocks: readonly Block[]
}

/** A fence that means something. Commands that are no `look`, and files, are in order the step's solution. */
export type Block =
  | { readonly kind: 'command'; readonly place: string; readonly script: string; readonly look: boolean; readonly at: Position }
  | { readonly kind: 'file'; readonly node: string; readonly path: string; readonly content: string; readonly at: Position }
  | { readonly kind: 'answer'; readonly name: string; readonly question: string; readonly at: Position }

/** Languages of fences that only illustrate. A list, so that a mistyped `sh node1` is not taken for one. */
export const illustrations: readonly string[] = [
  '', 'text', 'c', 'diff', 'dockerfile', 'go', 'ini', 'js', 'json', 'mermaid', 'nft', 'protobuf', 'python', 'rust', 'svg', 'toml', 'ts', 'xml', 'yaml',
]

const frontMatterExample = '---\ntitle: Static routes between nodes\nminutes: 20\ntopology: three-nodes\n---'
const headingExample = '## Send packets out {#route-out}'

/** Throws Mistakes, all that there are. */
export function parseLesson(text: string, file: string): Lesson {
  const mistakes: Mistake[] = []
  refuseControls(text, file, mistakes)
  // Said once; what follows is as if it were not there.
  text = text.replaceAll('\r\n', '\n')
  const front = splitFrontMatter(text)
  if (front === undefined) {
    const closed = text.startsWith('---') ? 'the front matter is not closed' : 'the lesson has no front matter'
    const example = frontMatterExample.replaceAll('\n', '⏎')
    mistakes.push(new Mistake({ file, line: 1, column: 1 }, { what: closed, expected: 'YAML between two `---` lines', example }))
    throw new Mistakes(mistakes)
  }
  const head = readFrontMatter(new YamlSource(front.yaml, file, front.yamlLine), glance(text), mistakes)
  const body = new Body(front.body, file, front.bodyLine, mistakes)
  const sections = body.sections()
  if (mistakes.length > 0) throw new Mistakes(mistakes)
  return { file, ...head, ...sections }
}

function refuseControls(text: string, file: string, mistakes: Mistake[]): void {
  for (const [index, line] of text.split('\n').entries()) {
    const column = line.replaceAll('\t', ' ').search(control) + 1
    if (column === 0) continue
    const code = line.charCodeAt(column - 1)
    const what = code === 13 ? 'a carriage return' : `the control character U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    mistakes.push(new Mistake({ file, line: index + 1, column }, { what, expected: code === 13 ? 'lines that end as on Unix' : 'text' }))
    // A file with Windows line ends has one mistake, not one a line.
    if (code === 13) return
  }
}

/** What a node is given beside its interfaces, and how. */
const OF_A_NODE: Readonly<Record<string, string>> = { role: 'role: kubelet', bpf: 'bpf: true', components: 'components: [etcd]', disk: 'disk: 128' }

type Head = Pick<Lesson, 'title' | 'minutes' | 'topology' | 'topologyAt' | 'requires' | 'requiresAt'>

const fields: Readonly<Record<string, string>> = {
  title: 'title: Static routes between nodes',
  minutes: 'minutes: 20',
  topology: 'topology: three-nodes',
  requires: 'requires: [vxlan]',
}
/** All that the head of a lesson may have; CONTRIBUTING.md says what it is. */
export const HEAD_KEYS: readonly string[] = Object.keys(fields)

function readFrontMatter(source: YamlSource, seen: { title: string | undefined; minutes: number | undefined }, mistakes: Mistake[]): Head {
  let title = ''
  let minutes = 0
  let topology: Lesson['topology'] = { name: '' }
  let requires: readonly string[] = []
  const at = source.start
  const positions = { topologyAt: at, requiresAt: at }
  const pairs = source.mistakes.length > 0 ? undefined : source.pairs(source.root, at, 'the front matter', fields.title ?? '')
  for (const pair of pairs ?? []) {
    if (pair.key === 'title') {
      title = source.text(pair, fields.title ?? '') ?? ''
      if (title !== '' && seen.title !== title) source.mistake(pair.valueAt, { what: 'the title is not plain', expected: 'it on one line, in quotes only if it needs them', example: fields.title ?? '' })
    } else if (pair.key === 'minutes') {
      minutes = source.whole(pair, 1, 240, fields.minutes ?? '') ?? 0
      if (minutes !== 0 && seen.minutes !== minutes) source.mistake(pair.valueAt, { what: 'the minutes are not plain', expected: 'digits', example: fields.minutes ?? '' })
    } else if (pair.key === 'topology') {
      positions.topologyAt = pair.valueAt
      topology = readTopologyField(source, pair)
    } else if (pair.key === 'requires') {
      positions.requiresAt = pair.valueAt
      requires = readRequires(source, pair)
    } else if (Object.hasOwn(OF_A_NODE, pair.key)) {
      source.mistake(pair.keyAt, { what: `${quoted(pair.key)} is a key of a node, and none of a lesson`, expected: 'it in the topology', example: `nodes: { node1: { ${OF_A_NODE[pair.key] ?? ''} } }` })
    } else source.unknownKey(pair, HEAD_KEYS)
  }
  for (const key of ['title', 'minutes', 'topology']) {
    if (!isMap(source.root) || pairs === undefined || pairs.some(pair => pair.key === key)) continue
    source.mistake(at, { what: `the front matter has no ${quoted(key)}`, expected: 'one', example: fields[key] ?? '' })
  }
  mistakes.push(...source.mistakes)
  return { title, minutes, topology, requires, ...positions }
}

function readTopologyField(source: YamlSource, pair: Pair): Lesson['topology'] {
  const value = scalarOf(pair.value)
  if (value === undefined) return { inline: readTopology(source, pair.value, pair.valueAt) }
  if (typeof value === 'string' && /^[a-z0-9][a-z0-9-]*$/.test(value)) return { name: value }
  source.mistake(pair.valueAt, { what: `${quoted('topology')} is ${kindOf(pair.value)}`, expected: 'the name of a file in fixtures/topologies, or a topology', example: fields.topology ?? '' })
  return { name: '' }
}

function readRequires(source: YamlSource, pair: Pair): readonly string[] {
  const example = fields.requires ?? ''
  if (!isSeq(pair.value)) {
    source.mistake(pair.valueAt, { what: `${quoted('requires')} is ${kindOf(pair.value)}`, expected: 'a list of kernel features or components', example })
    return []
  }
  return pair.value.items.flatMap(item => {
    const name = scalarOf(item)
    if (typeof name === 'string' && name.trim() !== '') return [name]
    source.mistake(source.at(item, pair.valueAt), { what: `one of \`requires\` is ${kindOf(item)}`, expected: 'its name', example })
    return []
  })
}

/** A level-two section while it is read. */
interface Section {
  readonly kind: 'step' | 'reading' | 'nameless'
  readonly id: string
  readonly title: string
  readonly at: Position
  /** Lines of the body, counted from 0. */
  readonly from: number
  readonly blocks: Block[]
}

class Body {
  readonly #lines: readonly string[]
  readonly #tokens: readonly Token[]
  readonly #file: string
  readonly #firstLine: number
  readonly #mistakes: Mistake[]

  constructor(text: string, file: string, firstLine: number, mistakes: Mistake[]) {
    this.#lines = text.split('\n')
    this.#tokens = new MarkdownIt({ html: false }).parse(text, {})
    this.#file = file
    this.#firstLine = firstLine
    this.#mistakes = mistakes
  }

  #mistake(at: Position, text: MistakeText): void {
    this.#mistakes.push(new Mistake(at, text))
  }

  /** A body line, from 0, as a position in the file; the column of `mark`, or of the first thing on the line. */
  #at(line: number, mark?: string): Position {
    const text = this.#lines[line] ?? ''
    const column = (mark ? text.indexOf(mark) : -1) + 1 || text.search(/\S/) + 1 || 1
    return { file: this.#file, line: line + this.#firstLine, column }
  }

  sections(): Pick<Lesson, 'intro' | 'steps' | 'reading'> {
    const sections: Section[] = []
    const starts: number[] = []
    for (const [index, token] of this.#tokens.entries()) {
      const line = token.map?.[0] ?? 0
      if (token.type === 'heading_open' && token.tag === 'h2' && token.level === 0) {
        starts.push(line)
        sections.push(this.#heading(line, token.map?.[1] ?? line + 1, this.#tokens[index + 1]?.content ?? '', sections))
      } else if (token.type === 'fence') {
        this.#fence(token, line, sections.at(-1))
      } else if (token.type === 'code_block') {
        this.#mistake(this.#at(line), { what: 'a block that is code because it is indented', expected: 'a fence (```text)' })
      }
    }
    const source = (section: Section, index: number) => this.#lines.slice(section.from, starts[index + 1]).join('\n').trim()
    const read = sections.map((section, index) => ({ ...section, markdown: source(section, index) }))
    if (!sections.some(section => section.kind !== 'reading')) {
      this.#mistake(this.#at(0), { what: 'the lesson has no step', expected: 'one at least', example: headingExample })
    }
    return {
      intro: this.#lines.slice(0, starts[0]).join('\n').trim(),
      steps: read.filter(section => section.kind === 'step').map(({ id, title, at, markdown, blocks }) => ({ id, title, at, markdown, blocks })),
      reading: read.find(section => section.kind === 'reading')?.markdown,
    }
  }

  #heading(line: number, from: number, content: string, before: readonly Section[]): Section {
    const at = this.#at(line)
    const [, title = '', mark, name = ''] = /^(.*?)\s*\{([#.])([^{}]*)\}$/s.exec(content) ?? []
    const section = { title, at, from, blocks: [] as Block[], id: name }
    const reading = before.find(one => one.kind === 'reading')
    if (reading) this.#mistake(at, { what: 'a section after the reading', expected: `${quoted('{.reading}')} (line ${reading.at.line}) to close the lesson` })
    if (mark === '.') {
      if (name !== 'reading') this.#mistake(at, { what: `unknown mark ${quoted(`{.${name}}`)}`, expected: 'a step or the reading', example: '## What real plugins do {.reading}' })
      return { ...section, kind: 'reading' }
    }
    if (title === '' || !/^[a-z][a-z0-9-]*$/.test(name)) {
      const what = mark === undefined ? 'a section without an id' : title === '' ? 'a step without a title' : `${quoted(name)} is no id`
      this.#mistake(at, { what, expected: 'a title and an id of a-z, 0-9 and -', example: headingExample })
      return { ...section, kind: 'nameless' }
    }
    const first = before.find(one => one.kind === 'step' && one.id === name)
    if (first) this.#mistake(at, { what: `step ${quoted(name)} is there already, on line ${first.at.line}`, expected: 'another id' })
    return { ...section, kind: 'step' }
  }

  #fence(token: Token, line: number, section: Section | undefined): void {
    const at = this.#at(line, token.markup)
    const last = this.#lines[(token.map?.[1] ?? line + 1) - 1] ?? ''
    if (token.map?.[1] === line + 1 || !last.trimEnd().endsWith(token.markup)) {
      this.#mistake(at, { what: 'the fence is not closed', expected: `a line ${token.markup} after it` })
    }
    const block = this.#block(token, at)
    if (block === undefined) return
    if (section === undefined || section.kind === 'reading') {
      this.#mistake(at, { what: `a ${block.kind} that belongs to no step`, expected: 'it in a step, or an illustration (```text)' })
    } else section.blocks.push(block)
  }

  /** What the fence means, if anything; an unclear one is a mistake. */
  #block(token: Token, at: Position): Block | undefined {
    const info = token.info.trim()
    const [word = '', ...rest] = info.split(/\s+/)
    const target = rest[0] ?? ''
    const blank = token.content.trim() === ''
    switch (word) {
      case 'sh': {
        if (rest.length === 0) return this.#unclear(info, at, 'the place to type it in', 'sh node1')
        if (!/^[a-z][a-z0-9-]*(\/[A-Za-z0-9][\w.-]*)?$/.test(target)) return this.#unclear(info, at, 'a node, or a node and a namespace of it', 'sh node1/red')
        if (rest.length > 2 || (rest.length === 2 && rest[1] !== 'look')) return this.#unclear(info, at, 'nothing or `look` after the place', `sh ${target} look`)
        if (blank) return this.#unclear(info, at, 'a command in it', 'ip addr')
        return { kind: 'command', place: target, script: token.content, look: rest.length === 2, at }
      }
      case 'file': {
        const [, node, path] = /^([a-z][a-z0-9-]*):(\/.*[^/])$/.exec(target) ?? []
        if (node === undefined || path === undefined || rest.length > 1 || path.split('/').includes('..')) {
          return this.#unclear(info, at, 'a node and an absolute path', 'file node1:/etc/cni/net.d/10-bridge.conflist')
        }
        return { kind: 'file', node, path, content: token.content, at }
      }
      case 'answer': {
        if (rest.length !== 1 || !/^[a-z][a-z0-9-]*$/.test(target)) return this.#unclear(info, at, 'the name of the answer', 'answer pid')
        if (blank) return this.#unclear(info, at, 'a question in it', 'Which process listens on port 80?')
        return { kind: 'answer', name: target, question: token.content.trim(), at }
      }
      default: {
        if (illustrations.includes(info)) return undefined
        const shell = /^((ba|z|da)?sh|console|shell|terminal)$/.test(word)
        if (shell) return this.#unclear(info, at, 'a command as `sh PLACE`, or an illustration as `text`', 'sh node1')
        if (illustrations.includes(word)) return this.#unclear(info, at, 'nothing after the language of an illustration', word)
        const best = nearest(word, ['sh', 'file', 'answer', ...illustrations.slice(1)])
        return this.#unclear(info, at, `\`sh\`, \`file\`, \`answer\` or the language of an illustration${best ? ` (nearest: ${quoted(best)})` : ''}`, 'sh node1')
      }
    }
  }

  #unclear(info: string, at: Position, expected: string, example: string): undefined {
    this.#mistake(at, { what: `the fence ${quoted(info)} is unclear`, expected, example })
  }
}
