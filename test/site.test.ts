// The static site: every page whole, every link leads somewhere, and nothing of an author is obeyed.
import { posix } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { Mistakes } from '../runner/core/mistake.ts'
import { buildSite } from '../site/build.ts'
import { parseGlossary } from '../site/glossary.ts'
import { Html, html } from '../site/html.ts'
import { proseHtml } from '../site/prose.ts'
import { record } from './helpers/record.ts'
import { siteCourse } from './helpers/site.ts'

describe('the site of the course', () => {
  let files: ReadonlyMap<string, string | Buffer>
  let pages: readonly (readonly [string, string])[]
  beforeAll(async () => {
    files = await buildSite(await siteCourse())
    pages = [...files].flatMap(([path, content]) => typeof content === 'string' && path.endsWith('.html') ? [[path, content] as const] : [])
  })

  test('has a page for every lab, check and fault, and for the glossary', async () => {
    const { labs, checks } = await siteCourse()
    const paths = pages.map(([path]) => path)
    expect(paths).toEqual(expect.arrayContaining(['index.html', 'glossary.html', ...labs.map(({ slug }) => `labs/${slug}.html`), ...checks.map(({ name }) => `checks/${name}.html`)]))
    const faults = labs.flatMap(({ lab }) => Object.values(lab.steps).flatMap(({ mutants = {} }) => Object.values(mutants).filter(mutant => 'after' in mutant)))
    expect(paths.filter(path => path.startsWith('faults/') && path !== 'faults/index.html')).toHaveLength(faults.length)
    expect(faults.length).toBeGreaterThan(10)
  })

  test('leads nowhere that is not there: links, anchors, scripts, styles', () => {
    const ids = new Map(pages.map(([path, text]) => [path, new Set([...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id))]))
    const dead = pages.flatMap(([path, text]) => [...text.matchAll(/\s(?:href|src)="([^"]*)"/g)].flatMap(([, target = '']) => {
      if (target.startsWith('https://')) return []
      const [file = '', anchor] = target.split('#')
      const to = file === '' ? path : posix.join(posix.dirname(path), file)
      const there = files.has(to) && (anchor === undefined || ids.get(to)?.has(anchor) === true)
      return there ? [] : [`${path}: ${target}`]
    }))
    expect(dead).toEqual([])
  })

  test('asks nothing of another machine, and has no script or style of its own in a page', () => {
    for (const [path, text] of pages) {
      expect(text.match(/<script(?![^>]*\ssrc="(\.\.\/)*assets\/)[^>]*>|<style|\sstyle="|\son[a-z]+="|<img[^>]+src="http/), path).toBeNull()
      expect(text).toContain("default-src &#39;none&#39;")
    }
    expect(String(files.get('assets/site.css'))).not.toMatch(/https?:/)
  })

  test('has every id once', () => {
    for (const [path, text] of pages) {
      const ids = [...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
      expect(ids.filter((id, index) => ids.indexOf(id) !== index), path).toEqual([])
    }
  })

  test('says of each check what it claims', async () => {
    expect((await siteCourse()).checks.filter(({ says }) => says === '').map(({ name }) => name)).toEqual([])
  })

  test('gives each node its colour, and marks words of code by class', () => {
    const text = pages.find(([path]) => path === 'labs/05-static-routes.html')?.[1] ?? ''
    const parts = ['<figure class="fence n1" data-place="node1"><figcaption><span>node1', '<figure class="fence n2" data-place="node2"><figcaption><span>node2', '<span class="k-function">ip</span>']
    expect(parts.filter(part => !text.includes(part))).toEqual([])
  })
})

describe('what was recorded on nodes', () => {
  test('is a picture after each step, a packet through the lab, and what each fault looks like', async () => {
    const files = await buildSite(await siteCourse(), new Map([['05-static-routes', record]]))
    const lab = String(files.get('labs/05-static-routes.html'))
    expect(lab.match(/<figure class="picture">/g)).toHaveLength(record.steps.length + 1)
    expect(lab).toContain('id="packet"')
    const fault = String(files.get('faults/05-off-again-on-one-interface.html'))
    expect(fault).toContain('net.ipv4.conf.eth0.forwarding is 0')
    expect(fault).toContain('IpInAddrErrors 0 → 1')
    expect(lab + fault).not.toMatch(/\sstyle="|<script(?![^>]*\ssrc=)/)
  })

  test('has who reached whom as tables: whole after a step, and with a fault what is wrong in it, and why', async () => {
    const files = await buildSite(await siteCourse(), new Map([['05-static-routes', record]]))
    const tables = (page: string): string => String(files.get(page)).match(/<table class="grid">.*?<\/table>/gs)?.join('') ?? ''
    const cells = (page: string): readonly string[] => [...tables(page).matchAll(/<td(?: class="([^"]*)")?/g)].map(([, name = '']) => name)
    expect(cells('labs/05-static-routes.html')).toEqual(['', 'no', 'ok', 'ok', '', 'no'])
    expect(cells('faults/05-off-again-on-one-interface.html')).toEqual(['', 'ok wrong', 'ok', 'ok', '', 'no'])
    expect(String(files.get('faults/05-off-again-on-one-interface.html'))).toContain('<p class="cells">a/x → b/y: answered, and is to be denied: a/default-deny isolates &lt;b/y&gt; for ingress, and has no rule for it</p>')
  })

  test('is left out where nothing was', async () => {
    expect(String((await buildSite(await siteCourse())).get('labs/05-static-routes.html'))).not.toContain('class="picture"')
  })
})

describe('prose', () => {
  const prose = (markdown: string, terms = parseGlossary('# G\n\n## veth, veth pair {#veth}\n\nTwo ends.\n', 'g.md')): string =>
    proseHtml(markdown, { highlight: code => html`${code}`, topology: undefined, terms, linked: new Set(), root: '../' }).text

  test.for([
    ['HTML', '<script>alert(1)</script>', '<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n'],
    ['code', '`<b>`', '<p><code>&lt;b&gt;</code></p>\n'],
    ['a fence', '```text\n<img src=x onerror=alert(1)>\n```', '<figure class="fence plain"><pre tabindex="0"><code>&lt;img src=x onerror=alert(1)&gt;</code></pre></figure>'],
    ['the place of a fence', '```sh node1"><script>\nx\n```', '<figure class="fence n0" data-place="node1&quot;&gt;&lt;script&gt;"><figcaption><span>node1&quot;&gt;&lt;script&gt;</span><button class="copy" type="button">copy</button></figcaption><pre tabindex="0"><code>x</code></pre></figure>'],
    ['a link that is a script', '[x](javascript:alert(1))', '<p>[x](javascript:alert(1))</p>\n'],
  ] as const)('shows %s and does not obey it', ([, markdown, shown]) => {
    expect(prose(markdown)).toBe(shown)
  })

  test('links other lessons to their pages, wherever it is said', () => {
    expect(prose('[two](../02-bridge-samenode/lesson.md#join)')).toContain('href="../labs/02-bridge-samenode.html#join"')
    expect(prose('[elsewhere](https://example.com/05-x/lesson.md)')).toContain('href="https://example.com/05-x/lesson.md" rel="noopener noreferrer"')
  })

  test('links a term where it is used first, and not in code, links or headings', () => {
    expect(prose('# A veth\n\n`veth` and [veth](https://example.com): a veth pair, a veth.')).toBe(
      '<h1>A veth</h1>\n<p><code>veth</code> and <a href="https://example.com" rel="noopener noreferrer">veth</a>: a <a class="term" href="../glossary.html#veth">veth pair</a>, a veth.</p>\n')
  })

  test('takes no part of a word for a term', () => {
    expect(prose('vethical, my-veth')).toBe('<p>vethical, my-veth</p>\n')
  })
})

describe('the glossary', () => {
  test('is in the order of the alphabet, each term with all its names', () => {
    expect(parseGlossary('# G\n\n## b, bee {#b}\n\nB.\n\n## A {#a}\n\nA.\n', 'g.md')).toEqual([
      { id: 'a', name: 'A', names: ['A'], markdown: 'A.' }, { id: 'b', name: 'b', names: ['b', 'bee'], markdown: 'B.' }])
  })

  test('says where it is wrong', () => {
    expect(() => parseGlossary('## a\n\nx\n\n## b {#b}\n\n## c {#c}\n\nx\n\n## d {#c}\n\nx\n', 'g.md')).toThrow(Mistakes)
    try {
      parseGlossary('## a\n\nx\n\n## b {#b}\n\n## c {#c}\n\nx\n\n## d {#c}\n\nx\n', 'g.md')
    } catch (error) {
      expect((error as Mistakes).all.map(({ message }) => message.split(';')[0])).toEqual(['g.md:1:1: a term without an id', 'g.md:5:1: nothing is said of `b`', 'g.md:11:1: `c` is there already'])
    }
  })
})

describe('html', () => {
  test('escapes what is put in, and passes HTML on', () => {
    expect(html`<p title="${'"'}">${'<'}${html`<b>${'&'}</b>`}${[1, undefined, new Html('<i>')]}</p>`.text).toBe('<p title="&quot;">&lt;<b>&amp;</b>1<i></p>')
  })
})

