// A lesson's Markdown in a terminal.
import { stripVTControlCharacters, styleText } from 'node:util'
import MarkdownIt, { type Token } from 'markdown-it'

export type Style = Parameters<typeof styleText>[0]

export interface ProseOptions {
  readonly width: number
  readonly colour: boolean
  /** The colour of all that is of a place. Default: one for each node. */
  readonly nodeColour?: (place: string) => Style
}

/** A piece of a line that looks the same throughout. */
interface Run {
  readonly text: string
  readonly styles: readonly Style[]
}

/** Lines, without a line end at the end. No control character of the text is in them. */
export function renderProse(markdown: string, options: ProseOptions): string {
  const tokens = new MarkdownIt({ html: false }).parse(clean(markdown), {})
  return new Prose(options).blocks(tokens, Math.max(20, options.width)).join('\n')
}

/** Also at each leaf, because Markdown's entities make characters. */
function clean(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\u2028-\u202e\u2066-\u2069]|[^\P{Cc}\n\t]/gu, '')
}

/** Columns that the text takes: none for combining marks, two for East Asian wide ones and emoji. */
function widthOf(text: string): number {
  let width = 0
  for (const character of text) {
    if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) continue
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u.test(character) ? 2 : 1
  }
  return width
}

const nodeColours: readonly Style[] = ['cyan', 'magenta', 'yellow', 'green', 'blue']

function defaultColour(place: string): Style {
  const node = place.split('/')[0] ?? ''
  const number = Number(/\d+$/.exec(node)?.[0] ?? node.length)
  return nodeColours[(Math.max(number, 1) - 1) % nodeColours.length] ?? 'cyan'
}

class Prose {
  readonly #colour: boolean
  readonly #nodeColour: (place: string) => Style
  constructor(options: ProseOptions) {
    this.#colour = options.colour
    this.#nodeColour = options.nodeColour ?? defaultColour
  }

  #style(styles: readonly Style[], text: string): string {
    if (!this.#colour || text === '') return text
    // Whether to colour is decided already, for a stream that styleText does not know.
    return styles.reduce<string>((styled, style) => styleText(style, styled, { validateStream: false }), text)
  }

  /** Every block with an empty line between, but for the items of a tight list. */
  blocks(tokens: readonly Token[], width: number): string[] {
    const lines: string[] = []
    for (let index = 0; index < tokens.length; ) {
      const token = tokens[index]
      if (token === undefined) break
      const end = token.nesting === 1 ? closing(tokens, index) : index
      const block = this.#block(token, tokens.slice(index + 1, end), width)
      if (lines.length > 0 && block.length > 0 && !(token.hidden || tokens[index - 1]?.hidden)) lines.push('')
      lines.push(...block)
      index = end + 1
    }
    return lines
  }

  #block(token: Token, inside: readonly Token[], width: number): string[] {
    switch (token.type) {
      case 'heading_open': return this.#heading(token, inside, width)
      case 'paragraph_open': return this.#wrap(this.#inline(inside[0]), width)
      case 'bullet_list_open':
      case 'ordered_list_open': return this.#list(token, inside, width)
      case 'blockquote_open': return this.blocks(inside, width - 2).map(line => `${this.#style(['dim'], '│')} ${line}`.trimEnd())
      case 'table_open': return this.#table(inside, width)
      case 'hr': return [this.#style(['dim'], '─'.repeat(width))]
      case 'fence':
      case 'code_block': return this.#fence(token, width)
      default: return this.#wrap([{ text: clean(token.content), styles: [] }], width)
    }
  }

  #heading(token: Token, inside: readonly Token[], width: number): string[] {
    const runs = this.#inline(inside[0])
    const last = runs.at(-1)
    if (last !== undefined) runs.splice(-1, 1, { ...last, text: last.text.replace(/\s*\{[#.][^{}]*\}$/, '') })
    const lines = this.#wrap(runs.map(run => ({ ...run, styles: [...run.styles, 'bold' as const] })), width)
    if (this.#colour || token.tag > 'h2') return lines
    return [...lines, '─'.repeat(Math.max(...lines.map(widthOf)))]
  }

  #list(token: Token, inside: readonly Token[], width: number): string[] {
    const lines: string[] = []
    let number = Number(token.attrGet('start') ?? 1)
    for (let index = 0; index < inside.length; ) {
      const end = closing(inside, index)
      const mark = token.type === 'ordered_list_open' ? `${number++}. ` : '• '
      const item = this.blocks(inside.slice(index + 1, end), width - mark.length)
      if (lines.length > 0 && inside[index + 1]?.hidden === false) lines.push('')
      lines.push(...(item.length > 0 ? item : ['']).map((line, at) => `${at === 0 ? mark : ' '.repeat(mark.length)}${line}`.trimEnd()))
      index = end + 1
    }
    return lines
  }

  /** Columns as wide as they need; where that is too wide, the widest ones wrap. */
  #table(inside: readonly Token[], width: number): string[] {
    const rows: Run[][][] = []
    const heads = inside.filter(token => token.type === 'th_open').length
    for (const [index, token] of inside.entries()) {
      if (token.type === 'tr_open') rows.push([])
      if (token.type === 'th_open') rows.at(-1)?.push(this.#inline(inside[index + 1]).map(run => ({ ...run, styles: [...run.styles, 'bold' as const] })))
      if (token.type === 'td_open') rows.at(-1)?.push(this.#inline(inside[index + 1]))
    }
    const widths = Array.from({ length: heads }, (_, column) => Math.max(3, ...rows.map(row => widthOf((row[column] ?? []).map(run => run.text).join('')))))
    const free = width - 2 * (heads - 1)
    for (let widest = Math.max(...widths); widths.reduce((sum, one) => sum + one, 0) > free && widest > 8; widest = Math.max(...widths)) {
      widths[widths.indexOf(widest)] = widest - 1
    }
    const lines = rows.map(row => {
      const cells = widths.map((each, column) => this.#wrap(row[column] ?? [], each))
      const height = Math.max(...cells.map(cell => cell.length))
      return Array.from({ length: height }, (_, line) => cells.map((cell, column) => {
        const text = cell[line] ?? ''
        return text + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(stripVTControlCharacters(text))))
      }).join('  ').trimEnd())
    })
    const rule = this.#style(['dim'], widths.map(each => '─'.repeat(each)).join('  '))
    return [...(lines[0] ?? []), rule, ...lines.slice(1).flat()]
  }

  /** Lines of code are not wrapped: they are there to be copied. */
  #fence(token: Token, width: number): string[] {
    const [kind = '', target = '', look] = clean(token.info).trim().split(/\s+/)
    const content = clean(token.content).replace(/\n$/, '').split('\n')
    if (kind === 'answer') {
      const question = content.map(line => line.trim()).join(' ')
      const asked = this.#wrap([{ text: question, styles: ['bold'] }], width - 2).map((line, index) => `${index === 0 ? '? ' : '  '}${line}`)
      return [...asked, `  ${this.#style(['cyan'], `npx lab answer ${target} VALUE`)}`]
    }
    const place = kind === 'sh' ? target : kind === 'file' ? (target.split(':')[0] ?? '') : undefined
    const style: Style = place === undefined ? 'dim' : this.#nodeColour(place)
    const gutter = this.#style([style], '│')
    const lines = content.map(line => `${gutter} ${line.replaceAll('\t', '    ')}`.trimEnd())
    if (place === undefined) return lines
    const note = kind === 'file' ? `write ${target.slice(place.length + 1)}` : look === 'look' ? 'to look at' : ''
    return [`${this.#style([style, 'bold'], `┌ ${place}`)}${note && this.#style(['dim'], ` · ${note}`)}`, ...lines]
  }

  #inline(token: Token | undefined): Run[] {
    const runs: Run[] = []
    const styles: Style[] = []
    const hrefs: { readonly href: string; readonly from: number }[] = []
    const push = (text: string, ...more: Style[]) => runs.push({ text: clean(text), styles: [...styles, ...more] })
    for (const child of token?.children ?? []) {
      switch (child.type) {
        case 'text': push(child.content); break
        case 'code_inline': push(this.#colour ? child.content : `\`${child.content}\``, 'cyan'); break
        case 'softbreak': push(' '); break
        case 'hardbreak': push('\n'); break
        case 'strong_open': styles.push('bold'); break
        case 'em_open': styles.push('italic'); break
        case 's_open': styles.push('strikethrough'); break
        case 'strong_close': case 'em_close': case 's_close': styles.pop(); break
        case 'image': push(`[picture: ${child.content}]`, 'dim'); break
        case 'link_open':
          hrefs.push({ href: String(child.attrGet('href') ?? ''), from: runs.length })
          styles.push('underline')
          break
        case 'link_close': {
          styles.pop()
          const link = hrefs.pop()
          const shown = runs.slice(link?.from).map(run => run.text).join('')
          // Only what can be opened from a terminal; the page follows the others.
          if (link && /^https?:/.test(link.href) && link.href !== shown) push(` <${link.href}>`, 'dim')
          break
        }
        default: push(child.content)
      }
    }
    return runs
  }

  /** Words of one or more runs; what is longer than a line has a line for itself. */
  #wrap(runs: readonly Run[], width: number): string[] {
    const lines: string[] = []
    let line = ''
    let used = 0
    let word: Run[] = []
    const flush = () => { lines.push(line); line = ''; used = 0 }
    const add = () => {
      const wide = widthOf(word.map(run => run.text).join(''))
      if (wide === 0) return
      if (used > 0 && used + 1 + wide > width) flush()
      line += (used > 0 ? ' ' : '') + word.map(run => this.#style(run.styles, run.text)).join('')
      used += wide + (used > 0 ? 1 : 0)
      word = []
    }
    for (const run of runs) {
      for (const text of run.text.split(/(\n|[ \t]+)/)) {
        if (text === '\n' || /^[ \t]+$/.test(text)) add()
        if (text === '\n') flush()
        else if (text.trim() !== '') word.push({ ...run, text })
      }
    }
    add()
    if (used > 0) flush()
    return lines
  }
}

/** The index of the token that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  const level = tokens[open]?.level
  const end = tokens.findIndex((token, index) => index > open && token.nesting === -1 && token.level === level)
  return end === -1 ? tokens.length - 1 : end
}
