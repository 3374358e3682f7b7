/** Where something is wrong in a file that an author wrote. Lines and columns count from 1. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface MistakeText {
  readonly what: string
  readonly expected: string
  readonly example?: string
}

/** One thing wrong in a lesson, a topology or a lab. Its message is the one line that an author is shown. */
export class Mistake extends Error {
  readonly at: Position
  readonly text: MistakeText
  constructor(at: Position, text: MistakeText) {
    const example = text.example === undefined ? '' : `, for example \`${text.example}\``
    super(`${at.file}:${at.line}:${at.column}: ${text.what}; expected ${text.expected}${example}`)
    this.name = 'Mistake'
    this.at = at
    this.text = text
  }
}

/** All the mistakes of a file at once, so that an author mends them in one go. */
export class Mistakes extends Error {
  readonly all: readonly Mistake[]
  constructor(all: readonly Mistake[]) {
    super(all.map(mistake => mistake.message).join('\n'))
    this.name = 'Mistakes'
    this.all = all
  }
}

/** The command was used wrongly: exit status 2, one line, no stack. */
export class Usage extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Usage'
  }
}

/** Could not do or could not look, through no fault of the learner: exit status 3. */
export class Unable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Unable'
  }
}
