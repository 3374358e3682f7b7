// Reads what curl prints of an API, with `--write-out '\n== %{http_code}\n'`, one answer after the other.
import { readJson } from './json.ts'

export interface Got {
  readonly code: number
  /** JSON, or the text of an answer that is none. */
  readonly body: unknown
}

export function readApi(text: string): readonly Got[] {
  const parts = text.split(/\n== (\d{3})\n/)
  if (parts.length < 3 || parts.at(-1) !== '') throw new Error(`expected an answer and its status, and got ${JSON.stringify(text.slice(0, 80))}`)
  return Array.from({ length: (parts.length - 1) / 2 }, (_, index) => {
    const body = parts[index * 2] ?? ''
    return { code: Number(parts[index * 2 + 1]), body: body.trimStart().startsWith('{') ? readJson(body) : body.trim() }
  })
}
