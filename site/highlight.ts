// Code with its words marked by kind. Classes and not colours: a page whose policy allows no inline style shows them too.
import { createCssVariablesTheme, createHighlighterCore, type HighlighterCore } from 'shiki/core'
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript'
import { html, type Html } from './html.ts'

export type Highlight = (code: string, language: string) => Html

/** Languages of fences that have a grammar; all others are shown as they are. */
const GRAMMARS = {
  sh: () => import('shiki/langs/shellscript.mjs'), json: () => import('shiki/langs/json.mjs'), yaml: () => import('shiki/langs/yaml.mjs'), ini: () => import('shiki/langs/ini.mjs'),
  c: () => import('shiki/langs/c.mjs'), diff: () => import('shiki/langs/diff.mjs'), ts: () => import('shiki/langs/typescript.mjs'),
}

export async function makeHighlight(): Promise<Highlight> {
  const highlighter = await createHighlighterCore({
    themes: [createCssVariablesTheme({ name: 'classes', variablePrefix: '--' })],
    langs: Object.values(GRAMMARS).map(async grammar => (await grammar()).default),
    engine: createJavaScriptRegexEngine(),
  })
  return (code, language) => marked(highlighter, code, language)
}

const NAMES: Readonly<Record<string, string>> = { sh: 'shellscript', ts: 'typescript' }

function marked(highlighter: HighlighterCore, code: string, language: string): Html {
  if (!Object.hasOwn(GRAMMARS, language)) return html`${code}`
  const { tokens } = highlighter.codeToTokens(code, { lang: NAMES[language] ?? language, theme: 'classes' })
  const lines = tokens.map(line => line.map(({ content, color = '' }) => {
    const kind = /^var\(--token-([a-z-]+)\)$/.exec(color)?.[1]
    return kind === undefined ? html`${content}` : html`<span class="k-${kind}">${content}</span>`
  }))
  return html`${lines.flatMap((line, index) => index === 0 ? [line] : ['\n', line])}`
}
