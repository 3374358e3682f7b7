// A lesson's Markdown as HTML. No HTML of an author passes; links to other lessons lead to their pages.
import MarkdownIt, { type Token } from 'markdown-it'
import type { Topology } from '../runner/core/topology.ts'
import type { Term } from './glossary.ts'
import type { Highlight } from './highlight.ts'
import { escape, Html, html } from './html.ts'
import { placeClass } from './places.ts'

export interface ProseContext {
  readonly highlight: Highlight
  readonly topology: Topology | undefined
  /** Terms that are linked where the page uses them first. What has been linked is added to `linked`. */
  readonly terms: readonly Term[]
  readonly linked: Set<string>
  /** From the page to the site's root: `../` or ``. */
  readonly root: string
}

export function proseHtml(markdown: string, context: ProseContext): Html {
  const renderer = new MarkdownIt({ html: false })
  renderer.renderer.rules['fence'] = (tokens, index) => fence(tokens[index], context).text
  renderer.renderer.rules['link_open'] = (tokens, index, options, _, self) => {
    const token = tokens[index]
    const href = String(token?.attrGet('href') ?? '')
    token?.attrSet('href', linkTo(href, context.root))
    if (/^https?:/.test(href)) token?.attrSet('rel', 'noopener noreferrer')
    return self.renderToken(tokens, index, options)
  }
  renderer.renderer.rules['table_open'] = () => '<div class="scrolls" tabindex="0"><table>'
  renderer.renderer.rules['table_close'] = () => '</table></div>'
  const tokens = renderer.parse(markdown, {})
  linkTerms(tokens, context)
  return new Html(renderer.renderer.render(tokens, renderer.options, {}))
}

/** `labs/02-bridge-samenode/lesson.md`, from wherever it is said, is that lab's page. */
function linkTo(href: string, root: string): string {
  const [, slug, anchor = ''] = /(?:^|\/)(\d\d-[a-z0-9-]+)\/lesson\.md(#.*)?$/.exec(href) ?? []
  if (slug !== undefined && !/^https?:/.test(href)) return `${root}labs/${slug}.html${anchor}`
  const term = /(?:^|\/)glossary\.md(#.*)?$/.exec(href)
  return term === null ? href : `${root}glossary.html${term[1] ?? ''}`
}

function fence(token: Token | undefined, { highlight, topology }: ProseContext): Html {
  const content = token?.content.replace(/\n$/, '') ?? ''
  const [word = '', target = '', more = ''] = token?.info.trim().split(/\s+/) ?? []
  const colour = (place: string): string => topology === undefined ? 'n0' : placeClass(topology, place)
  if (word === 'sh' && target !== '') {
    const looks = more === 'look' ? html`<span class="aside">changes nothing</span>` : undefined
    return html`<figure class="fence ${colour(target)}" data-place="${target}"><figcaption><span>${target.replace('/', ' / ')}</span>${looks}<button class="copy" type="button">copy</button></figcaption><pre tabindex="0"><code>${highlight(content, 'sh')}</code></pre></figure>`
  }
  if (word === 'file') {
    const [node = '', ...path] = target.split(':')
    return html`<figure class="fence ${colour(node)}" data-place="${node}" data-file="${path.join(':')}"><figcaption><span>${node}</span><span class="aside">the file ${path.join(':')}</span><button class="copy" type="button">copy</button></figcaption><pre tabindex="0"><code>${highlight(content, languageOf(target))}</code></pre></figure>`
  }
  if (word === 'answer') {
    return html`<div class="ask" data-name="${target}"><p><b>Question.</b> ${content}</p><p class="aside"><code>npx lab answer ${target} …</code></p></div>`
  }
  // Lines that have to meet want a font that has them.
  const drawing = /[\u2500-\u257f]/.test(content) ? ' drawing' : ''
  return html`<figure class="fence plain${drawing}"><pre tabindex="0"><code>${highlight(content, word)}</code></pre></figure>`
}

function languageOf(path: string): string {
  return /\.(conf(list)?|json)$/.test(path) && path.includes('cni') ? 'json' : /\.ya?ml$/.test(path) ? 'yaml' : /\.(conf|ini|service)$/.test(path) ? 'ini' : ''
}

/** The first use of each term in running text; not in headings, code or links. */
function linkTerms(tokens: readonly Token[], context: ProseContext): void {
  let heading = 0
  for (const token of tokens) {
    if (token.type === 'heading_open') heading++
    else if (token.type === 'heading_close') heading--
    else if (token.type === 'inline' && heading === 0 && token.children !== null) token.children = linked(token.children, context)
  }
}

function linked(children: readonly Token[], context: ProseContext): Token[] {
  let link = 0
  return children.flatMap(child => {
    if (child.type === 'link_open') link++
    else if (child.type === 'link_close') link--
    if (child.type !== 'text' || link > 0) return [child]
    return split(child, context)
  })
}

function split(text: Token, context: ProseContext): Token[] {
  let first: { readonly term: Term; readonly at: number; readonly length: number } | undefined
  for (const term of context.terms) {
    if (context.linked.has(term.id)) continue
    for (const name of term.names) {
      const found = new RegExp(`(?<![\\w-])${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}s?(?![\\w-])`, name === name.toLowerCase() ? 'i' : '').exec(text.content)
      if (found === null || (first !== undefined && (found.index > first.at || (found.index === first.at && found[0].length <= first.length)))) continue
      first = { term, at: found.index, length: found[0].length }
    }
  }
  if (first === undefined) return [text]
  const { term, at, length } = first
  context.linked.add(term.id)
  const part = (content: string): Token => Object.assign(Object.create(Object.getPrototypeOf(text) as object) as Token, text, { content })
  const link = Object.assign(part(''), { type: 'html_inline', content: `<a class="term" href="${context.root}glossary.html#${escape(term.id)}">${escape(text.content.slice(at, at + length))}</a>` })
  const rest = split(part(text.content.slice(at + length)), context)
  return [part(text.content.slice(0, at)), link, ...rest].filter(token => token.content !== '')
}
