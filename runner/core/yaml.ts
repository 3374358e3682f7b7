// YAML that an author wrote, with the line and column of every part of it.
import { isMap, isNode, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml'
import { Mistake, type MistakeText, type Position } from './mistake.ts'
import { nearestOf, quoted } from './quoted.ts'

export interface Pair {
  readonly key: string
  readonly keyAt: Position
  readonly value: unknown
  readonly valueAt: Position
}

/** What to do about the mistakes that authors make most, by yaml's code. */
const remedies: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'quotes around a text that has a colon in it',
  DUPLICATE_KEY: 'each key once',
  MISSING_CHAR: 'a quote or bracket that closes what one opens',
}

/** One document. Mistakes gather here, so that all are told at once. */
export class YamlSource {
  readonly mistakes: Mistake[] = []
  readonly root: unknown
  readonly start: Position
  readonly #lines = new LineCounter()
  readonly #file: string
  readonly #firstLine: number

  /** `firstLine` is the line of the file that the text begins on. */
  constructor(text: string, file: string, firstLine = 1) {
    this.#file = file
    this.#firstLine = firstLine
    this.start = { file, line: firstLine, column: 1 }
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false })
    this.root = document.contents
    for (const problem of [...document.errors, ...document.warnings]) {
      this.mistake(this.#at(problem.pos[0]), { what: problem.message.replaceAll(/\s*\n\s*/g, ' '), expected: remedies[problem.code] ?? 'YAML' })
    }
  }

  mistake(at: Position, text: MistakeText): void {
    this.mistakes.push(new Mistake(at, text))
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line: Math.max(line, 1) + this.#firstLine - 1, column: Math.max(col, 1) }
  }

  /** Where a part begins; `otherwise` for a part that is not there. */
  at(part: unknown, otherwise: Position = this.start): Position {
    return isNode(part) && part.range ? this.#at(part.range[0]) : otherwise
  }

  /** The pairs of a mapping, in order. What is no mapping is a mistake and has none. */
  pairs(part: unknown, at: Position, name: string, example: string): Pair[] {
    if (isMap(part)) return this.#pairs(part)
    this.mistake(at, { what: `${name} is ${kindOf(part)}`, expected: 'a mapping', example })
    return []
  }

  #pairs(map: YAMLMap): Pair[] {
    return map.items.map(({ key, value }) => {
      const keyAt = this.at(key)
      const absent = isScalar(value) && value.value === null && value.source === ''
      return { key: String(scalarOf(key) ?? key), keyAt, value, valueAt: absent ? keyAt : this.at(value, keyAt) }
    })
  }

  unknownKey(pair: Pair, known: readonly string[]): void {
    this.mistake(pair.keyAt, { what: `unknown key ${quoted(pair.key)}`, expected: nearestOf(pair.key, known) })
  }

  /** A text, or undefined and a mistake. */
  text(pair: Pair, example: string): string | undefined {
    const value = scalarOf(pair.value)
    if (typeof value === 'string' && value.trim() !== '') return value
    this.mistake(pair.valueAt, { what: `${quoted(pair.key)} is ${kindOf(pair.value)}`, expected: 'a text', example })
    return undefined
  }

  /** A whole number of a range, or undefined and a mistake. */
  whole(pair: Pair, least: number, most: number, example: string): number | undefined {
    const value = scalarOf(pair.value)
    if (typeof value === 'number' && Number.isInteger(value) && least <= value && value <= most) return value
    const what = `${quoted(pair.key)} is ${kindOf(pair.value)}`
    this.mistake(pair.valueAt, { what, expected: `a whole number from ${least} to ${most}`, example })
    return undefined
  }
}

export function scalarOf(part: unknown): unknown {
  return isScalar(part) ? part.value : undefined
}

/** For "… is …": what an author put there. */
export function kindOf(part: unknown): string {
  if (isMap(part)) return 'a mapping'
  if (isScalar(part)) {
    if (part.value === null || part.value === '') return 'empty'
    return quoted(part.source ?? JSON.stringify(part.value))
  }
  return part === null || part === undefined ? 'empty' : isNode(part) && 'items' in part ? 'a list' : 'an alias'
}
