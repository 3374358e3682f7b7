// One field of an object: where it is in the file, where it is in the object, and what the API server would say of it.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document } from 'yaml'
import { Mistake, type Position } from '../runner/core/mistake.ts'
import { control, escaped, nearestOf } from '../runner/core/quoted.ts'
import { kindOf } from '../runner/core/yaml.ts'

/** Mistakes gather here, so that all are told at once. */
export class Source {
  readonly mistakes: Mistake[] = []
  readonly #file: string
  readonly #lines = new LineCounter()

  constructor(file: string) {
    this.#file = file
  }

  /** Every document of the text that YAML can read; of the others the mistakes. */
  documents(text: string): readonly Field[] {
    const parsed = parseAllDocuments(text, { lineCounter: this.#lines, prettyErrors: false })
    const documents = Array.isArray(parsed) ? parsed as readonly Document.Parsed[] : []
    return documents.flatMap(document => {
      for (const problem of [...document.errors, ...document.warnings]) {
        this.mistakes.push(new Mistake(this.#at(problem.pos[0]), { what: problem.message.replaceAll(/\s*\n\s*/g, ' '), expected: 'YAML' }))
      }
      const empty = document.contents === null || (isScalar(document.contents) && document.contents.value === null)
      return document.errors.length > 0 || empty ? [] : [new Field(this, document, document.contents, this.#at(document.contents?.range?.[0] ?? 0), '', undefined)]
    })
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }

  at(part: unknown, otherwise: Position): Position {
    const range = (part as { readonly range?: readonly number[] | null } | null | undefined)?.range
    return range?.[0] === undefined ? otherwise : this.#at(range[0])
  }
}

/** Says of which object a field is: `NetworkPolicy "default-deny"`. */
export interface Subject {
  readonly kind: string
  readonly name: string
}

export class Field {
  readonly at: Position
  readonly path: string
  readonly #source: Source
  readonly #document: Document
  readonly #part: unknown
  readonly #subject: Subject | undefined

  constructor(source: Source, document: Document, part: unknown, at: Position, path: string, subject: Subject | undefined) {
    this.#source = source
    this.#document = document
    this.#part = isAlias(part) ? part.resolve(document) : part
    this.at = at
    this.path = path
    this.#subject = subject
  }

  /** The same field, of an object that has a name now. */
  of(subject: Subject): Field {
    return new Field(this.#source, this.#document, this.#part, this.at, this.path, subject)
  }

  /** `null` is absent, as it is for the API server. */
  get present(): boolean {
    return this.#part !== undefined && this.#part !== null && !(isScalar(this.#part) && this.#part.value === null)
  }

  /** As it is written. */
  get shown(): string {
    return isScalar(this.#part) ? JSON.stringify(this.#part.value) : kindOf(this.#part)
  }

  #wrong(reason: string, detail: string, expected: string, example?: string): undefined {
    const subject = this.#subject === undefined ? '' : `${this.#subject.kind} "${this.#subject.name}" is invalid: `
    const what = `${subject}${this.path}: ${reason}${detail === '' ? '' : `: ${detail}`}`
    this.#source.mistakes.push(new Mistake(this.at, { what: clean(what), expected, ...(example === undefined ? {} : { example }) }))
    return undefined
  }

  required(detail: string, expected: string, example?: string): undefined {
    return this.#wrong('Required value', detail, expected, example)
  }

  invalid(detail: string, expected: string, example?: string): undefined {
    return this.#wrong(`Invalid value: ${this.shown}`, detail, expected, example)
  }

  unsupported(values: readonly string[]): undefined {
    return this.#wrong(`Unsupported value: ${this.shown}`, `supported values: ${values.map(value => JSON.stringify(value)).join(', ')}`, 'one of these')
  }

  forbidden(detail: string, expected: string): undefined {
    return this.#wrong('Forbidden', detail, expected)
  }

  /** A field of a mapping. What is not there is a field that is not present. */
  field(key: string): Field {
    const pair = isMap(this.#part) ? this.#part.items.find(item => keyOf(item.key) === key) : undefined
    const at = pair === undefined ? this.at : this.#source.at(pair.value, this.#source.at(pair.key, this.at))
    return new Field(this.#source, this.#document, pair?.value, at, this.path === '' ? key : `${this.path}.${key}`, this.#subject)
  }

  /** True if it is a mapping; a mistake if it is anything else that is there. Unknown keys are mistakes, where all that may be are named. */
  mapping(known?: readonly string[]): boolean {
    if (!this.present) return false
    if (!isMap(this.#part)) {
      this.invalid('must be an object', 'a mapping')
      return false
    }
    for (const { key } of known === undefined ? [] : this.#part.items) {
      const name = keyOf(key)
      if (known?.includes(name) === true) continue
      const path = this.path === '' ? name : `${this.path}.${name}`
      const subject = this.#subject === undefined ? '' : `${this.#subject.kind} "${this.#subject.name}": `
      this.#source.mistakes.push(new Mistake(this.#source.at(key, this.at), {
        what: clean(`${subject}strict decoding error: unknown field ${JSON.stringify(path)}`), expected: nearestOf(name, known ?? []),
      }))
    }
    return true
  }

  entries(): readonly (readonly [string, Field])[] {
    if (!this.mapping() || !isMap(this.#part)) return []
    return this.#part.items.map(({ key }) => [keyOf(key), this.field(keyOf(key))] as const)
  }

  items(): readonly Field[] {
    if (!this.present) return []
    if (!isSeq(this.#part)) {
      this.invalid('must be an array', 'a list')
      return []
    }
    return this.#part.items.map((item, index) => new Field(this.#source, this.#document, item, this.#source.at(item, this.at), `${this.path}[${index}]`, this.#subject))
  }

  text(): string | undefined {
    const value = this.#scalar()
    if (value === undefined || typeof value === 'string') return value
    return this.invalid('must be a string', 'a text', typeof value === 'object' ? undefined : `"${String(value)}"`)
  }

  flag(): boolean | undefined {
    const value = this.#scalar()
    if (value === undefined || typeof value === 'boolean') return value
    return this.invalid('must be a boolean', '`true` or `false`')
  }

  whole(): number | undefined {
    const value = this.#scalar()
    if (value === undefined || (typeof value === 'number' && Number.isInteger(value))) return value
    return this.invalid('must be an integer', 'a whole number')
  }

  wholeOrText(): number | string | undefined {
    const value = this.#scalar()
    if (value === undefined || typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))) return value
    return this.invalid('must be an integer or a string', 'a number, or the name of a port')
  }

  oneOf<Value extends string>(values: readonly Value[]): Value | undefined {
    const value = this.#scalar()
    if (value === undefined) return undefined
    return values.find(one => one === value) ?? this.unsupported(values)
  }

  /** Undefined for what is absent, and for what is no scalar, which is a mistake. */
  #scalar(): string | number | boolean | bigint | object | undefined {
    if (!this.present) return undefined
    if (isScalar(this.#part)) return this.#part.value as string | number | boolean | bigint | object
    return this.invalid(`must not be ${kindOf(this.#part)}`, 'a single value')
  }
}

/** On one line, and nothing in it that a terminal would obey. */
function clean(text: string): string {
  return text.replaceAll(new RegExp(control, 'gu'), escaped)
}

function keyOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key)
}
