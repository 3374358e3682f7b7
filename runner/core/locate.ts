// Where a key of the object in a lab.ts stands. A reader of tokens, not a parser: it knows strings,
// comments, templates and brackets, which is enough to tell a key from the same word elsewhere.

interface Token {
  readonly kind: 'word' | 'string' | 'mark'
  /** A string without its quotes. */
  readonly text: string
  readonly start: number
  /** How many brackets are open around it. */
  readonly depth: number
}

/** The line and column of the last key of the path that the source has, or else of the lab. */
export function locate(source: string, path: readonly string[]): { readonly line: number; readonly column: number } {
  const tokens = tokenize(source)
  const define = tokens.findIndex((token, index) => token.text === 'defineLab' && ['(', '<'].includes(tokens[index + 1]?.text ?? ''))
  const exported = tokens.findIndex((token, index) => token.text === 'default' && tokens[index - 1]?.text === 'export')
  let found = Math.max(define, define === -1 ? exported : 0, 0)
  // The object that is searched: its first token, and the depth of its keys.
  let from = tokens.findIndex((token, index) => index > found && token.kind === 'mark' && token.text === '{')
  for (const key of path) {
    const next = from === -1 ? -1 : keyIn(tokens, from, key)
    if (next === -1) break
    found = next
    // A value that is no literal object, `checks: shared`, has no keys here.
    from = tokens[next + 1]?.text === ':' && tokens[next + 2]?.text === '{' ? next + 2 : -1
  }
  const before = source.slice(0, tokens[found]?.start ?? 0).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}

function keyIn(tokens: readonly Token[], open: number, key: string): number {
  const depth = (tokens[open]?.depth ?? 0) + 1
  for (let index = open + 1; index < tokens.length; index++) {
    const token = tokens[index]
    if (token === undefined || token.depth < depth) return -1
    if (token.depth > depth || token.kind === 'mark' || token.text !== key) continue
    const before = tokens[index - 1]?.text ?? ''
    const after = tokens[index + 1]
    // `key: …`, the method `key(…) {`, and the shorthand `key,`.
    if (after?.kind === 'mark' && [':', '(', ',', '}'].includes(after.text) && ['{', ',', 'async', '['].includes(before)) return index
  }
  return -1
}

function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = []
  let depth = 0
  let at = 0
  while (at < source.length) {
    const start = at
    const character = source.charAt(at)
    if (/\s/.test(character)) at++
    else if (source.startsWith('//', at)) at = endOf(source, '\n', at)
    else if (source.startsWith('/*', at)) at = endOf(source, '*/', at + 2)
    else if (character === '"' || character === "'") {
      at = endOfString(source, at)
      tokens.push({ kind: 'string', text: source.slice(start + 1, at - 1).replaceAll(/\\(.)/gs, '$1'), start, depth })
    } else if (character === '`') {
      at = endOfTemplate(source, at)
      tokens.push({ kind: 'string', text: source.slice(start + 1, at - 1), start, depth })
    } else if (character === '/' && startsRegex(tokens.at(-1))) {
      at = endOfRegex(source, at)
      tokens.push({ kind: 'string', text: source.slice(start, at), start, depth })
    } else if (/[\w$]/.test(character)) {
      while (at < source.length && /[\w$]/.test(source.charAt(at))) at++
      tokens.push({ kind: 'word', text: source.slice(start, at), start, depth })
    } else {
      if ('}])'.includes(character)) depth--
      tokens.push({ kind: 'mark', text: character, start, depth })
      if ('{[('.includes(character)) depth++
      at++
    }
  }
  return tokens
}

function endOf(source: string, mark: string, from: number): number {
  const end = source.indexOf(mark, from)
  return end === -1 ? source.length : end + mark.length
}

function endOfString(source: string, from: number): number {
  const quote = source.charAt(from)
  let at = from + 1
  while (at < source.length && source.charAt(at) !== quote && source.charAt(at) !== '\n') at += source.charAt(at) === '\\' ? 2 : 1
  return at + 1
}

function endOfTemplate(source: string, from: number): number {
  let at = from + 1
  while (at < source.length && source.charAt(at) !== '`') {
    if (source.charAt(at) === '\\') at += 2
    else if (source.startsWith('${', at)) at = endOfHole(source, at + 2)
    else at++
  }
  return at + 1
}

/** The end of a template's `${…}`, which may hold strings, objects and templates again. */
function endOfHole(source: string, from: number): number {
  let open = 1
  let at = from
  while (at < source.length && open > 0) {
    const character = source.charAt(at)
    if (character === '`') at = endOfTemplate(source, at)
    else if (character === '"' || character === "'") at = endOfString(source, at)
    else {
      if (character === '{') open++
      if (character === '}') open--
      at++
    }
  }
  return at
}

/** After a value a `/` divides; elsewhere it opens a regular expression. */
function startsRegex(before: Token | undefined): boolean {
  if (before === undefined || ['return', 'typeof', 'case', 'in', 'of', 'await'].includes(before.text)) return true
  return before.kind === 'mark' && ![')', ']', '}'].includes(before.text)
}

function endOfRegex(source: string, from: number): number {
  let at = from + 1
  let inClass = false
  while (at < source.length && source.charAt(at) !== '\n' && (inClass || source.charAt(at) !== '/')) {
    const character = source.charAt(at)
    if (character === '[') inClass = true
    if (character === ']') inClass = false
    at += character === '\\' ? 2 : 1
  }
  return at + 1
}
