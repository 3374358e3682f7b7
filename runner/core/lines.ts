/** Lines for somebody's standard input, as they come. */
export class Lines implements AsyncIterable<string> {
  readonly #waiting: string[] = []
  #wake = (): void => {}
  #over = false

  push(text: string): void {
    this.#waiting.push(text)
    this.#wake()
  }

  end(): void {
    this.#over = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      const text = this.#waiting.shift()
      if (text !== undefined) yield text
      else if (this.#over) return
      else await new Promise<void>(resolve => { this.#wake = resolve })
    }
  }
}
